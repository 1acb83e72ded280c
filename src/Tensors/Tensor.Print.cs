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
        var text = new StringBuilder(head).Append(Rank > 1 ? "\n" : " ");
        Print(text, Elements(), 0, 0, (int)Count);
        return text.ToString();
    }

    /// <summary>The text of element i in logical order.</summary>
    Func<int, string> Elements()
    {
        using var scope = Scope.Begin();
        if (!DType.IsFloat())
        {
            long[] integers = Detach().To(DType.Int64).ToArray<long>();
            return i => integers[i].ToString(CultureInfo.InvariantCulture);
        }
        float[] floats = Detach().To(DType.Float32).ToArray<float>();
        string format = floats.All(v => v == MathF.Round(v) && MathF.Abs(v) < 1e6f) ? "0" : "0.####";
        return i => Format(floats[i], format);
    }

    void Print(StringBuilder text, Func<int, string> element, int dim, int start, int length)
    {
        if (dim == Rank)
        {
            text.Append(element(start).PadLeft(Rank > 1 ? 8 : 0));
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
            Print(text, element, dim + 1, start + (i * step), step);
        }
        text.Append(']');
    }

    static string Format(float v, string format) =>
        v != 0 && float.IsFinite(v) && (MathF.Abs(v) < 1e-3f || MathF.Abs(v) >= 1e6f)
            ? v.ToString("0.###e+0", CultureInfo.InvariantCulture)
            : v.ToString(format, CultureInfo.InvariantCulture);
}
