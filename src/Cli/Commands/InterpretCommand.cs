using System.CommandLine;
using System.Globalization;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera interpret</c>: a page about where a trained model errs.</summary>
static class InterpretCommand
{
    const string Examples = """
        The photos, their classes, --seed and --valid are those of tessera train: with the same ones, the page is about the photos that were held back.

        Examples:
          tessera interpret model.safetensors photos/
          tessera interpret pets.safetensors --csv labels.csv --out pets.html
          tessera interpret model.safetensors new/ --valid 0 --set train       about all photos of a folder
        """;

    public static Command Create(TextWriter output)
    {
        var model = Options.Path<string>("model", "A model that tessera train wrote.", ArgumentArity.ExactlyOne);
        var photos = new PhotoOptions();
        var set = Options.OneOf("--set", "valid: the photos held back; train: the others, as they are.", hasDefault: true, "valid", "train");
        var tta = new Option<bool>("--tta") { Description = "Look at each photo nine times: test-time augmentation." };
        var top = Options.Number("--top-losses", "Photos of largest loss in the page.", 0, 16);
        var most = Options.Number("--photos", "Photos at most behind the confusion matrix; each adds about 5 KB.", 0, 300);
        var device = Options.Device();
        var page = new Option<string>("--out") { Description = "The HTML file.", DefaultValueFactory = _ => "report.html" };
        var command = new ExampleCommand("interpret", "Write a page about where a trained model errs.", Examples) { model };
        photos.AddTo(command);
        foreach (Option option in new Option[] { set, tta, top, most, device, page }) command.Add(option);
        command.SetAction(args =>
        {
            Device.Default = Device.Parse(args.GetValue(device)!);
            string file = args.GetValue(page)!, modelFile = args.GetValue(model)!;
            Writable.Check("--out", file);
            var learn = ImageLearner.LoadLearner(modelFile);
            var data = photos.ToBunch(args, learn);
            foreach (string warning in data.Warnings) output.WriteLine($"warning: {warning}");
            learn.WithData(data);
            bool held = args.GetValue(set) == "valid";
            var loader = held ? data.Valid ?? throw new DataException("interpret: no photos were held back: expected a share for validation, or a folder valid/. Hint: --valid 0.2, or --set train for all of them.") : data.Fix;
            var interpretation = ClassificationInterpretation.FromLearner(learn, loader, args.GetValue(tta));
            interpretation.SaveReport(file, new ReportOptions
            {
                Title = Path.GetFileName(modelFile),
                TopLosses = args.GetValue(top),
                Photos = args.GetValue(most),
                Run = Record(learn, data, held ? "validation" : "training", args.GetValue(tta)),
            });
            Print(interpretation, file, output);
            return Tool.Success;
        });
        return command;
    }

    static KeyValuePair<string, string>[] Record(ImageLearner learn, ImageDataBunch data, string set, bool tta) =>
    [
        new("Network", learn.Report),
        new("Epochs trained", learn.EpochsTrained.ToString(CultureInfo.InvariantCulture)),
        new("Set", tta ? $"{set}, test-time augmentation" : set),
        new("Size", FormattableString.Invariant($"{data.Size.Height} x {data.Size.Width} pixels, {data.Resize}")),
        new("Seed of the split", data.Seed.ToString(CultureInfo.InvariantCulture)),
        new("Written", DateTime.UtcNow.ToString("u", CultureInfo.InvariantCulture)),
    ];

    static void Print(ClassificationInterpretation interpretation, string file, TextWriter output)
    {
        int wrong = interpretation.Targets.Zip(interpretation.Predicted).Count(pair => pair.First != pair.Second);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"error rate {(double)wrong / interpretation.Count:0.0000} ({wrong} of {interpretation.Count} photos wrong)"));
        foreach (var (actual, predicted, count) in interpretation.MostConfused().Take(5))
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {actual} taken for {predicted}: {count}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"page written: {Path.GetFullPath(file)} ({new FileInfo(file).Length / 1024} KiB)"));
    }
}
