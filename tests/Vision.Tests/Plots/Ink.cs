using Tessera.Vision;

namespace Tessera.Tests.Plots;

/// <summary>What can be said about a picture's pixels.</summary>
static class Ink
{
    /// <summary>Pixels of a window that are darker than <paramref name="below"/> in all channels.</summary>
    public static int Dark(this Image image, int row, int col, int height, int width, int below = 128) =>
        image.Pixels(row, col, height, width).Count(p => p.R < below && p.G < below && p.B < below);

    /// <summary>Rows and columns of the pixels of exactly this colour.</summary>
    public static List<(int Row, int Col)> Where(this Image image, (byte, byte, byte) color) =>
        [.. from row in Enumerable.Range(0, image.Height) from col in Enumerable.Range(0, image.Width) where image[row, col] == color select (row, col)];

    public static IEnumerable<(byte R, byte G, byte B)> Pixels(this Image image, int row, int col, int height, int width) =>
        from r in Enumerable.Range(row, height) from c in Enumerable.Range(col, width) select image[r, c];

    /// <summary>A picture of one colour.</summary>
    public static Image Solid(byte r, byte g, byte b, int width = 20, int height = 20) =>
        new(width, height, [.. Enumerable.Repeat<byte[]>([r, g, b], width * height).SelectMany(p => p)]);
}
