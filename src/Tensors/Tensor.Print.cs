using System.Globalization;
using System.Text;

namespace Tessera;

public sealed partial class Tensor
{
    const int Edge = 3;

    /// <summary>Type, shape and device, then the elements; long dimensions are shortened to their first and last three.</summary>
    public override string ToString()
    {
        string head = $"{DType}{Shape} on {Device}";
        if (IsReleased) return $"{head} (released)";
        if (Count == 0) return head;
        using var x = Autograd.NoGrad(() => Detach().To(DType.Float32).Detach());
        float[] elements = x.ToArray<float>();
        string format = DType.IsFloat() ? elements.All(v => v == MathF.Round(v) && MathF.Abs(v) < 1e6f) ? "0" : "0.####" : "0";
        var text = new StringBuilder(head).Append(Rank > 1 ? "\n" : " ");
        Print(text, elements, 0, 0, (int)Count, format);
        return text.ToString();
    }

    void Print(StringBuilder text, float[] elements, int dim, int start, int length, string format)
    {
        if (dim == Rank)
        {
            text.Append(Format(elements[start], format).PadLeft(Rank > 1 ? 8 : 0));
            return;
        }
        int n = Shape[dim], step = length / n;
        text.Append('[');
        for (int i = 0; i < n; i++)
        {
            if (n > 2 * Edge + 1 && i == Edge)
            {
                text.Append(dim == Rank - 1 ? ", ..." : ",\n" + new string(' ', dim + 1) + "...");
                i = n - Edge;
            }
            if (i > 0) text.Append(dim == Rank - 1 ? ", " : ",\n" + new string(' ', dim + 1));
            Print(text, elements, dim + 1, start + (i * step), step, format);
        }
        text.Append(']');
    }

    static string Format(float v, string format) =>
        v != 0 && float.IsFinite(v) && (MathF.Abs(v) < 1e-3f || MathF.Abs(v) >= 1e6f)
            ? v.ToString("0.###e+0", CultureInfo.InvariantCulture)
            : v.ToString(format, CultureInfo.InvariantCulture);
}
