using System.Text.Json.Serialization;

namespace Tessera.Vision;

/// <summary>
/// Symmetric perspective: the corners (-1,-1), (-1,1), (1,-1), (1,1) move to (-1-m3, -1-m1), (-1-m2, 1+m1), (1+m3, -1-m0), (1+m2, 1+m0),
/// as if the photo had been taken from another angle.
/// </summary>
/// <param name="M0">How far the corners of the right side part, in halves of the height.</param>
/// <param name="M1">Those of the left side.</param>
/// <param name="M2">How far the corners of the bottom part, in halves of the width.</param>
/// <param name="M3">Those of the top.</param>
[method: JsonConstructor]
public sealed record SymmetricWarp(Uniform M0, Uniform M1, Uniform M2, Uniform M3) : Transform(TransformOrder.Coordinate)
{
    /// <summary>How far the corners of the right side part, in halves of the height.</summary>
    /// <exception cref="TesseraException">Beyond -10..10.</exception>
    public Uniform M0 { get; init => field = value.Shift(nameof(SymmetricWarp)); } = M0.Shift(nameof(SymmetricWarp));

    /// <summary>Those of the left side.</summary>
    /// <exception cref="TesseraException">Beyond -10..10.</exception>
    public Uniform M1 { get; init => field = value.Shift(nameof(SymmetricWarp)); } = M1.Shift(nameof(SymmetricWarp));

    /// <summary>How far the corners of the bottom part, in halves of the width.</summary>
    /// <exception cref="TesseraException">Beyond -10..10.</exception>
    public Uniform M2 { get; init => field = value.Shift(nameof(SymmetricWarp)); } = M2.Shift(nameof(SymmetricWarp));

    /// <summary>Those of the top.</summary>
    /// <exception cref="TesseraException">Beyond -10..10.</exception>
    public Uniform M3 { get; init => field = value.Shift(nameof(SymmetricWarp)); } = M3.Shift(nameof(SymmetricWarp));

    /// <summary>Four independent draws from one range.</summary>
    public SymmetricWarp(Uniform magnitude) : this(magnitude, magnitude, magnitude, magnitude) { }

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var (m0, m1, m2, m3) = (M0.Draw(random), M1.Draw(random), M2.Draw(random), M3.Draw(random));
        canvas.Warp(Homography(m0, m1, m2, m3));
    }

    internal static Matrix3 Homography(double m0, double m1, double m2, double m3) =>
        Matrix3.Quadrangle((-1 - m3, -1 - m1), (-1 - m2, 1 + m1), (1 + m3, -1 - m0), (1 + m2, 1 + m0));
}

/// <summary>General perspective: eight draws added to x and y of the corners (-1,-1), (-1,1), (1,-1), (1,1), in that order.</summary>
/// <param name="Magnitudes">Eight ranges.</param>
[method: JsonConstructor]
public sealed record PerspectiveWarp(IReadOnlyList<Uniform> Magnitudes) : Transform(TransformOrder.Coordinate)
{
    /// <summary>Eight ranges.</summary>
    /// <exception cref="TesseraException">Another number of them, or one beyond -10..10.</exception>
    public IReadOnlyList<Uniform> Magnitudes { get; init => field = Eight(value); } = Eight(Magnitudes);

    static IReadOnlyList<Uniform> Eight(IReadOnlyList<Uniform> ranges) => ranges is { Count: 8 } && ranges.All(r => r == r.Shift(nameof(PerspectiveWarp), nameof(Magnitudes))) ? ranges
        : throw new TesseraException(
            $"PerspectiveWarp: Magnitudes: got {ranges?.Count ?? 0} ranges, expected 8: of x and y of four corners. "
                + "Hint: new PerspectiveWarp((-0.1, 0.1)) has one range for all.");

    /// <summary>Eight independent draws from one range.</summary>
    public PerspectiveWarp(Uniform magnitude) : this([.. Enumerable.Repeat(magnitude, 8)]) { }

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var m = new double[8];
        for (var i = 0; i < 8; i++)
            m[i] = Magnitudes[i].Draw(random);
        canvas.Warp(Matrix3.Quadrangle((-1 + m[0], -1 + m[1]), (-1 + m[2], 1 + m[3]), (1 + m[4], -1 + m[5]), (1 + m[6], 1 + m[7])));
    }
}

/// <summary>Leans the picture: one side (0 right, 1 left, 2 bottom, 3 top) grows by the magnitude at both ends.</summary>
/// <param name="Magnitude">How far each end moves, in halves of the side.</param>
public sealed record Tilt(Uniform Magnitude) : Transform(TransformOrder.Coordinate)
{
    /// <summary>How far each end moves, in halves of the side.</summary>
    /// <exception cref="TesseraException">Beyond -10..10.</exception>
    public Uniform Magnitude { get; init => field = value.Shift(nameof(Tilt)); } = Magnitude.Shift(nameof(Tilt));

    /// <summary>0 to 3, or null for a random side.</summary>
    /// <exception cref="TesseraException">Not 0 to 3.</exception>
    public int? Direction { get; init => field = Ranges.Choice(value, 3, nameof(Tilt)); }

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var m = Magnitude.Draw(random);
        canvas.Warp((Direction ?? random.NextInt(4)) switch
        {
            0 => Matrix3.Quadrangle((-1, -1), (-1, 1), (1, -1 - m), (1, 1 + m)),
            1 => Matrix3.Quadrangle((-1, -1 - m), (-1, 1 + m), (1, -1), (1, 1)),
            2 => Matrix3.Quadrangle((-1, -1), (-1 - m, 1), (1, -1), (1 + m, 1)),
            _ => Matrix3.Quadrangle((-1 - m, -1), (-1, 1), (1 + m, -1), (1, 1)),
        });
    }
}

