using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera data inspect</c>: counts a class, sizes, photos that cannot be read, and photos that are there twice.</summary>
static class DataInspectCommand
{
    const int named = 10;

    const string Examples = """
        Classes are told as by tessera train. Exit code 1 where a photo cannot be read: training would stop there.

        Examples:
          tessera data inspect photos/
          tessera data inspect photos/ --csv labels.csv
          tessera data inspect photos/ --quick        counts only, no photo is opened
        """;

    public static Command Create(TextWriter output)
    {
        var photos = new PhotoOptions();
        var quick = new Option<bool>("--quick") { Description = "Counts only: no photo is opened." };
        var command = new ExampleCommand("inspect", "Count the photos of each class, and find unreadable and double ones.", Examples);
        photos.AddSourceTo(command);
        command.Add(quick);
        command.SetAction(args =>
        {
            using var interrupt = new Interrupt();
            var data = photos.Listed(args);
            PrintCounts(data, output);
            foreach (string warning in data.Warnings) output.WriteLine($"warning: {warning}");
            if (!args.GetValue(quick)) Open(data, output, interrupt.Token);
            return Tool.Success;
        });
        return command;
    }

    static void PrintCounts(ImageDataBunch data, TextWriter output)
    {
        int[] train = Counts(data.TrainSet, data.C), valid = Counts(data.ValidSet, data.C);
        int width = Math.Clamp(data.Classes.Max(c => c.Length), 5, 40);
        void Row(string name, string a, string b) => output.WriteLine($"{Printable.Of(name).PadRight(width)}  {a,6}  {b,6}");
        Row("class", "train", "valid");
        for (int c = 0; c < data.C; c++) Row(data.Classes[c], Text(train[c]), Text(valid[c]));
        Row("all", Text(train.Sum()), Text(valid.Sum()));
    }

    static int[] Counts(ImageDataset? set, int classes)
    {
        int[] counts = new int[classes];
        foreach (var item in set?.Items ?? []) counts[item.Label]++;
        return counts;
    }

    /// <summary>Decodes every photo and compares their bytes.</summary>
    /// <exception cref="DataException">Some cannot be read.</exception>
    static void Open(ImageDataBunch data, TextWriter output, CancellationToken cancellation)
    {
        LabeledImage[] items = [.. data.TrainSet.Items, .. data.ValidSet?.Items ?? []];
        var seen = new Photo[items.Length];
        var line = new StatusLine(output);
        int done = 0;
        Parallel.For(0, items.Length, new ParallelOptions { CancellationToken = cancellation }, i =>
        {
            seen[i] = Photo.Of(items[i].Path);
            int n = Interlocked.Increment(ref done);
            lock (line) line.Show(string.Create(CultureInfo.InvariantCulture, $"{n} of {items.Length} photos opened"));
        });
        line.End();
        PrintSizes(seen, output);
        PrintDoubles(data, items, seen, output);
        string[] missing = [.. items.Zip(seen).Where(p => p.Second.Error is not null && !File.Exists(p.First.Path)).Select(p => p.First.Path)];
        if (missing.Length > 0)
            throw new DataException(string.Create(CultureInfo.InvariantCulture,
                $"{missing.Length} of {items.Length} photos are not there: {First(missing, "; ")} "
                    + $"Hint: where a table names them, --file-column and --label-column say which column is which, --suffix .jpg ends their names, "
                    + $"and the folder before --csv is what they are relative to."));
        string[] unreadable = [.. seen.Where(p => p.Error is not null).Select(p => p.Error!.Split(" Hint: ")[0])];
        if (unreadable.Length > 0)
            throw new DataException(string.Create(CultureInfo.InvariantCulture,
                $"{unreadable.Length} of {items.Length} photos cannot be read: {First(unreadable, "; ")} "
                    + $"Hint: fetch them again or delete them: training would stop at them."));
    }

    static void PrintSizes(Photo[] seen, TextWriter output)
    {
        Photo[] read = [.. seen.Where(p => p.Error is null)];
        if (read.Length == 0) return;
        string Range(Func<Photo, int> side)
        {
            int[] sorted = [.. read.Select(side).Order()];
            return string.Create(CultureInfo.InvariantCulture, $"{sorted[0]} to {sorted[^1]}, half of them up to {sorted[(sorted.Length - 1) / 2]}");
        }
        output.WriteLine($"rows     {Range(p => p.Height)}");
        output.WriteLine($"columns  {Range(p => p.Width)}");
    }

    static void PrintDoubles(ImageDataBunch data, LabeledImage[] items, Photo[] seen, TextWriter output)
    {
        var groups = seen.Index().Where(p => p.Item.Hash is not null).GroupBy(p => p.Item.Hash, p => p.Index, StringComparer.Ordinal).Select(g => g.ToArray()).Where(g => g.Length > 1).ToArray();
        if (groups.Length == 0) return;
        int train = data.TrainSet.Count;
        int classes = groups.Count(g => g.Select(i => items[i].Label).Distinct().Count() > 1), sets = groups.Count(g => g.Any(i => i < train) && g.Any(i => i >= train));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"warning: {groups.Length} photos are there more than once, byte for byte; {classes} of them in different classes, "
                + $"{sets} in training and in validation:"));
        foreach (int[] group in groups.Take(named)) output.WriteLine($"  {string.Join(" = ", group.Select(i => items[i].Path))}");
        if (groups.Length > named) output.WriteLine("  ...");
    }

    static string First(string[] all, string between) => string.Join(between, all.Take(named)) + (all.Length > named ? between + "..." : "");

    static string Text(int n) => n.ToString(CultureInfo.InvariantCulture);

    /// <summary>What a photo is: its size and what tells its bytes from others', or why it cannot be read.</summary>
    readonly record struct Photo(int Height, int Width, string? Hash, string? Error)
    {
        public static Photo Of(string path)
        {
            try
            {
                byte[] file = File.ReadAllBytes(path);
                var image = Image.Decode(file, path);
                return new(image.Height, image.Width, Convert.ToHexString(SHA256.HashData(file)), null);
            }
            catch (Exception e) when (e is DataException or IOException or UnauthorizedAccessException)
            {
                return new(0, 0, null, e.Message);
            }
        }
    }
}
