using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tessera;

/// <summary>A photo, [H, W, 3] bytes, and how a picture of a batch is made of it.</summary>
/// <param name="Pixels">At least 3·H·W bytes.</param>
/// <param name="How">What happens to them.</param>
internal readonly record struct Picture(ReadOnlyMemory<byte> Pixels, PictureSampling How);

/// <summary>(x, y) to ((A x + B y + C)/w, (D x + E y + F)/w) with w = G x + H y + I.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct Projection(double a, double b, double c, double d, double e, double f, double g, double h, double i)
{
    readonly double a = a, b = b, c = c, d = d, e = e, f = f, g = g, h = h, i = i;

    /// <summary>Where (x, y) goes.</summary>
    public (double X, double Y) Map(double x, double y)
    {
        double u = Math.FusedMultiplyAdd(a, x, Math.FusedMultiplyAdd(b, y, c)), v = Math.FusedMultiplyAdd(d, x, Math.FusedMultiplyAdd(e, y, f));
        double w = Math.FusedMultiplyAdd(g, x, Math.FusedMultiplyAdd(h, y, i));
        return (u / w, v / w);
    }
}

/// <summary>Pixel (i, j) of a view is pixel (R0 + i RI + j RJ, C0 + i CI + j CJ) of what lies beneath: flips, crops and transpositions.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct PixelView(int r0, int ri, int rj, int c0, int ci, int cj)
{
    readonly int r0 = r0, ri = ri, rj = rj, c0 = c0, ci = ci, cj = cj;

    /// <summary>Row and column beneath.</summary>
    public (int Row, int Column) At(int i, int j) => (r0 + (i * ri) + (j * rj), c0 + (i * ci) + (j * cj));
}

/// <summary>Rows R0..R1-1 and columns C0..C1-1.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct PixelBox(int R0, int R1, int C0, int C1);

/// <summary>
/// How one picture is made of a photo: output pixel → padding → window → hole? → sampling grid → source position → light. The kernel
/// <c>sample_pictures</c> reads the same bytes; the numbers behind the fields are its offsets.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PictureSampling
{
    /// <summary>Holes that fit.</summary>
    public const int MaxHoles = 4;

    /// <summary>Longest side of a photo.</summary>
    public const int MaxSide = 65535;

    /// <summary>0: where the photo begins, in bytes.</summary>
    public long Offset;

    /// <summary>8: (column, row) of the grid to (column, row) of the source; with jitter, to the point that is moved.</summary>
    public Projection Map;

    /// <summary>80: with jitter, the moved point to (column, row) of the source.</summary>
    public Projection AfterJitter;

    /// <summary>152: every coordinate of a point + U(-jitter, jitter); 0 for none.</summary>
    public double Jitter;

    /// <summary>160: where its random numbers come from; block number Block + r GridWidth + c for point (r, c).</summary>
    public ulong Seed, Stream, Block;

    /// <summary>184: sides of the photo.</summary>
    public int Height, Width;

    /// <summary>192: sides of the source: of the photo, or smaller, then source pixels are the means of the photo's pixels they cover.</summary>
    public int SourceHeight, SourceWidth;

    /// <summary>200: columns of the grid.</summary>
    public int GridWidth;

    /// <summary>204: 1 for the nearest source pixel, 0 for bilinear.</summary>
    public int Nearest;

    /// <summary>208: what lies outside the source.</summary>
    public GridPadding Outside;

    /// <summary>212: what lies outside the window: black, its edge, or its mirror image.</summary>
    public GridPadding Padding;

    /// <summary>216: sides of the window.</summary>
    public int WindowHeight, WindowWidth;

    /// <summary>224: output to padded window.</summary>
    public PixelView Output;

    /// <summary>248: window to grid.</summary>
    public PixelView Window;

    /// <summary>272: 1 where logits l become Scale l + Shift.</summary>
    public int Lit;

    /// <summary>276.</summary>
    public float Scale, Shift;

    /// <summary>284: number of holes: black parts of the grid.</summary>
    public int HoleCount;

    /// <summary>288.</summary>
    public PixelHoles Holes;

    /// <summary>A photo of the right size, as it is.</summary>
    public static PictureSampling Whole(int height, int width) => new()
    {
        Map = new(1, 0, 0, 0, 1, 0, 0, 0, 1),
        Height = height,
        Width = width,
        SourceHeight = height,
        SourceWidth = width,
        GridWidth = width,
        Outside = GridPadding.Border,
        Padding = GridPadding.Border,
        WindowHeight = height,
        WindowWidth = width,
        Output = new(0, 1, 0, 0, 0, 1),
        Window = new(0, 1, 0, 0, 0, 1),
        Scale = 1,
    };
}

/// <summary>Room for the holes of a picture.</summary>
[InlineArray(PictureSampling.MaxHoles)]
internal struct PixelHoles
{
    /// <summary>The first of them; the others lie behind it.</summary>
    public PixelBox First;
}

/// <summary>(x - mean) / std by channel; [3] each.</summary>
internal readonly record struct ChannelScale(ReadOnlyMemory<float> Mean, ReadOnlyMemory<float> Std)
{
    static readonly float[] zeros = [0, 0, 0], ones = [1, 1, 1];

    /// <summary>Nothing changes.</summary>
    public static ChannelScale None { get; } = new(zeros, ones);
}
