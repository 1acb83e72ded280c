namespace Tessera;

/// <summary>Height and width of a 2-d parameter such as a kernel, stride or padding; one number means both: <c>stride: 2</c>, <c>padding: (1, 0)</c>.</summary>
/// <param name="H">Vertical value.</param>
/// <param name="W">Horizontal value.</param>
public readonly record struct Pair(int H, int W)
{
    /// <summary>The same value for both.</summary>
    public static implicit operator Pair(int both) => new(both, both);

    /// <summary>(height, width).</summary>
    public static implicit operator Pair((int H, int W) pair) => new(pair.H, pair.W);

    /// <summary><c>3</c> or <c>(3, 2)</c>.</summary>
    public override string ToString() => H == W ? $"{H}" : $"({H}, {W})";
}
