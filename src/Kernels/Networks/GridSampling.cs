namespace Tessera;

/// <summary>What a sampling position outside the plane means.</summary>
public enum GridPadding
{
    /// <summary>The value there is 0.</summary>
    Zeros,

    /// <summary>The nearest edge.</summary>
    Border,

    /// <summary>The mirror image at the edge.</summary>
    Reflection,
}

/// <summary>How a plane is sampled at the positions of a grid.</summary>
/// <param name="Padding">What lies outside.</param>
/// <param name="Bilinear">Interpolate between the four neighbours; else take the nearest (ties to even).</param>
/// <param name="AlignCorners">-1 and 1 are the centres of the corner elements; else the outer edges of the plane.</param>
public readonly record struct GridSampling(GridPadding Padding, bool Bilinear = true, bool AlignCorners = false);

/// <summary>
/// One axis of n elements: a coordinate g in [-1, 1] as the element at or before its position, and the fraction of a step beyond it. The position is
/// taken in double precision, so that the fraction is right on axes of any length. The kernel <c>grid_corners</c> does the same.
/// </summary>
internal readonly struct GridAxis
{
    /// <summary>Position = g·Scale + Shift.</summary>
    public readonly double Scale, Shift;

    /// <summary>Where a reflection begins, and the distance to the other mirror.</summary>
    public readonly double Low, Span;

    /// <summary>Positions are limited to this range: the outermost elements, or with zeros outside, two steps out of sight.</summary>
    public readonly double Min, Max;

    readonly GridSampling how;

    public GridAxis(int n, GridSampling how)
    {
        this.how = how;
        (Scale, Shift) = how.AlignCorners ? ((n - 1) * 0.5, (n - 1) * 0.5) : (n * 0.5, (n - 1) * 0.5);
        (Low, Span) = how.AlignCorners ? (0, n - 1) : (-0.5, n);
        (Min, Max) = how.Padding == GridPadding.Zeros ? (-2, n + 1) : (0, n - 1);
    }

    /// <summary>Element and fraction of coordinate <paramref name="g"/>; slope = d position / d g. A NaN gives element 0 and the fraction NaN.</summary>
    public int At(float g, out float fraction, out float slope)
    {
        double p = Math.FusedMultiplyAdd(g, Scale, Shift), s = Scale;
        if (how.Padding == GridPadding.Reflection)
        {
            // The distance from the lower mirror, folded at multiples of the span.
            double d = p - Low, period = 2 * Span, e = Math.FusedMultiplyAdd(-Math.Floor(d / period), period, d) - Span;
            if (!(e < 0)) s = -s;
            p = Span == 0 ? d * 0 : Span - Math.Abs(e) + Low;
        }
        if (how.Padding != GridPadding.Zeros && (p <= Min || p >= Max)) s = 0;
        if (p < Min) p = Min;
        if (p > Max) p = Max;
        double first = how.Bilinear ? Math.Floor(p) : Math.Round(p);
        fraction = (float)(how.Bilinear ? p - first : p - p);
        slope = (float)s;
        return double.IsNaN(p) ? 0 : (int)first;
    }
}

/// <summary>The neighbours of one sampling position, upper left, upper right, lower left, lower right: pixels y·W + x with their weights.</summary>
internal readonly struct GridCorners
{
    /// <summary>Pixels; -1 outside the plane and where the nearest alone counts.</summary>
    public readonly long P00 = -1, P01 = -1, P10 = -1, P11 = -1;

    readonly float dx, dy, slopeX, slopeY;

    public GridCorners(float gx, float gy, GridAxis axisX, GridAxis axisY, int h, int w, bool bilinear)
    {
        int x = axisX.At(gx, out dx, out slopeX), y = axisY.At(gy, out dy, out slopeY);
        bool left = (uint)x < (uint)w, top = (uint)y < (uint)h, right = bilinear && (uint)(x + 1) < (uint)w, bottom = bilinear && (uint)(y + 1) < (uint)h;
        long at = ((long)y * w) + x;
        if (top && left) P00 = at;
        if (top && right) P01 = at + 1;
        if (bottom && left) P10 = at + w;
        if (bottom && right) P11 = at + w + 1;
    }

    public float W00 => (1 - dx) * (1 - dy);

    public float W01 => dx * (1 - dy);

    public float W10 => (1 - dx) * dy;

    public float W11 => dx * dy;

    /// <summary>Pixel and weight number <paramref name="k"/>.</summary>
    public (long Pixel, float Weight) this[int k] => k switch { 0 => (P00, W00), 1 => (P01, W01), 2 => (P10, W10), _ => (P11, W11) };

    /// <summary>The gradient of (x, y), given the products of the result's gradient with the four neighbours, summed over the channels.</summary>
    public (float X, float Y) Gradient(float d00, float d01, float d10, float d11)
        => (slopeX * (((d01 - d00) * (1 - dy)) + ((d11 - d10) * dy)), slopeY * (((d10 - d00) * (1 - dx)) + ((d11 - d01) * dx)));
}
