namespace Tessera.Vision;

/// <summary>
/// A view of H x W pixels: pixel (i, j) is pixel (R0 + i RI + j RJ, C0 + i CI + j CJ) of what lies beneath.
/// Flips, crops and transposition change the view; no pixel moves.
/// </summary>
readonly record struct Window(int Height, int Width, int R0, int RI, int RJ, int C0, int CI, int CJ)
{
    public static Window Whole(int height, int width) => new(height, width, 0, 1, 0, 0, 0, 1);

    public bool IsWhole(int height, int width) => this == Whole(height, width);

    /// <summary>(j, i) to (column, row) beneath.</summary>
    public Matrix3 Matrix => new(CJ, CI, C0, RJ, RI, R0);

    /// <summary>The view for a sampling, its origin moved down by (rows, cols).</summary>
    public PixelView ToView(int rows = 0, int cols = 0) => new(R0 - rows, RI, RJ, C0 - cols, CI, CJ);

    /// <summary>The part of what lies beneath under rows r0..r1-1 and columns c0..c1-1, which are not empty.</summary>
    public PixelBox Beneath(int r0, int r1, int c0, int c1)
    {
        var (rowA, rowB) = (R0 + r0 * RI + c0 * RJ, R0 + (r1 - 1) * RI + (c1 - 1) * RJ);
        var (colA, colB) = (C0 + r0 * CI + c0 * CJ, C0 + (r1 - 1) * CI + (c1 - 1) * CJ);
        return new(Math.Min(rowA, rowB), Math.Max(rowA, rowB) + 1, Math.Min(colA, colB), Math.Max(colA, colB) + 1);
    }

    /// <summary>Number of the pixel beneath, where rows have <paramref name="stride"/> pixels.</summary>
    public int Index(int i, int j, int stride) => (R0 + i * RI + j * RJ) * stride + C0 + i * CI + j * CJ;

    /// <summary>Columns in reverse.</summary>
    public Window FlipColumns() => this with { R0 = R0 + (Width - 1) * RJ, RJ = -RJ, C0 = C0 + (Width - 1) * CJ, CJ = -CJ };

    /// <summary>Rows in reverse.</summary>
    public Window FlipRows() => this with { R0 = R0 + (Height - 1) * RI, RI = -RI, C0 = C0 + (Height - 1) * CI, CI = -CI };

    /// <summary>Rows become columns.</summary>
    public Window Transpose() => new(Width, Height, R0, RJ, RI, C0, CJ, CI);

    /// <summary>The part of height x width that begins at (row, col).</summary>
    public Window Crop(int row, int col, int height, int width) =>
        this with { Height = height, Width = width, R0 = R0 + row * RI + col * RJ, C0 = C0 + row * CI + col * CJ };
}
