namespace Tessera.Vision;

/// <summary>
/// A projective map of the plane, in double precision:
/// (x, y) to ((a x + b y + c)/w, (d x + e y + f)/w) with w = g x + h y + i. Affine when g = h = 0, i = 1.
/// </summary>
/// <param name="A">The entry a.</param>
/// <param name="B">The entry b.</param>
/// <param name="C">The entry c.</param>
/// <param name="D">The entry d.</param>
/// <param name="E">The entry e.</param>
/// <param name="F">The entry f.</param>
/// <param name="G">The entry g.</param>
/// <param name="H">The entry h.</param>
/// <param name="I">The entry i.</param>
public readonly record struct Matrix3(
    double A, double B, double C,
    double D, double E, double F,
    double G = 0, double H = 0, double I = 1)
{
    /// <summary>The map that moves nothing.</summary>
    public static Matrix3 Identity { get; } = new(1, 0, 0, 0, 1, 0);

    /// <summary>First <paramref name="n"/>, then <paramref name="m"/>.</summary>
    public static Matrix3 operator *(Matrix3 m, Matrix3 n) => new(
        m.A * n.A + m.B * n.D + m.C * n.G, m.A * n.B + m.B * n.E + m.C * n.H, m.A * n.C + m.B * n.F + m.C * n.I,
        m.D * n.A + m.E * n.D + m.F * n.G, m.D * n.B + m.E * n.E + m.F * n.H, m.D * n.C + m.E * n.F + m.F * n.I,
        m.G * n.A + m.H * n.D + m.I * n.G, m.G * n.B + m.H * n.E + m.I * n.H, m.G * n.C + m.H * n.F + m.I * n.I);

    /// <summary>No perspective: parallel lines stay parallel.</summary>
    public bool IsAffine => G == 0 && H == 0;

    /// <summary>Where (x, y) goes.</summary>
    public (double X, double Y) Map(double x, double y)
    {
        var w = G * x + H * y + I;
        return ((A * x + B * y + C) / w, (D * x + E * y + F) / w);
    }

    internal Projection ToProjection() => new(A, B, C, D, E, F, G, H, I);

    /// <summary>The map back, scaled so that I = 1 (the adjugate over its last element).</summary>
    public Matrix3 Inverse()
    {
        var i = A * E - B * D;
        return new(
            (E * I - F * H) / i, (C * H - B * I) / i, (B * F - C * E) / i,
            (F * G - D * I) / i, (A * I - C * G) / i, (C * D - A * F) / i,
            (D * H - E * G) / i, (B * G - A * H) / i, 1);
    }

    /// <summary>
    /// The map with H(target corner) = source corner, source corners being (-1,-1), (-1,1), (1,-1), (1,1) as (x, y).
    /// Inverse of Heckbert's closed form of square to quadrilateral ("Fundamentals of Texture Mapping", 1989, section 2.2.3).
    /// </summary>
    public static Matrix3 FromCorners((double X, double Y) topLeft, (double X, double Y) bottomLeft, (double X, double Y) topRight, (double X, double Y) bottomRight)
    {
        double det = ((topRight.X - bottomRight.X) * (bottomLeft.Y - bottomRight.Y)) - ((bottomLeft.X - bottomRight.X) * (topRight.Y - bottomRight.Y));
        if (det == 0 || !double.IsFinite(det))
            throw new TesseraException(FormattableString.Invariant(
                $"Matrix3.FromCorners: no quadrangle: got corners {topLeft}, {bottomLeft}, {topRight}, {bottomRight}, expected three of which none lie on a line. ")
                    + "Hint: the unmoved corners are (-1, -1), (-1, 1), (1, -1), (1, 1).");
        return Quadrangle(topLeft, bottomLeft, topRight, bottomRight);
    }

    /// <summary>As <see cref="FromCorners"/>, for corners drawn at random: where they lie on a line the picture is padding, and training goes on.</summary>
    internal static Matrix3 Quadrangle((double X, double Y) topLeft, (double X, double Y) bottomLeft, (double X, double Y) topRight, (double X, double Y) bottomRight)
    {
        var (p0, p1, p2, p3) = (topLeft, topRight, bottomRight, bottomLeft);
        var (sx, sy) = (p0.X - p1.X + p2.X - p3.X, p0.Y - p1.Y + p2.Y - p3.Y);
        var (dx1, dy1) = (p1.X - p2.X, p1.Y - p2.Y);
        var (dx2, dy2) = (p3.X - p2.X, p3.Y - p2.Y);
        var det = dx1 * dy2 - dx2 * dy1;
        var g = (sx * dy2 - dx2 * sy) / det;
        var h = (dx1 * sy - sx * dy1) / det;
        var fromUnitSquare = new Matrix3(
            p1.X - p0.X + g * p1.X, p3.X - p0.X + h * p3.X, p0.X,
            p1.Y - p0.Y + g * p1.Y, p3.Y - p0.Y + h * p3.Y, p0.Y,
            g, h, 1);
        return (fromUnitSquare * new Matrix3(0.5, 0, 0.5, 0, 0.5, 0.5)).Inverse();
    }
}
