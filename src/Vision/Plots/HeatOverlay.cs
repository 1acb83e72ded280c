namespace Tessera.Vision;

/// <summary>A coarse map of numbers laid over a photo as colours.</summary>
static class HeatOverlay
{
    /// <summary>
    /// (1 - α)·photo + α·colour: the map is scaled up to the photo bilinearly, its least value takes the colour of 0, its largest that of 1. Both cover
    /// the same rectangle, so that the centre of a map's element lies in the middle of its part of the photo.
    /// </summary>
    /// <param name="photo">What lies below.</param>
    /// <param name="map">[h, w], of any size.</param>
    /// <param name="colors">Magma by default.</param>
    /// <param name="alpha">Weight of the colours, 0 to 1.</param>
    /// <exception cref="TesseraException">An empty map, or α outside 0 to 1.</exception>
    public static Image Over(Image photo, float[,] map, ColorMap? colors = null, double alpha = 0.6)
    {
        if (map.Length == 0 || alpha is not (>= 0 and <= 1))
            throw new TesseraException(string.Create(System.Globalization.CultureInfo.InvariantCulture,
                $"heat map: got a map of {map.GetLength(0)} x {map.GetLength(1)} with alpha {alpha}, expected at least 1 x 1 and an alpha of 0 to 1. Hint: 0.6 is usual."));
        colors ??= ColorMap.Magma;
        double least = map.Cast<float>().Min(), range = map.Cast<float>().Max() - least;
        byte[] rgb = new byte[photo.Width * photo.Height * Image.Channels];
        var source = photo.Pixels;
        for (int row = 0, i = 0; row < photo.Height; row++)
            for (int col = 0; col < photo.Width; col++)
            {
                double value = At(map, (double)(row + 0.5) / photo.Height, (col + 0.5) / photo.Width);
                var color = colors.At(range > 0 ? (value - least) / range : 0);
                foreach (byte c in (ReadOnlySpan<byte>)[color.Red, color.Green, color.Blue])
                    rgb[i] = (byte)Math.Round(((1 - alpha) * source[i++]) + (alpha * c));
            }
        return new Image(photo.Width, photo.Height, rgb);
    }

    /// <summary>The map between its elements' centres, at (y, x) from 0 to 1; beyond the outermost centres it stays as it is.</summary>
    static double At(float[,] map, double y, double x)
    {
        var (r, r1, tr) = Between(y, map.GetLength(0));
        var (c, c1, tc) = Between(x, map.GetLength(1));
        return ((1 - tr) * (((1 - tc) * map[r, c]) + (tc * map[r, c1]))) + (tr * (((1 - tc) * map[r1, c]) + (tc * map[r1, c1])));
    }

    static (int First, int Second, double T) Between(double x, int n)
    {
        double at = Math.Clamp((x * n) - 0.5, 0, n - 1);
        int i = Math.Min((int)at, n - 1);
        return (i, Math.Min(i + 1, n - 1), at - i);
    }
}
