using System.CommandLine;
using System.Globalization;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera interpret</c>: a page about where a trained model errs.</summary>
static class InterpretCommand
{
    const string Examples = """
        Give the photos as to tessera train. The model knows its size, transforms, --seed and --valid, so the page is about the photos that were held back; where the
        photos held back are others, a warning says so.

        Examples:
          tessera interpret model.safetensors photos/
          tessera interpret pets.safetensors --csv labels.csv --out pets.html
          tessera interpret model.safetensors new/ --valid 0 --set train       about all photos of a folder
        """;

    public static Command Create(TextWriter output)
    {
        var model = ModelFile.Argument();
        var photos = new PhotoOptions(ofModel: true);
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
            Writable.Check("--out", file, [modelFile, photos.Table(args)]);
            var learn = ModelFile.Learner(modelFile);
            var trained = learn.Images.ValidationSplit;
            var data = photos.ToBunch(args, learn);
            bool held = args.GetValue(set) == "valid";
            IEnumerable<string> warnings = held && data.ValidSet is not null && Doubt(modelFile, data.ValidationSplit!, trained) is { } doubt ? [.. data.Warnings, doubt] : data.Warnings;
            foreach (string warning in warnings) output.WriteLine($"warning: {warning}");
            learn.WithData(data);
            var loader = held ? data.Valid ?? throw new DataException(
                "interpret: no photos were held back: expected a share for validation, or a folder valid/. "
                    + "Hint: --valid 0.2, or --set train for all of them.") : data.Fix;
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

    /// <summary>Why the photos held back may have been trained on; null where they are those of training.</summary>
    static string? Doubt(string model, ValidationSplit held, ValidationSplit? trained) => held.HasSamePhotos(trained) ? null
        : trained is null ? $"{model} does not say which photos were held back in its training: some of these ({held}) may have been trained on."
        : $"these are not the photos that were held back in training, and some may have been trained on: got {held}; expected {trained}. "
            + "For the same ones give the folder of training, without --seed and --valid; for all photos of a new folder --valid 0 --set train.";

    static KeyValuePair<string, string>[] Record(ImageLearner learn, ImageDataBunch data, string set, bool tta) =>
    [
        new("Network", learn.Report),
        new("Epochs trained", learn.EpochsTrained.ToString(CultureInfo.InvariantCulture)),
        new("Set", tta ? $"{set}, test-time augmentation" : set),
        new("Held back", data.ValidationSplit?.ToString() ?? "no photos"),
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
