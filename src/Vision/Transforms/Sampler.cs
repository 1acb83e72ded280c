using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tessera.Vision;

/// <summary>Pixels that a sampler can read: four lanes red, green, blue and an unused one.</summary>
internal interface IPixels
{
    /// <summary>Pixel number <paramref name="i"/>, in units of 1/<see cref="One"/>.</summary>
    Vector128<float> Load(int i);

    /// <summary>The value of full brightness.</summary>
    static abstract float One { get; }
}

/// <summary>[H, W, 3] bytes and a spare one.</summary>
internal readonly struct BytePixels(byte[] px) : IPixels
{
    public static float One => 255;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<float> Load(int i)
    {
        var rgbx = Vector128.CreateScalarUnsafe(BinaryPrimitives.ReadUInt32LittleEndian(px.AsSpan(3 * i, 4)));
        return Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(rgbx.AsByte())).AsInt32());
    }
}

/// <summary>[H, W, 4] floats.</summary>
internal readonly struct FloatPixels(float[] px) : IPixels
{
    public static float One => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<float> Load(int i) => Vector128.Create<float>(px.AsSpan(4 * i, 4));
}

/// <summary>Reads a picture of H x W pixels at fractional positions, a row of them at a time.</summary>
internal readonly ref struct Sampler<T>(T px, int H, int W) where T : struct, IPixels
{
    /// <summary>y[j] = value at (xs[j], ys[j]), [n, 4]; the coordinates, in pixels, are changed on the way.</summary>
    public void Row(Span<float> xs, Span<float> ys, PaddingMode padding, InterpolationMode mode, Span<float> y)
    {
        Inside(xs, W, padding);
        Inside(ys, H, padding);
        var n = y.Length / 4;
        var scale = Vector128.Create(1 / T.One);
        if (mode == InterpolationMode.Nearest)
        {
            for (var j = 0; j < n; j++)
                (At((int)MathF.Round(ys[j]), (int)MathF.Round(xs[j])) * scale).CopyTo(y.Slice(4 * j, 4));
            return;
        }
        for (var j = 0; j < n; j++)
            (Bilinear(xs[j], ys[j]) * scale).CopyTo(y.Slice(4 * j, 4));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector128<float> Bilinear(float x, float y)
    {
        var (fx, fy) = (MathF.Floor(x), MathF.Floor(y));
        var (c, r) = ((int)fx, (int)fy);
        var (wx, wy) = (Vector128.Create(x - fx), Vector128.Create(y - fy));
        Vector128<float> p00, p01, p10, p11;
        if ((uint)c < (uint)(W - 1) && (uint)r < (uint)(H - 1))
        {
            var i = r * W + c;
            (p00, p01, p10, p11) = (px.Load(i), px.Load(i + 1), px.Load(i + W), px.Load(i + W + 1));
        }
        else
        {
            (p00, p01, p10, p11) = (At(r, c), At(r, c + 1), At(r + 1, c), At(r + 1, c + 1));
        }
        var (top, bottom) = (p00 + (p01 - p00) * wx, p10 + (p11 - p10) * wx);
        return top + (bottom - top) * wy;
    }

    /// <summary>The pixel, or black outside.</summary>
    private Vector128<float> At(int r, int c) => (uint)r < (uint)H && (uint)c < (uint)W ? px.Load(r * W + c) : Vector128<float>.Zero;

    /// <summary>
    /// Folds coordinates into the picture. Reflection about 0 and s = size-1: t = |x| mod 2s, then min(t, 2s-t).
    /// With zeros they are only kept from overflowing. What is not a number becomes the lowest coordinate.
    /// </summary>
    private static void Inside(Span<float> x, int size, PaddingMode padding)
    {
        var s = new Vector<float>(size - 1f);
        var period = new Vector<float>(Math.Max(2f * (size - 1), 1e-20f));
        var (low, high) = padding == PaddingMode.Zeros ? (new Vector<float>(-1), new Vector<float>(size)) : (Vector<float>.Zero, s);
        for (var j = 0; j + Vector<float>.Count <= x.Length; j += Vector<float>.Count)
        {
            var t = new Vector<float>(x[j..]);
            if (padding == PaddingMode.Reflection)
            {
                t = Vector.Abs(t);
                t -= period * Vector.Floor(t / period);
                t = Vector.Min(t, period - t);
            }
            t = Vector.ConditionalSelect(Vector.GreaterThan(t, low), t, low);
            t = Vector.ConditionalSelect(Vector.LessThan(t, high), t, high);
            t.CopyTo(x[j..]);
        }
    }
}
