using SkiaSharp;

namespace Tessera.Vision;

/// <summary>Colours for numbers from 0 to 1.</summary>
public sealed class ColorMap
{
    readonly Func<double, SKColor> color;

    ColorMap(string name, Func<double, SKColor> color) => (Name, this.color) = (name, color);

    /// <summary>Black, purple, orange, light yellow, evenly brighter (matplotlib's <c>magma</c>): for heat over photos.</summary>
    public static ColorMap Magma { get; } = Of(new ScottPlot.Colormaps.Magma());

    /// <summary>Dark blue, green, yellow, evenly brighter (matplotlib's <c>viridis</c>).</summary>
    public static ColorMap Viridis { get; } = Of(new ScottPlot.Colormaps.Viridis());

    /// <summary>White to dark blue (ColorBrewer's <c>Blues</c>): for counts.</summary>
    public static ColorMap Blues { get; } = Between("Blues", 0xF7FBFF, 0xDEEBF7, 0xC6DBEF, 0x9ECAE1, 0x6BAED6, 0x4292C6, 0x2171B5, 0x08519C, 0x08306B);

    /// <summary>Black to white.</summary>
    public static ColorMap Gray { get; } = Between("Gray", 0x000000, 0xFFFFFF);

    /// <summary>What people call it.</summary>
    public string Name { get; }

    /// <summary>The colour of <paramref name="x"/>; below 0 and NaN count as 0, above 1 as 1.</summary>
    public (byte R, byte G, byte B) this[double x]
    {
        get
        {
            var c = At(x);
            return (c.Red, c.Green, c.Blue);
        }
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    internal SKColor At(double x) => color(double.IsNaN(x) ? 0 : Math.Clamp(x, 0, 1));

    static ColorMap Of(ScottPlot.IColormap map) => new(map.Name, x =>
    {
        var c = map.GetColor(x);
        return new SKColor(c.Red, c.Green, c.Blue);
    });

    /// <summary>Straight lines between evenly spaced colours, given as 0xRRGGBB.</summary>
    static ColorMap Between(string name, params uint[] stops) => new(name, x =>
    {
        int i = Math.Min((int)(x * (stops.Length - 1)), stops.Length - 2);
        double t = (x * (stops.Length - 1)) - i;
        byte Mix(int shift) => (byte)Math.Round(((1 - t) * ((stops[i] >> shift) & 255)) + (t * ((stops[i + 1] >> shift) & 255)));
        return new SKColor(Mix(16), Mix(8), Mix(0));
    });
}
