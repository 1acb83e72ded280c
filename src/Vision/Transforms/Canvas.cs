using System.Buffers;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tessera.Vision;

/// <summary>
/// A picture on its way through a chain of transforms. Nothing is computed until it must be: resize, warps and the affine matrix
/// gather in one sampling grid, lighting in one line over logits, flips and crops in one window. Then a single pass samples,
/// lights and writes each pixel once.
/// </summary>
public sealed partial class Canvas : IDisposable
{
    Image? image; // what lies beneath: either bytes as decoded,
    float[]? floats; // or [H, W, 4] floats, rented
    int sourceH, sourceW;
    SamplingGrid? grid;
    Matrix3? affine;
    (double Scale, double Shift)? lighting;
    Window window;

    internal Canvas(Image image, PaddingMode padding = PaddingMode.Reflection, InterpolationMode mode = InterpolationMode.Bilinear, bool planning = false)
    {
        (this.image, sourceH, sourceW) = (image, image.Height, image.Width);
        plan = planning ? new() : null;
        (Padding, Mode) = (padding, mode);
        window = Window.Whole(sourceH, sourceW);
    }

    /// <summary>Rows, after all that was queued.</summary>
    public int Height => window.Height;

    /// <summary>Columns, after all that was queued.</summary>
    public int Width => window.Width;

    /// <summary>What lies outside the picture.</summary>
    public PaddingMode Padding { get; }

    /// <summary>How values between pixels are found.</summary>
    public InterpolationMode Mode { get; }

    /// <summary>The picture is sampled at height x width points.</summary>
    public void Resize(int height, int width)
    {
        if (height == Height && width == Width)
            return;
        if (grid is not null || affine is not null || PixelsTouched)
            Pixels();
        grid = new SamplingGrid(height, width);
        window = Window.Whole(height, width);
    }

    /// <summary>M becomes M m. The matrix acts on sampling coordinates in [-1, 1], x to the right, y down.</summary>
    public void Affine(Matrix3 m)
    {
        if (PixelsTouched)
            Pixels();
        affine = (affine ?? Matrix3.Identity) * m;
    }

    /// <summary>Every sampling point p becomes m(p).</summary>
    public void Warp(Matrix3 m) => Grid().Compose(m);

    /// <summary>Like <see cref="Warp"/> with the off-diagonal terms of <paramref name="m"/> corrected for a picture that is not square.</summary>
    public void WarpAffine(Matrix3 m)
    {
        var g = Grid();
        g.Compose(g.AspectCorrected(m));
    }

    /// <summary>Every sampling coordinate + U(-magnitude, magnitude).</summary>
    public void Jitter(double magnitude, ItemRandom random)
    {
        var points = Grid();
        if (plan is null)
            points.Jitter(magnitude, random);
        else if (!points.DeferJitter(magnitude, random))
            plan.Failed = true;
    }

    /// <summary>Logits l of the pixels become scale l + shift.</summary>
    public void Light(double scale, double shift)
    {
        if (plan is { IsEmpty: false })
            Pixels();
        var (s, b) = lighting ?? (1, 0);
        lighting = (s * scale, b * scale + shift);
    }

    /// <summary>Mirrors left and right.</summary>
    public void FlipColumns() => window = window.FlipColumns();

    /// <summary>Mirrors top and bottom.</summary>
    public void FlipRows() => window = window.FlipRows();

    /// <summary>Rows become columns.</summary>
    public void Transpose() => window = window.Transpose();

    /// <summary>Keeps height x width pixels, the position given as a part (0 to 1) of what is free.</summary>
    /// <exception cref="ShapeException">The picture is smaller.</exception>
    public void Crop(int height, int width, double rowPct = 0.5, double colPct = 0.5)
    {
        if (height > Height || width > Width)
            throw new ShapeException($"Crop: the picture is smaller than the crop: got {Height} x {Width}, expected at least {height} x {width}. Hint: use CropPad.");
        window = window.Crop(Offset(Height - height, rowPct), Offset(Width - width, colPct), height, width);
    }

    /// <summary>floor((free+1) pct), in 0..free.</summary>
    static int Offset(int free, double pct) => (int)((free + 1) * (pct == 1 ? 1 - 1e-7 : pct));

