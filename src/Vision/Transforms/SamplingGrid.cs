using System.Numerics;

namespace Tessera.Vision;

/// <summary>
/// Where each pixel of the picture being made comes from, in coordinates that run from -1 (centre of the first pixel) to 1
/// (centre of the last). Resize, warp, rotation and zoom compose to a single projective matrix; only jitter needs the points themselves.
/// </summary>
sealed class SamplingGrid(int height, int width)
{
    Matrix3 map = FromIndex(height, width); // index to point; after a jitter: stored point to point
    float[]? points; // [H, W, 2] as (x, y)
    DeferredJitter? deferred;

    public int Height => height;

    public int Width => width;

    /// <summary>Every point p becomes m(p).</summary>
    public void Compose(Matrix3 m) => map = m * map;

    /// <summary>The matrix with the off-diagonal terms corrected for a grid that is not square, so that rotations keep angles.</summary>
    public Matrix3 AspectCorrected(Matrix3 m) => m with { B = m.B * height / width, D = m.D * width / height };

    /// <summary>Every coordinate + U(-magnitude, magnitude).</summary>
    public void Jitter(double magnitude, ItemRandom random)
    {
        var moved = new float[height * width * 2];
        var noise = new Uniform(-magnitude, magnitude);
        for (int i = 0, k = 0; i < height; i++)
        {
            for (var j = 0; j < width; j++)
            {
                var (x, y) = Point(i, j);
                moved[k++] = (float)(x + noise.Draw(random));
                moved[k++] = (float)(y + noise.Draw(random));
            }
        }
        (points, map) = (moved, Matrix3.Identity);
    }

    /// <summary>Like <see cref="Jitter"/>, but no point is moved: <see cref="Plan"/> says how. False where that cannot be said.</summary>
    public bool DeferJitter(double magnitude, ItemRandom random)
    {
        if (deferred is not null || random.Next is not var (stream, block)) return false;
        if (magnitude == 0) return true;
        (deferred, map) = (new(map, magnitude, stream, block), Matrix3.Identity);
        return true;
    }

    /// <summary>Whether points are still to be moved, so that <see cref="Extent"/> is not known.</summary>
    public bool HasDeferredJitter => deferred is not null;

    /// <summary>Writes the way from the index of a pixel to (column, row) of a [sourceH, sourceW] picture into a sampling.</summary>
    public void Plan(ref PictureSampling how, int sourceH, int sourceW)
    {
        var toSource = ToIndex(sourceH, sourceW) * map;
        how.GridWidth = width;
        if (deferred is not { } jitter)
        {
            how.Map = toSource.ToProjection();
            return;
        }
        (how.Map, how.AfterJitter, how.Jitter) = (jitter.Before.ToProjection(), toSource.ToProjection(), jitter.Magnitude);
        (how.Seed, how.Stream, how.Block) = (jitter.Stream.Seed, jitter.Stream.Stream, jitter.Block);
    }

    /// <summary>Points before(p) that are to be moved by U(-magnitude, magnitude), from one block of random numbers each.</summary>
    sealed record DeferredJitter(Matrix3 Before, double Magnitude, Philox Stream, ulong Block);

    /// <summary>The point of pixel (i, j).</summary>
    public (double X, double Y) Point(int i, int j)
    {
        var k = (i * width + j) * 2;
        return points is null ? map.Map(j, i) : map.Map(points[k], points[k + 1]);
    }

    /// <summary>max - min over all coordinates, x and y together.</summary>
    public double Extent()
    {
        var (min, max) = (double.PositiveInfinity, double.NegativeInfinity);
        // A projective map without a horizon in the picture takes its extremes at the corners.
        var (di, dj) = points is null ? (Math.Max(height - 1, 1), Math.Max(width - 1, 1)) : (1, 1);
        for (var i = 0; i < height; i += di)
        {
            for (var j = 0; j < width; j += dj)
            {
                var (x, y) = Point(i, j);
                (min, max) = (Math.Min(min, Math.Min(x, y)), Math.Max(max, Math.Max(x, y)));
            }
        }
        return max - min;
    }

    /// <summary>
    /// Source coordinates, in pixels of a [sourceH, sourceW] picture, for row <paramref name="i"/> of the window.
    /// The spans hold at least window.Width values rounded up to whole vectors.
    /// </summary>
    public void Row(int i, Window window, int sourceH, int sourceW, Span<float> xs, Span<float> ys)
    {
        var toSource = ToIndex(sourceH, sourceW) * map;
        if (points is not null)
        {
            StoredRow(i, window, toSource, xs, ys);
            return;
        }
        var m = toSource * window.Matrix;
        var (x0, dx) = (new Vector<float>((float)(m.B * i + m.C)), new Vector<float>((float)m.A));
        var (y0, dy) = (new Vector<float>((float)(m.E * i + m.F)), new Vector<float>((float)m.D));
        var (w0, dw) = (new Vector<float>((float)(m.H * i + m.I)), new Vector<float>((float)m.G));
        for (var j = 0; j < window.Width; j += Vector<float>.Count)
        {
            var js = Vector<float>.Indices + new Vector<float>(j);
            var (x, y) = (js * dx + x0, js * dy + y0);
            if (!m.IsAffine)
            {
                var w = js * dw + w0;
                (x, y) = (x / w, y / w);
            }
            x.CopyTo(xs[j..]);
            y.CopyTo(ys[j..]);
        }
    }

    void StoredRow(int i, Window window, Matrix3 toSource, Span<float> xs, Span<float> ys)
    {
        for (var j = 0; j < window.Width; j++)
        {
            var k = 2 * window.Index(i, j, width);
            var (x, y) = toSource.Map(points![k], points[k + 1]);
            (xs[j], ys[j]) = ((float)x, (float)y);
        }
    }

    /// <summary>(column, row) to (x, y); a side of one pixel lies at -1.</summary>
    static Matrix3 FromIndex(int h, int w) => new(w > 1 ? 2.0 / (w - 1) : 0, 0, -1, 0, h > 1 ? 2.0 / (h - 1) : 0, -1);

    /// <summary>(x, y) to (column, row).</summary>
    static Matrix3 ToIndex(int h, int w) => new(0.5 * (w - 1), 0, 0.5 * (w - 1), 0, 0.5 * (h - 1), 0.5 * (h - 1));
}
