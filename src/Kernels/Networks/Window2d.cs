namespace Tessera;

/// <summary>Geometry of a 2-d convolution or pool.</summary>
/// <param name="R">Kernel height.</param>
/// <param name="S">Kernel width.</param>
/// <param name="StrideH">Vertical step.</param>
/// <param name="StrideW">Horizontal step.</param>
/// <param name="Top">Rows of padding above.</param>
/// <param name="Left">Columns of padding to the left.</param>
/// <param name="Bottom">Rows of padding below.</param>
/// <param name="Right">Columns of padding to the right.</param>
/// <param name="DilationH">Vertical distance of kernel taps.</param>
/// <param name="DilationW">Horizontal distance of kernel taps.</param>
/// <param name="Groups">Channel groups of a convolution.</param>
public readonly record struct Window2d(
    int R, int S, int StrideH = 1, int StrideW = 1, int Top = 0, int Left = 0, int Bottom = 0, int Right = 0,
    int DilationH = 1, int DilationW = 1, int Groups = 1)
{
    /// <summary>Output rows for <paramref name="h"/> input rows: ⌊(h + top + bottom - dilation·(R-1) - 1) / stride⌋ + 1.</summary>
    public int OutH(int h) => FloorDiv(h + Top + Bottom - (DilationH * (R - 1)) - 1, StrideH) + 1;

    /// <summary>Output columns for <paramref name="w"/> input columns.</summary>
    public int OutW(int w) => FloorDiv(w + Left + Right - (DilationW * (S - 1)) - 1, StrideW) + 1;

    static int FloorDiv(int a, int b) => a >= 0 ? a / b : -((-a + b - 1) / b);
}