    /// <summary>Adds <paramref name="rows"/> above and below and <paramref name="cols"/> left and right.</summary>
    /// <exception cref="ShapeException">The picture would become too large.</exception>
    public void Pad(int rows, int cols, PaddingMode mode)
    {
        if ((Height + (2L * rows)) * (Width + (2L * cols)) > ImageCodec.MaxPixels)
            throw new ShapeException(
                $"Pad: the picture would become too large: got {Height} x {Width} and {rows} and {cols} more on each side, "
                    + $"expected at most {ImageCodec.MaxPixels} pixels. Hint: shrink the picture first.");
        if (plan is not null && PlanPadding(rows, cols, mode))
            return;
        var from = Pixels();
        var (H, W) = (Height + 2 * rows, Width + 2 * cols);
        var y = ArrayPool<float>.Shared.Rent(H * W * 4);
        for (var i = 0; i < H; i++)
        {
            var r = Fold(i - rows, Height, mode);
            for (var j = 0; j < W; j++)
            {
                var c = Fold(j - cols, Width, mode);
                var to = y.AsSpan((i * W + j) * 4, 4);
                if (r < 0 || c < 0)
                    to.Clear();
                else
                    from.Slice((r * Width + c) * 4, 4).CopyTo(to);
            }
        }
        Put(y, H, W);
    }

    /// <summary>Rows r0..r1-1 and columns c0..c1-1 become black.</summary>
    public void Clear(int r0, int r1, int c0, int c1)
    {
        if (r0 >= r1 || c0 >= c1 || plan is not null && PlanHole(window.Beneath(r0, r1, c0, c1)))
            return;
        var px = Pixels();
        for (var r = r0; r < r1; r++)
            px.Slice((r * Width + c0) * 4, (c1 - c0) * 4).Clear();
    }

    /// <summary>The index inside 0..n-1 that stands for i, or -1 for none.</summary>
    static int Fold(int i, int n, PaddingMode mode)
    {
        if ((uint)i < (uint)n)
            return i;
        if (mode == PaddingMode.Zeros)
            return -1;
        if (mode == PaddingMode.Border || n == 1)
            return Math.Clamp(i, 0, n - 1);
        var t = Math.Abs(i) % (2 * (n - 1));
        return Math.Min(t, 2 * (n - 1) - t);
    }

    /// <summary>Computes all that was queued and gives the pixels to change in place: [H, W, 4] floats in [0, 1], the fourth unused.</summary>
    public Span<float> Pixels()
    {
        if (floats is null || grid is not null || affine is not null || PixelsTouched)
        {
            var (H, W) = (Height, Width);
            var y = ArrayPool<float>.Shared.Rent(H * W * 4);
            if (plan is not null)
                plan.Failed = true;
            else
                Render(y, layout: null);
            Put(y, H, W);
        }
        return floats.AsSpan(0, Height * Width * 4);
    }

    /// <summary>Computes all that was queued into [H, W, 3] or [3, H, W] floats in [0, 1].</summary>
    internal void Write(Span<float> y, PixelLayout layout) => Render(y[..(Height * Width * 3)], layout);

    /// <summary>The grid at this moment, with the affine matrix multiplied in.</summary>
    internal SamplingGrid Grid()
    {
        if (PixelsTouched)
            Pixels();
        grid ??= new SamplingGrid(Height, Width);
        if (affine is { } m)
            grid.Compose(grid.AspectCorrected(m));
        affine = null;
        return grid;
    }

    /// <summary>Whether something is queued that comes after the sampling.</summary>
    bool PixelsTouched => plan is { IsEmpty: false } || lighting is not null || !window.IsWhole(grid?.Height ?? sourceH, grid?.Width ?? sourceW);

    void Put(float[] pixels, int height, int width)
    {
        Dispose();
        (floats, image, sourceH, sourceW) = (pixels, null, height, width);
        (grid, affine, lighting, window) = (null, null, null, Window.Whole(height, width));
        plan?.Clear();
    }

    /// <summary>Returns the rented buffer.</summary>
    public void Dispose()
    {
        if (floats is not null)
            ArrayPool<float>.Shared.Return(floats);
        floats = null;
    }

