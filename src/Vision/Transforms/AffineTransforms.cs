namespace Tessera.Vision;

/// <summary>Turns by θ: [[cos θ, -sin θ], [sin θ, cos θ]] on sampling coordinates; positive angles turn the picture counter-clockwise.</summary>
/// <param name="Degrees">θ in degrees.</param>
public sealed record Rotate(Uniform Degrees) : Transform(TransformOrder.Affine)
{
    /// <summary>θ in degrees, -360 to 360.</summary>
    /// <exception cref="TesseraException">Beyond a whole turn, or not a number.</exception>
    public Uniform Degrees { get; init => field = value.Within(-360, 360, nameof(Rotate)); } = Degrees.Within(-360, 360, nameof(Rotate));

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var (sin, cos) = Math.SinCos(Degrees.Draw(random) * Math.PI / 180);
        canvas.Affine(new(cos, -sin, 0, sin, cos, 0));
    }
}

/// <summary>Enlarges by s (below 1: shrinks) about a focal point: x' = x/s + (1-1/s)(2 col-1), y likewise with row.</summary>
/// <param name="Scale">s, above 0.</param>
public sealed record Zoom(Uniform Scale) : Transform(TransformOrder.Affine)
{
    /// <summary>s, above 0.</summary>
    /// <exception cref="TesseraException">0, negative or not finite.</exception>
    public Uniform Scale { get; init => field = value.Factor(nameof(Zoom)); } = Scale.Factor(nameof(Zoom));

    /// <summary>Focal row as a part of the height.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform RowPct { get; init => field = value.Part(nameof(Zoom)); } = 0.5;

    /// <summary>Focal column as a part of the width.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform ColPct { get; init => field = value.Part(nameof(Zoom)); } = 0.5;

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var inverse = 1 / Scale.Draw(random);
        var (row, col) = (RowPct.Draw(random), ColPct.Draw(random));
        canvas.Affine(new(inverse, 0, (1 - inverse) * (2 * col - 1), 0, inverse, (1 - inverse) * (2 * row - 1)));
    }
}

/// <summary>Changes the shape: s up to 1 takes the part s of the columns, s above 1 the part 1/s of the rows.</summary>
/// <param name="Scale">s, above 0.</param>
public sealed record Squish(Uniform Scale) : Transform(TransformOrder.Affine)
{
    /// <summary>s, above 0.</summary>
    /// <exception cref="TesseraException">0, negative or not finite.</exception>
    public Uniform Scale { get; init => field = value.Factor(nameof(Squish)); } = Scale.Factor(nameof(Squish));

    /// <summary>Focal row as a part of the height.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform RowPct { get; init => field = value.Part(nameof(Squish)); } = 0.5;

    /// <summary>Focal column as a part of the width.</summary>
    /// <exception cref="TesseraException">Not between 0 and 1.</exception>
    public Uniform ColPct { get; init => field = value.Part(nameof(Squish)); } = 0.5;

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var s = Scale.Draw(random);
        var (row, col) = (RowPct.Draw(random), ColPct.Draw(random));
        canvas.Affine(s <= 1
            ? new(s, 0, (1 - s) * (2 * col - 1), 0, 1, 0)
            : new(1, 0, 0, 0, 1 / s, (1 - 1 / s) * (2 * row - 1)));
    }
}

/// <summary>
/// One of the eight symmetries of the square as a matrix, part of the one resampling: x = -1 if bit 0, y = -1 if bit 1;
/// diag(x, y), or [[0, x], [y, 0]] if bit 2. So bit 0 mirrors columns and bit 1 rows.
/// </summary>
public sealed record DihedralAffine : Transform
{
    /// <summary>k uniform in 0..7.</summary>
    public DihedralAffine() : base(TransformOrder.Affine) { }

    /// <summary>0 to 7 for a fixed symmetry, null for a random one.</summary>
    /// <exception cref="TesseraException">Not 0 to 7.</exception>
    public int? K { get; init => field = Ranges.Choice(value, 7, nameof(DihedralAffine)); }

    /// <inheritdoc/>
    protected internal override void Apply(Canvas canvas, ItemRandom random)
    {
        var k = K ?? random.NextInt(8);
        var (x, y) = (1 - 2 * (k & 1), 1 - (k & 2));
        canvas.Affine((k & 4) == 0 ? new(x, 0, 0, 0, y, 0) : new(0, x, 0, y, 0, 0));
    }
}
