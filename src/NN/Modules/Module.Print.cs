using System.Text;

namespace Tessera.NN;

public abstract partial class Module
{
    /// <summary>The arguments shown between the parentheses: <c>3, 64, kernel_size=(7, 7)</c>; spelled as PyTorch prints them.</summary>
    protected virtual string Arguments => "";

    /// <summary>The tree of modules, as PyTorch prints one.</summary>
    public override string ToString()
    {
        StringBuilder text = new();
        Print(text, "");
        return text.ToString();
    }

    /// <summary>A float as Python writes it: <c>0.1</c>, <c>1e-05</c>.</summary>
    private protected static string Py(double x)
    {
        string s = ((float)x).ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        int e = s.IndexOf("E-", StringComparison.Ordinal);
        return e < 0 ? s : $"{s[..e]}e-{s[(e + 2)..].PadLeft(2, '0')}";
    }

    /// <summary>A truth value as Python writes it.</summary>
    private protected static string Py(bool x) => x ? "True" : "False";

    void Print(StringBuilder text, string indent)
    {
        text.Append(GetType().Name).Append('(').Append(Arguments);
        foreach (var (name, child) in children)
        {
            text.Append('\n').Append(indent).Append("  (").Append(name).Append("): ");
            child.Print(text, indent + "  ");
        }
        if (children.Count > 0) text.Append('\n').Append(indent);
        text.Append(')');
    }
}
