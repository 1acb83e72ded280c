using System.Globalization;

namespace Tessera.Vision;

/// <summary>Tries the photos of the first training batch one by one, so that what is wrong with the data shows before training.</summary>
static class FirstBatch
{
    const int named = 5;

    /// <summary>What is wrong, in words; nothing that throws.</summary>
    public static IEnumerable<string> Warnings(ImageDataset set, IReadOnlyList<int> items, ulong seed)
    {
        float[] pixels = new float[set.InputShape.Count];
        List<string> unreadable = [], misfits = [];
        foreach (int item in items)
        {
            try
            {
                set.Load(item, new Philox(seed), pixels, out _);
            }
            catch (ShapeException e) when (Shape(set.Items[item].Path) is { } shape)
            {
                misfits.Add($"{set.Items[item].Path} {shape}{(e.Message.Contains("does not fit", StringComparison.Ordinal) ? "" : $" ({e.Message.Split(" Hint: ")[0]})")}");
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                unreadable.Add(e.Message.Split(" Hint: ")[0]);
            }
        }
        if (unreadable.Count > 0)
            yield return string.Create(CultureInfo.InvariantCulture,
                $"{unreadable.Count} of the {items.Count} photos of the first batch cannot be read, and training would stop at them: {First(unreadable)}");
        if (misfits.Count > 0)
            yield return string.Create(CultureInfo.InvariantCulture,
                $"{misfits.Count} of the {items.Count} photos of the first batch do not come out as {set.Size.Height}x{set.Size.Width}, "
                    + $"so that they form no batch: {First(misfits)}");
    }

    /// <summary>Height x width of a photo; null where it cannot be read.</summary>
    static string? Shape(string path)
    {
        try
        {
            var image = Image.Load(path);
            return string.Create(CultureInfo.InvariantCulture, $"{image.Height}x{image.Width}");
        }
        catch (DataException)
        {
            return null;
        }
    }

    static string First(List<string> all) => string.Join("; ", all.Take(named)) + (all.Count > named ? "; ..." : "");
}
