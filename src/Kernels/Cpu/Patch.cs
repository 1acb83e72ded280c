namespace Tessera.Cpu;

/// <summary>One channel group of an image batch <c>[N, H, W, C]</c> in memory.</summary>
/// <param name="P">First element.</param>
/// <param name="H">Rows.</param>
/// <param name="W">Columns.</param>
/// <param name="C">Channels of the whole image: the distance of two pixels.</param>
internal readonly unsafe record struct Image(nint P, int H, int W, int C)
{
    public Image(View x, string op) : this((nint)x.Float(op), x.Shape[2], x.Shape[3], x.Shape[1]) { }

    public float* At(nint n, nint y, nint x) => (float*)P + ((((n * H) + y) * W + x) * C);
}

/// <summary>
/// A rectangle of an image with some of its channels, copied close together in a task's own memory; zero where it reaches over the border.
/// The convolution kernels read it without any test, and its pixels never map onto one another in the cache.
/// </summary>
internal readonly unsafe struct Patch
{
    /// <summary>Rows, columns, channels copied, and floats from one pixel to the next.</summary>
    public readonly int Rows, Columns, Channels, Pixel;

    readonly int stepY, stepX;

    // Pixels lie stepY and stepX apart in the image; neighbours in a kernel's tile are rowStride columns of the patch apart, and the pixel size
    // keeps them from meeting in one set of the cache.
    public Patch(int rows, int columns, int channels, int stepY, int stepX, int rowStride)
    {
        (Rows, Columns, Channels, this.stepY, this.stepX) = (rows, columns, channels, stepY, stepX);
        Pixel = channels * rowStride % 512 == 0 ? channels + 16 : channels;
    }

    /// <summary>Floats of one row.</summary>
    public nint Row => (nint)Columns * Pixel;

    /// <summary>Floats of the patch.</summary>
    public long Size => (long)Rows * Row;

    /// <summary>The same patch with another number of rows.</summary>
    public Patch WithRows(int rows) => new(this, rows);

    Patch(Patch p, int rows)
    {
        this = p;
        Rows = rows;
    }

    /// <summary>Copies the patch of image <paramref name="n"/> whose first pixel is (y0, x0), from channel <paramref name="c0"/>.</summary>
    public void Fill(Image image, int n, int y0, int x0, int c0, float* to)
    {
        int first = Math.Clamp(CeilDiv(-x0, stepX), 0, Columns), end = Math.Clamp(CeilDiv(image.W - x0, stepX), first, Columns);
        bool contiguous = stepX == 1 && Pixel == image.C && Channels == image.C;
        for (int i = 0; i < Rows; i++, to += Row)
        {
            int y = y0 + (i * stepY);
            if ((uint)y >= (uint)image.H || first == end)
            {
                Clear(to, Row);
                continue;
            }
            Clear(to, (nint)first * Pixel);
            float* from = image.At(n, y, x0 + (first * stepX)) + c0, put = to + ((nint)first * Pixel);
            if (contiguous) Panels.Copy(from, put, (end - first) * Pixel);
            else
                for (int j = first; j < end; j++, from += (nint)stepX * image.C, put += Pixel) Panels.Copy(from, put, Channels);
            Clear(to + ((nint)end * Pixel), (nint)(Columns - end) * Pixel);
        }
    }

    static void Clear(float* p, nint count) => new Span<float>(p, (int)count).Clear();

    static int CeilDiv(int a, int b) => a > 0 ? (a + b - 1) / b : -(-a / b);
}