/// <summary>Pulls one corner (directions 0, 1 top left; 2, 3 bottom left; 4, 5 top right; 6, 7 bottom right) outwards, along x when even, y when odd.</summary>
/// <param name="Magnitude">How far the corner moves, in halves of the side.</param>
public sealed record Skew(Uniform Magnitude) : Transform(TransformOrder.Coordinate)
{
    /// <summary>How far the corner moves, in halves of the side.</summary>
    /// <exception cref="TesseraException">Beyond -10..10.</exception>
    public Uniform Magnitude { get; init => field = value.Shift(nameof(Skew)); } = Magnitude.Shift(nameof(Skew));

    /// <summary>0 to 7, or null for a random one.</summary>
    /// <exception cref="TesseraException">Not 0 to 7.</exception>
    public int? Direction { get; init => field = Ranges.Choice(value, 7, nameof(Skew)); }

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var m = Magnitude.Draw(random);
        var direction = Direction ?? random.NextInt(8);
        (double, double) Corner(int number, double x, double y) => (direction / 2 == number, direction % 2) switch
        {
            (false, _) => (x, y),
            (true, 0) => (x + m * x, y),
            _ => (x, y + m * y),
        };
        canvas.Warp(Matrix3.Quadrangle(Corner(0, -1, -1), Corner(1, -1, 1), Corner(2, 1, -1), Corner(3, 1, 1)));
    }
}

/// <summary>Moves every sampling point by U(-m, m) in x and y: pixels are replaced by random neighbours.</summary>
/// <param name="Magnitude">m, in half widths of the picture.</param>
public sealed record Jitter(Uniform Magnitude) : Transform(TransformOrder.Coordinate)
{
    /// <summary>m, in half widths of the picture.</summary>
    /// <exception cref="TesseraException">Beyond -10..10.</exception>
    public Uniform Magnitude { get; init => field = value.Shift(nameof(Jitter)); } = Magnitude.Shift(nameof(Jitter));

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random) => canvas.Jitter(Magnitude.Draw(random), random);
}

/// <summary>A candidate window of <see cref="ZoomSquish"/>: with a = 1/sqrt(scale), b = sqrt(ratio) it is (a b, a/b) of width and height, swapped by the coin.</summary>
/// <param name="Scale">Area of the picture over area of the window.</param>
/// <param name="Ratio">Width over height of the window.</param>
/// <param name="InvertP">Probability of the swap.</param>
public readonly record struct ZoomSquishTry(Uniform Scale, Uniform Ratio, double InvertP = 0.5)
{
    /// <summary>Area of the picture over area of the window, above 0.</summary>
    /// <exception cref="TesseraException">0, negative or not finite.</exception>
    public Uniform Scale { get; init => field = value.Factor(nameof(ZoomSquishTry)); } = Scale.Factor(nameof(ZoomSquishTry));

    /// <summary>Width over height of the window, above 0.</summary>
    /// <exception cref="TesseraException">0, negative or not finite.</exception>
    public Uniform Ratio { get; init => field = value.Factor(nameof(ZoomSquishTry)); } = Ratio.Factor(nameof(ZoomSquishTry));

    /// <summary>Probability of the swap.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public double InvertP { get; init => field = Probability(value); } = Probability(InvertP);

    static double Probability(double p) => p is >= 0 and <= 1 ? p
        : throw new TesseraException(FormattableString.Invariant($"ZoomSquishTry: InvertP: got {p}, expected 0 to 1. Hint: 0.5 is usual."));
}

/// <summary>Takes the first candidate window with both sides at most 1, at a drawn position; without one, the centred square.</summary>
/// <param name="Tries">Candidates in order.</param>
public sealed record ZoomSquish(IReadOnlyList<ZoomSquishTry> Tries) : Transform(TransformOrder.Coordinate)
{
    /// <summary>Candidates in order.</summary>
    /// <exception cref="TesseraException">No list, or a candidate without scale and ratio.</exception>
    public IReadOnlyList<ZoomSquishTry> Tries { get; init => field = Whole(value); } = Whole(Tries);

    static IReadOnlyList<ZoomSquishTry> Whole(IReadOnlyList<ZoomSquishTry>? tries) => tries?.All(t => t.Scale.Low > 0 && t.Ratio.Low > 0) == true ? tries
        : throw new TesseraException(
            $"ZoomSquish: Tries: got {(tries is null ? "none" : "a candidate without scale and ratio")}, expected a list of candidates. "
                + "Hint: Transforms.RandResizeCrop makes one.");

    /// <summary>Vertical position of the window.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform RowPct { get; init => field = value.Part(nameof(ZoomSquish)); } = 0.5;

    /// <summary>Horizontal position of the window.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform ColPct { get; init => field = value.Part(nameof(ZoomSquish)); } = 0.5;

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var (row, col) = (RowPct.Draw(random), ColPct.Draw(random));
        foreach (var t in Tries)
        {
            var (a, b) = (1 / Math.Sqrt(t.Scale.Draw(random)), Math.Sqrt(t.Ratio.Draw(random)));
            var (w, h) = random.Coin(t.InvertP) ? (a / b, a * b) : (a * b, a / b);
            if (w > 1 || h > 1)
                continue;
            canvas.WarpAffine(new(w, 0, (1 - w) * (2 * col - 1), 0, h, (1 - h) * (2 * row - 1)));
            return;
        }
        var ratio = (double)canvas.Width / canvas.Height;
        canvas.WarpAffine(ratio > 1 ? new(1 / ratio, 0, 0, 0, 1, 0) : new(1, 0, 0, 0, ratio, 0));
    }
}
