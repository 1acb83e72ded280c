namespace Tessera.Vision;

/// <content>
/// A canvas that computes nothing: it gathers what one sampling of the photo does, for a device that does it to a whole batch. What one sampling
/// cannot say (a second resampling, noise in place of a channel) makes the plan fail; then the CPU computes that picture.
/// </content>
public sealed partial class Canvas
{
    readonly Planned? plan;

    /// <summary>What follows the window: holes, and padding under a second window.</summary>
    sealed class Planned
    {
        public List<PixelBox> Holes { get; } = [];

        public (int Rows, int Cols, PaddingMode Mode, Window Inner)? Padding { get; set; }

        public bool Failed { get; set; }

        public bool IsEmpty => Holes.Count == 0 && Padding is null;

        public void Clear()
        {
            Holes.Clear();
            Padding = null;
        }
    }

    bool PlanHole(PixelBox box)
    {
        if (floats is not null || plan!.Padding is not null || plan.Holes.Count == PictureSampling.MaxHoles)
            return false;
        plan.Holes.Add(box);
        return true;
    }

    bool PlanPadding(int rows, int cols, PaddingMode mode)
    {
        if (floats is not null || plan!.Padding is not null)
            return false;
        plan.Padding = (rows, cols, mode, window);
        window = Window.Whole(Height + 2 * rows, Width + 2 * cols);
        return true;
    }

    /// <summary>All that was queued as one sampling; null where it is more than that.</summary>
    internal PictureSampling? Plan()
    {
        if (plan is not { Failed: false } p || Math.Max(sourceH, sourceW) > PictureSampling.MaxSide)
            return null;
        CloseGrid();
        // Whether the photo must shrink first depends on all moved points.
        if (grid is { HasDeferredJitter: true } && Math.Min((double)sourceH / grid.Height, (double)sourceW / grid.Width) > 2)
            return null;
        var inner = p.Padding?.Inner ?? window;
        var (shrunkH, shrunkW) = ShrunkSize() ?? (sourceH, sourceW);
        var how = new PictureSampling
        {
            Height = sourceH,
            Width = sourceW,
            SourceHeight = shrunkH,
            SourceWidth = shrunkW,
            Nearest = Mode == InterpolationMode.Nearest ? 1 : 0,
            Outside = OnGrid(Padding),
            Padding = OnGrid(p.Padding?.Mode ?? PaddingMode.Border),
            WindowHeight = inner.Height,
            WindowWidth = inner.Width,
            Output = p.Padding is { } pad ? window.ToView(pad.Rows, pad.Cols) : Window.Whole(inner.Height, inner.Width).ToView(),
            Window = inner.ToView(),
            Lit = lighting is null ? 0 : 1,
            Scale = (float)(lighting?.Scale ?? 1),
            Shift = (float)(lighting?.Shift ?? 0),
            HoleCount = p.Holes.Count,
        };
        for (var k = 0; k < p.Holes.Count; k++)
            how.Holes[k] = p.Holes[k];
        (grid ?? new SamplingGrid(sourceH, sourceW)).Plan(ref how, shrunkH, shrunkW);
        return how;
    }

    static GridPadding OnGrid(PaddingMode mode) => mode switch
    {
        PaddingMode.Zeros => GridPadding.Zeros,
        PaddingMode.Border => GridPadding.Border,
        _ => GridPadding.Reflection,
    };
}
