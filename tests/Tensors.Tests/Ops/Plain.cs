namespace Tessera.Tests;

/// <summary>A plain array of doubles in row-major order: the slow, obvious reference that ops are compared with.</summary>
sealed class Plain(int[] shape, double[] data)
{
    public int[] Shape { get; } = shape;

    public double[] Data { get; } = data;

    public int Rank => Shape.Length;

    public double this[params ReadOnlySpan<int> i] => Data[Offset(Shape, i)];

    /// <summary>The array whose element at index i is f(i).</summary>
    public static Plain Of(int[] shape, Func<int[], double> f)
    {
        double[] data = new double[shape.Aggregate(1, (a, b) => a * b)];
        for (int k = 0; k < data.Length; k++) data[k] = f(Index(shape, k));
        return new Plain(shape, data);
    }

    public Plain Map(Func<double, double> f) => new(Shape, Array.ConvertAll(Data, v => f(v)));

    /// <summary>f of each pair, broadcast.</summary>
    public Plain Zip(Plain other, Func<double, double, double> f)
    {
        int rank = Math.Max(Rank, other.Rank);
        int Size(Plain p, int d) => d - rank + p.Rank is >= 0 and var own ? p.Shape[own] : 1;
        int[] shape = [.. Enumerable.Range(0, rank).Select(d => Size(this, d) == 1 ? Size(other, d) : Size(this, d))];
        double At(Plain p, int[] i) => p[[.. Enumerable.Range(0, p.Rank).Select(d => p.Shape[d] == 1 ? 0 : i[d + rank - p.Rank])]];
        return Of(shape, i => f(At(this, i), At(other, i)));
    }

    /// <summary>f of the elements of each line along a dimension, which is dropped.</summary>
    public Plain Reduce(int dim, Func<double[], double> f)
    {
        int[] rest = [.. Shape[..dim], .. Shape[(dim + 1)..]];
        return Of(rest, i => f(Line(dim, [.. i[..dim], 0, .. i[dim..]])));
    }

    /// <summary>Each line along a dimension mapped to a line.</summary>
    public Plain Along(int dim, Func<double[], double[]> f)
    {
        int length = f(new double[Shape[dim]]).Length;
        int[] shape = [.. Shape];
        shape[dim] = length;
        return Of(shape, i => f(Line(dim, i))[i[dim]]);
    }

    public Plain Reshape(params int[] shape) => new(shape, Data);

    /// <summary>The element of a padded plane: 0 outside.</summary>
    public double Inside(int n, int c, int h, int w) => (uint)h < (uint)Shape[2] && (uint)w < (uint)Shape[3] ? this[n, c, h, w] : 0;

    double[] Line(int dim, int[] at)
    {
        double[] line = new double[Shape[dim]];
        int[] i = [.. at];
        for (i[dim] = 0; i[dim] < line.Length; i[dim]++) line[i[dim]] = this[i];
        return line;
    }

    static int Offset(int[] shape, ReadOnlySpan<int> i)
    {
        int offset = 0;
        for (int d = 0; d < shape.Length; d++) offset = (offset * shape[d]) + i[d];
        return offset;
    }

    static int[] Index(int[] shape, int k)
    {
        int[] i = new int[shape.Length];
        for (int d = shape.Length - 1; d >= 0; k /= shape[d--]) i[d] = k % shape[d];
        return i;
    }
}