    /// <summary>The affine matrix goes into the grid.</summary>
    void CloseGrid()
    {
        if (affine is not { } m)
            return;
        grid ??= new SamplingGrid(sourceH, sourceW);
        grid.Compose(grid.AspectCorrected(m));
        affine = null;
    }

    void Render(Span<float> y, PixelLayout? layout)
    {
        CloseGrid();
        if (ShrunkSize() is var (h, w))
            Shrink(h, w);
        if (image is not null)
            Render(new BytePixels(image.Buffer), y, layout);
        else
            Render(new FloatPixels(floats!), y, layout);
    }

    /// <summary>
    /// The size to which the source is area-averaged before sampling, so that bilinear sampling skips no pixels, or null:
    /// d = half the reduction, z = the zoom; if d > 1 and d > z.
    /// </summary>
    internal (int Height, int Width)? ShrunkSize()
    {
        if (Mode != InterpolationMode.Bilinear || grid is null)
            return null;
        var z = 1 / grid.Extent() * 2;
        var d = Math.Min((double)sourceH / grid.Height, (double)sourceW / grid.Width) / 2;
        return d > 1 && d > z ? ((int)(sourceH * (1 / d)), (int)(sourceW * (1 / d))) : null;
    }

    void Shrink(int h, int w)
    {
        var y = ArrayPool<float>.Shared.Rent(h * w * 4);
        if (image is not null)
            AreaShrink.Run(new BytePixels(image.Buffer), sourceH, sourceW, y, h, w);
        else
            AreaShrink.Run(new FloatPixels(floats!), sourceH, sourceW, y, h, w);
        Dispose();
        (floats, image, sourceH, sourceW) = (y, null, h, w);
    }

    /// <summary>The one pass: each row sampled, lit and stored. Without layout: [H, W, 4].</summary>
    void Render<T>(T px, Span<float> y, PixelLayout? layout) where T : struct, IPixels
    {
        var wide = (Width + 63) & ~63; // whole vectors of any width
        var scratch = ArrayPool<float>.Shared.Rent(wide * 7);
        var xs = scratch.AsSpan(0, wide);
        var ys = scratch.AsSpan(wide, wide);
        var corners = MemoryMarshal.Cast<float, int>(scratch.AsSpan(2 * wide, wide));
        var buffer = scratch.AsSpan(3 * wide, 4 * Width);
        var sampler = new Sampler<T>(px, sourceH, sourceW);
        for (var i = 0; i < Height; i++)
        {
            var row = layout is null ? y.Slice(i * Width * 4, Width * 4) : buffer;
            if (grid is null)
            {
                for (var j = 0; j < Width; j++)
                    (px.Load(window.Index(i, j, sourceW)) * (1 / T.One)).CopyTo(row.Slice(4 * j, 4));
            }
            else
            {
                grid.Row(i, window, sourceH, sourceW, xs, ys);
                sampler.Row(xs, ys, corners, Padding, Mode, row);
            }
            if (layout == PixelLayout.Chw)
            {
                for (var k = 0; k < 3; k++)
                    Light(Plane(row, k, y.Slice((k * Height + i) * Width, Width)));
            }
            else
            {
                Light(layout is null ? row : Interleaved(row, y.Slice(i * Width * 3, Width * 3)));
            }
        }
        ArrayPool<float>.Shared.Return(scratch);
    }

    void Light(Span<float> row)
    {
        if (lighting is var (scale, shift))
            Lighting.Apply(row, (float)scale, (float)shift);
    }

    /// <summary>Channel k of [W, 4] to [W].</summary>
    static Span<float> Plane(ReadOnlySpan<float> row, int k, Span<float> y)
    {
        for (var j = 0; j < y.Length; j++)
            y[j] = row[4 * j + k];
        return y;
    }

    /// <summary>[W, 4] to [W, 3]; the fourth number is overwritten by the next pixel.</summary>
    static Span<float> Interleaved(ReadOnlySpan<float> row, Span<float> y)
    {
        var last = y.Length - 3;
        for (int from = 0, to = 0; to < last; from += 4, to += 3)
            Vector128.Create<float>(row.Slice(from, 4)).CopyTo(y.Slice(to, 4));
        row.Slice(row.Length - 4, 3).CopyTo(y[last..]);
        return y;
    }
}
