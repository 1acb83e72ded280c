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

    /// <summary>Pixels <paramref name="i"/> and <paramref name="below"/>, and their right neighbours.</summary>
    (Vector256<float> Left, Vector256<float> Right) Square(int i, int below);

    /// <summary>The value of full brightness.</summary>
    static abstract float One { get; }
}

/// <summary>[H, W, 3] bytes and two spare ones.</summary>
readonly struct BytePixels(byte[] px) : IPixels
{
    public static float One => 255;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<float> Load(int i)
    {
        var rgbx = Vector128.CreateScalarUnsafe(BinaryPrimitives.ReadUInt32LittleEndian(px.AsSpan(3 * i, 4)));
        return Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(rgbx.AsByte())).AsInt32());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<float> Left, Vector256<float> Right) Square(int i, int below)
    {
        var bytes = Vector256.Create(Pair(i), Pair(below)).AsByte();
        const byte o = 255; // an index outside gives 0
        var left = Vector256.Shuffle(bytes, Vector256.Create(0, o, o, o, 1, o, o, o, 2, o, o, o, 3, o, o, o, 16, o, o, o, 17, o, o, o, 18, o, o, o, 19, o, o, o));
        var right = Vector256.Shuffle(bytes, Vector256.Create(3, o, o, o, 4, o, o, o, 5, o, o, o, 6, o, o, o, 19, o, o, o, 20, o, o, o, 21, o, o, o, 22, o, o, o));
        return (Vector256.ConvertToSingle(left.AsInt32()), Vector256.ConvertToSingle(right.AsInt32()));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    Vector128<ulong> Pair(int i) => Vector128.CreateScalarUnsafe(BinaryPrimitives.ReadUInt64LittleEndian(px.AsSpan(3 * i, 8)));
}

/// <summary>[H, W, 4] floats.</summary>
readonly struct FloatPixels(float[] px) : IPixels
{
    public static float One => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector128<float> Load(int i) => Vector128.Create<float>(px.AsSpan(4 * i, 4));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (Vector256<float> Left, Vector256<float> Right) Square(int i, int below)
    {
        var (top, bottom) = (Vector256.Create<float>(px.AsSpan(4 * i, 8)), Vector256.Create<float>(px.AsSpan(4 * below, 8)));
        return (Vector256.Create(top.GetLower(), bottom.GetLower()), Vector256.Create(top.GetUpper(), bottom.GetUpper()));
    }
}

/// <summary>Reads a picture of H x W pixels at fractional positions, a row of them at a time.</summary>
readonly ref struct Sampler<T>(T px, int H, int W) where T : struct, IPixels
{
    /// <summary>y[j] = value at (xs[j], ys[j]), [n, 4]; the coordinates, in pixels, are changed on the way. <paramref name="corners"/> is as long as they are.</summary>
    public void Row(Span<float> xs, Span<float> ys, Span<int> corners, PaddingMode padding, InterpolationMode mode, Span<float> y)
    {
        Inside(xs, W, padding);
        Inside(ys, H, padding);
        var n = y.Length / 4;
        var scale = Vector128.Create(1 / T.One);
        if (mode == InterpolationMode.Nearest)
        {
            for (var j = 0; j < n; j++)
                (At((int)MathF.Round(ys[j]), (int)MathF.Round(xs[j])) * scale).CopyTo(y.Slice(4 * j, 4));
        }
        else if (padding == PaddingMode.Zeros || H == 1 || W == 1)
        {
            for (var j = 0; j < n; j++)
                (Bilinear(xs[j], ys[j]) * scale).CopyTo(y.Slice(4 * j, 4));
        }
        else
        {
            Corners(xs, ys, corners);
            for (var j = 0; j < n; j++)
            {
                var (left, right) = px.Square(corners[j], corners[j] + W);
                var rows = left + (right - left) * Vector256.Create(xs[j]);
                ((rows.GetLower() + (rows.GetUpper() - rows.GetLower()) * Vector128.Create(ys[j])) * scale).CopyTo(y.Slice(4 * j, 4));
            }
        }
    }

    /// <summary>Positions inside the picture to the number of the upper left of the four pixels around them, and what remains: 0 to 1.</summary>
    void Corners(Span<float> xs, Span<float> ys, Span<int> corners)
    {
        var (lastCol, lastRow) = (new Vector<float>(W - 2), new Vector<float>(H - 2));
        for (var j = 0; j < xs.Length; j += Vector<float>.Count)
        {
            var (x, y) = (new Vector<float>(xs[j..]), new Vector<float>(ys[j..]));
            var (col, row) = (Vector.Min(Vector.Floor(x), lastCol), Vector.Min(Vector.Floor(y), lastRow));
            (Vector.ConvertToInt32(row) * new Vector<int>(W) + Vector.ConvertToInt32(col)).CopyTo(corners[j..]);
            (x - col).CopyTo(xs[j..]);
            (y - row).CopyTo(ys[j..]);
        }
    }

    Vector128<float> Bilinear(float x, float y)
    {
        var (fx, fy) = (MathF.Floor(x), MathF.Floor(y));
        var (c, r) = ((int)fx, (int)fy);
        var (wx, wy) = (Vector128.Create(x - fx), Vector128.Create(y - fy));
        var (p00, p01, p10, p11) = (At(r, c), At(r, c + 1), At(r + 1, c), At(r + 1, c + 1));
        var (top, bottom) = (p00 + (p01 - p00) * wx, p10 + (p11 - p10) * wx);
        return top + (bottom - top) * wy;
    }

    /// <summary>The pixel, or black outside.</summary>
    Vector128<float> At(int r, int c) => (uint)r < (uint)H && (uint)c < (uint)W ? px.Load(r * W + c) : Vector128<float>.Zero;

    /// <summary>
    /// Folds coordinates into the picture. Reflection about 0 and s = size-1: t = |x| mod 2s, then min(t, 2s-t).
    /// With zeros they are only kept from overflowing. What is not a number becomes the lowest coordinate.
    /// </summary>
    static void Inside(Span<float> x, int size, PaddingMode padding)
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
