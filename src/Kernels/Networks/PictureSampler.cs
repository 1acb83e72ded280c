namespace Tessera;

/// <summary>The pixels of one picture of a batch, before light: what <c>sample_pictures</c> computes, in the same order and with the same roundings.</summary>
internal readonly ref struct PictureSampler(ReadOnlySpan<byte> photo, in PictureSampling how)
{
    readonly ReadOnlySpan<byte> photo = photo;
    readonly PictureSampling how = how;

    /// <summary>Pixel (i, j) into y [3]; false where it is black and takes no light.</summary>
    public bool At(int i, int j, Span<float> y)
    {
        y[..3].Clear();
        var (r, c) = how.Output.At(i, j);
        (r, c) = (Fold(r, how.WindowHeight, how.Padding), Fold(c, how.WindowWidth, how.Padding));
        if (r < 0 || c < 0) return false;
        (r, c) = how.Window.At(r, c);
        foreach (var hole in ((ReadOnlySpan<PixelBox>)how.Holes)[..how.HoleCount])
            if (r >= hole.R0 && r < hole.R1 && c >= hole.C0 && c < hole.C1) return false;
        var (x, y0) = how.Map.Map(c, r);
        if (how.Jitter != 0) (x, y0) = Moved(x, y0, r, c);
        Sample(Inside((float)x, how.SourceWidth), Inside((float)y0, how.SourceHeight), y);
        return true;
    }

    /// <summary>The index in 0..n-1 that stands for i, or -1 for none.</summary>
    static int Fold(int i, int n, GridPadding padding)
    {
        if ((uint)i < (uint)n) return i;
        if (padding == GridPadding.Zeros) return -1;
        if (padding == GridPadding.Border || n == 1) return Math.Clamp(i, 0, n - 1);
        int t = Math.Abs(i) % (2 * (n - 1));
        return Math.Min(t, (2 * (n - 1)) - t);
    }

    (double X, double Y) Moved(double x, double y, int r, int c)
    {
        var (a, b, d, e) = new Philox(how.Seed, how.Stream).Block(how.Block + (ulong)(((long)r * how.GridWidth) + c));
        return how.AfterJitter.Map((float)(x + Noise(a, b)), (float)(y + Noise(d, e)));
    }

    /// <summary>-jitter + 2 jitter u, u of 53 bits.</summary>
    double Noise(uint high, uint low) => -how.Jitter + ((how.Jitter + how.Jitter) * ((((ulong)high << 21) ^ (low >> 11)) * (1.0 / (1UL << 53))));

    /// <summary>A coordinate folded into the source; with zeros outside, kept within a pixel of it. What is no number becomes the lowest.</summary>
    float Inside(float x, int size)
    {
        float last = size - 1f, low = 0, high = last;
        if (how.Outside == GridPadding.Zeros) (low, high) = (-1, last + 1);
        if (how.Outside == GridPadding.Reflection)
        {
            float period = Math.Max(last + last, 1e-20f);
            x = Math.Abs(x);
            x -= period * MathF.Floor(x / period);
            x = Math.Min(x, period - x);
        }
        x = x > low ? x : low;
        return x < high ? x : high;
    }

    /// <summary>y += the pixels around (x, y0) by their weights; those outside are black.</summary>
    void Sample(float x, float y0, Span<float> y)
    {
        float left = how.Nearest != 0 ? MathF.Round(x) : MathF.Floor(x), top = how.Nearest != 0 ? MathF.Round(y0) : MathF.Floor(y0);
        float wx = how.Nearest != 0 ? 0 : x - left, wy = how.Nearest != 0 ? 0 : y0 - top;
        for (int k = 0; k < 4; k++)
        {
            int r = (int)top + (k >> 1), c = (int)left + (k & 1);
            float weight = ((k & 1) == 0 ? 1 - wx : wx) * (k < 2 ? 1 - wy : wy);
            if (weight != 0 && (uint)r < (uint)how.SourceHeight && (uint)c < (uint)how.SourceWidth) Add(r, c, weight, y);
        }
    }

    /// <summary>y += weight · the mean of the photo's pixels under source pixel (r, c), in units of 1/255.</summary>
    void Add(int r, int c, float weight, Span<float> y)
    {
        var (r0, r1) = Cover(r, how.Height, how.SourceHeight);
        var (c0, c1) = Cover(c, how.Width, how.SourceWidth);
        int red = 0, green = 0, blue = 0;
        for (int i = r0; i < r1; i++)
        {
            int at = ((i * how.Width) + c0) * 3;
            for (int j = c0; j < c1; j++, at += 3)
            {
                red += photo[at];
                green += photo[at + 1];
                blue += photo[at + 2];
            }
        }
        float share = weight / (255f * ((r1 - r0) * (c1 - c0)));
        y[0] = MathF.FusedMultiplyAdd(red, share, y[0]);
        y[1] = MathF.FusedMultiplyAdd(green, share, y[1]);
        y[2] = MathF.FusedMultiplyAdd(blue, share, y[2]);
    }

    static (int From, int To) Cover(int o, int size, int shrunk) =>
        size == shrunk ? (o, o + 1) : ((int)((uint)o * (uint)size / (uint)shrunk), (int)((((uint)o + 1) * (uint)size + (uint)shrunk - 1) / (uint)shrunk));
}
