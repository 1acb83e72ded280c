using System.Globalization;
using System.Text;

namespace Tessera.Vision;

/// <summary>What lists and bunches of photos print: a count and the first five of each set, and the folder.</summary>
static class Listing
{
    const int shown = 5;

    public static string Of(string name, IEnumerable<string> paths, string? root = null)
    {
        string[] all = [.. paths];
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{name}: {all.Length} photos");
        foreach (string path in all.Take(shown)) text.Append("\n  ").Append(path);
        if (root is not null) text.Append("\npath: ").Append(root);
        return text.ToString();
    }

    /// <param name="data">The photos.</param>
    /// <param name="shape">Of a photo in a batch; null where it is not known.</param>
    /// <param name="warnings">Null for those of the photos.</param>
    public static string Of(LabeledSplit data, Shape? shape = null, IReadOnlyList<string>? warnings = null)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{data.Classes.Count} classes{(data.ClassNumbers is null ? "" : " (integers)")}: {string.Join(", ", data.Classes)}\n");
        foreach (var (name, set) in new[] { ("train", data.Train), ("valid", data.Valid), ("test", data.Test) })
        {
            if (set is null) continue;
            text.Append(CultureInfo.InvariantCulture, $"{name}: {set.Count} photos{(shape is null ? "" : $" {shape}")}");
            foreach (var item in set.Take(shown)) text.Append(CultureInfo.InvariantCulture, $"\n  {(item.Label < 0 ? "?" : data.Classes[item.Label])}: {item.Path}");
            text.Append('\n');
        }
        text.Append(CultureInfo.InvariantCulture, $"path: {data.Split.List.Root}");
        foreach (string warning in warnings ?? data.Warnings) text.Append("\nwarning: ").Append(warning);
        return text.ToString();
    }
}
