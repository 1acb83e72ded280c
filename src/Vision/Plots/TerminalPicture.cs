using System.Globalization;
using System.Text;

namespace Tessera.Vision;

/// <summary>How a terminal is told about pixels.</summary>
public enum TerminalFormat
{
    /// <summary>Two pixels a character: an upper half block ▀ in 24-bit colours. Nearly every terminal shows it.</summary>
    HalfBlocks,

    /// <summary>Sixels, 10 pixels a character wide, in 216 colours: sharp, in terminals that have them (xterm, mlterm, WezTerm, Windows Terminal, foot).</summary>
    Sixel,
}

/// <summary>Pictures as escape sequences.</summary>
static class TerminalPicture
{
    /// <summary>Pixels of a character from left to right.</summary>
    const int CellWidth = 10;

    /// <summary>Steps of red, of green and of blue: 216 colours, since terminals promise 256.</summary>
    const int Levels = 6;

    public static string Of(Image image, int columns, TerminalFormat format)
    {
        if (columns < 2)
            throw new TesseraException($"ToTerminal: too few columns: got {columns}, expected at least 2. Hint: Console.WindowWidth is 0 where the output is no terminal.");
        int width = format == TerminalFormat.Sixel ? Math.Min(columns * CellWidth, image.Width) : columns;
        var small = image.Resize(Math.Max(1, (int)Math.Round((double)image.Height * width / image.Width)), width);
        return format == TerminalFormat.Sixel ? Sixel(small) : HalfBlocks(small);
    }

    static string HalfBlocks(Image image)
    {
        var text = new StringBuilder();
        for (int row = 0; row < image.Height; row += 2)
        {
            (byte, byte, byte)? upper = null, lower = null;
            for (int col = 0; col < image.Width; col++)
            {
                // Colours stand until the next ones are named.
                var (u, l) = (image[row, col], row + 1 < image.Height ? image[row + 1, col] : (byte.MaxValue, byte.MaxValue, byte.MaxValue));
                if (upper != u) text.Append(CultureInfo.InvariantCulture, $"\e[38;2;{u.R};{u.G};{u.B}m");
                if (lower != l) text.Append(CultureInfo.InvariantCulture, $"\e[48;2;{l.Item1};{l.Item2};{l.Item3}m");
                (upper, lower) = (u, l);
                text.Append('▀');
            }
            text.Append("\e[0m\n");
        }
        return text.ToString();
    }

    /// <summary>Six rows of pixels at a time: for each colour, a character a column whose bits say which of the six rows have it.</summary>
    static string Sixel(Image image)
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"\eP0;1;0q\"1;1;{image.Width};{image.Height}");
        for (int c = 0; c < Levels * Levels * Levels; c++)
            text.Append(CultureInfo.InvariantCulture, $"#{c};2;{Percent(c / (Levels * Levels))};{Percent(c / Levels % Levels)};{Percent(c % Levels)}");
        int[] colors = new int[image.Width * 6];
        for (int row = 0; row < image.Height; row += 6)
        {
            int rows = Math.Min(6, image.Height - row);
            for (int r = 0; r < rows; r++)
                for (int col = 0; col < image.Width; col++)
                    colors[(r * image.Width) + col] = Nearest(image[row + r, col]);
            Band(text, colors.AsSpan(0, rows * image.Width), image.Width);
        }
        return text.Append("\e\\\n").ToString();
    }

    static void Band(StringBuilder text, ReadOnlySpan<int> colors, int width)
    {
        foreach (int color in colors.ToArray().Distinct())
        {
            text.Append(CultureInfo.InvariantCulture, $"#{color}");
            for (int col = 0, run; col < width; col += run)
            {
                char bits = Bits(colors, width, col, color);
                for (run = 1; col + run < width && Bits(colors, width, col + run, color) == bits; run++) { }
                if (run > 3) text.Append(CultureInfo.InvariantCulture, $"!{run}{bits}");
                else text.Append(bits, run);
            }
            text.Append('$'); // back to the first column, for the next colour
        }
        text.Append('-');
    }

    static char Bits(ReadOnlySpan<int> colors, int width, int col, int color)
    {
        int bits = 0;
        for (int at = col, r = 0; at < colors.Length; at += width, r++)
            if (colors[at] == color) bits |= 1 << r;
        return (char)(63 + bits);
    }

    static int Nearest((byte R, byte G, byte B) c) => (((Level(c.R) * Levels) + Level(c.G)) * Levels) + Level(c.B);

    static int Level(byte x) => ((x * (Levels - 1)) + 127) / 255;

    static int Percent(int level) => 100 * level / (Levels - 1);
}
