using System.CommandLine;
using System.Globalization;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera data list</c> and <c>tessera data fetch</c>: data sets of the course, and archives from elsewhere.</summary>
static class DataFetchCommand
{
    static readonly (DatasetUrl Set, string What)[] known =
    [
        (Datasets.Pets, "photos of 37 breeds of cats and dogs; the names say the breed"),
        (Datasets.MnistSample, "threes and sevens of MNIST"),
        (Datasets.MnistTiny, "a few threes and sevens, for trying things out"),
        (Datasets.Dogs, "cats and dogs, a folder a class"),
        (Datasets.Imagenette, "ten easy classes of ImageNet"),
        (Datasets.Imagenette320, "the same, shorter side 320"),
        (Datasets.Imagenette160, "the same, shorter side 160"),
        (Datasets.Imagewoof, "ten breeds of dogs of ImageNet"),
        (Datasets.Imagewoof320, "the same, shorter side 320"),
        (Datasets.Imagewoof160, "the same, shorter side 160"),
    ];

    public static Command List(TextWriter output)
    {
        var command = new ExampleCommand("list", "The data sets that can be fetched by name.", "Example:\n  tessera data list");
        command.SetAction(_ =>
        {
            foreach (var (set, what) in known) output.WriteLine($"{set.Name,-18} {Megabytes(set.Bytes),8}  {what}");
            output.WriteLine("Their owners' terms apply: they come from the course's servers.");
            return Tool.Success;
        });
        return command;
    }

    public static Command Fetch(TextWriter output)
    {
        var set = Options.Path<string>("set", "A name that tessera data list shows, an address of a .tgz or .tar, or such a file on this machine.", ArgumentArity.ExactlyOne);
        var to = new Option<string?>("--to") { Description = "The folder to unpack into (data/ in TESSERA_HOME, or in .tessera of your home folder)." };
        var force = new Option<bool>("--force") { Description = "Fetch and unpack again what is there already." };
        var command = new ExampleCommand("fetch", "Fetch a data set once, check it, and unpack it whole or not at all.",
            "Examples:\n  tessera data fetch mnist_sample\n  tessera data fetch oxford-iiit-pet --to photos\n"
                + "  tessera data fetch downloads/pets.tgz --to photos")
        {
            set, to, force,
        };
        command.SetAction(args =>
        {
            using var interrupt = new Interrupt();
            string name = args.GetValue(set)!;
            var (dataset, source) = Find(name);
            var progress = new ByteProgress(output);
            var options = new UntarOptions { Source = source, Destination = args.GetValue(to), Force = args.GetValue(force), Progress = progress.Show };
            string folder;
            try
            {
                folder = UntarData.Get(dataset, options, interrupt.Token);
            }
            finally
            {
                progress.End();
            }
            output.WriteLine(folder);
            return Tool.Success;
        });
        return command;
    }

    static (DatasetUrl Set, string? Source) Find(string name)
    {
        if (Array.Find(known, k => k.Set.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Set is { } set) return (set, null);
        if (name.Contains("://", StringComparison.Ordinal)) return (name, null);
        if (File.Exists(name)) return (Datasets.MnistTiny, name); // the source counts, not the address
        throw new DataException(
            $"{name}: no such data set or file: expected one of {string.Join(", ", known.Select(k => k.Set.Name))}, an address, or an archive on this machine. "
                + "Hint: tessera data list shows what they are.");
    }

    static string Megabytes(long? bytes) => bytes is { } b ? string.Create(CultureInfo.InvariantCulture, $"{b / 1e6:0.#} MB") : "";

    /// <summary>A line that moves on a terminal; elsewhere one every few seconds.</summary>
    sealed class ByteProgress(TextWriter output)
    {
        readonly StatusLine line = new(output);

        public void Show(UntarProgress p)
        {
            string what = p.Step switch { UntarStep.Download => "fetched", UntarStep.Extract => "unpacked", _ => "another version, fetching again" };
            string of = p.Total is { } total ? " of " + Megabytes(total) : "";
            line.Show(p.Step == UntarStep.NewVersion ? $"{p.Name}: {what}" : $"{p.Name}: {what} {Megabytes(p.Done)}{of}");
        }

        public void End() => line.End();
    }
}
