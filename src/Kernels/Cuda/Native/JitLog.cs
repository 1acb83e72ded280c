using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Tessera.Cuda;

/// <summary>What the driver's PTX compiler says.</summary>
internal static partial class JitLog
{
    /// <summary>The messages, each followed by the line of <paramref name="ptx"/> that it names.</summary>
    public static string WithLines(string log, string ptx)
    {
        string[] source = ptx.Split('\n');
        var text = new StringBuilder();
        foreach (string message in log.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            text.Append(message).Append('\n');
            if (LineNumber().Match(message) is { Success: true } match
                && int.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int line) && line >= 1 && line <= source.Length)
                text.Append(CultureInfo.InvariantCulture, $"{line,6} | {source[line - 1].Trim()}\n");
        }
        return text.ToString().TrimEnd();
    }

    /// <summary>The text in a buffer that the driver has filled.</summary>
    public static string Read(ReadOnlySpan<byte> buffer) => Encoding.UTF8.GetString(buffer.IndexOf((byte)0) is var end and >= 0 ? buffer[..end] : buffer);

    [GeneratedRegex(@"\bline (\d+)", RegexOptions.CultureInvariant)]
    private static partial Regex LineNumber();
}
