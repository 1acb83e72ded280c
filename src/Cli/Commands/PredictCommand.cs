using System.CommandLine;
using System.Globalization;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera predict</c>: classifies photos with a trained model.</summary>
static class PredictCommand
{
    const int named = 5;

    const string Examples = """
        A photo that cannot be read does not stop the others; at the end it is named, and the exit code is 1.

        Examples:
          tessera predict model.safetensors cat.jpg holiday/
          tessera predict model.safetensors cat.jpg --top 1 --tta
          tessera predict model.safetensors holiday/ --recurse --format csv --out holiday.csv
        """;

    public static Command Create(TextWriter output)
    {
        var model = ModelFile.Argument();
        var photos = Options.Path<string[]>("photo", "Photos, or folders of photos.", ArgumentArity.OneOrMore);
        var top = Options.Number("--top", "How many classes to show for each photo, as text.", 1, 3);
        var recurse = new Option<bool>("--recurse") { Description = "Look into sub-folders." };
        var tta = new Option<bool>("--tta") { Description = "Test-time augmentation: the mean over nine views of each photo; better, and nine times as slow." };
        var format = Options.OneOf("--format", "text; csv: a row a photo and a column a class; json: an array of objects.", hasDefault: true, "text", "csv", "json");
        var file = new Option<string?>("--out") { Description = "Write into this file, whole or not at all." };
        var device = Options.Device();
        var command = new ExampleCommand("predict", "Classify photos with a trained model.", Examples) { model, photos, top, recurse, tta, format, file, device };
        command.SetAction(args =>
        {
            Device.Default = Device.Parse(args.GetValue(device)!);
            string modelFile = args.GetValue(model)!;
            if (args.GetValue(file) is { } path) Writable.Check("--out", path, [modelFile, .. args.GetValue(photos)!]);
            var classifier = ModelFile.Classifier(modelFile);
            string[] paths = [.. args.GetValue(photos)!.SelectMany(p => Files(p, args.GetValue(recurse)))];
            Func<string, Prediction> predict = args.GetValue(tta) ? p => classifier.PredictWithTestTimeAugmentation(Image.Load(p)) : classifier.Predict;
            using var interrupt = new Interrupt();
            Write(args.GetValue(file), output, writer => Run(paths, predict, interrupt.Token, PredictionWriter.For(args.GetValue(format)!, writer, classifier.Classes, args.GetValue(top))));
            return Tool.Success;
        });
        return command;
    }

    /// <summary>Into a file, which is then there also where some photos could not be read, or to the output.</summary>
    static void Write(string? file, TextWriter output, Func<TextWriter, DataException?> run)
    {
        DataException? failure = null;
        if (file is null)
        {
            failure = run(output);
        }
        else
        {
            using var text = new StringWriter(CultureInfo.InvariantCulture);
            failure = run(text);
            AtomicFile.Write(file, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text.ToString())));
        }
        if (failure is not null) throw failure;
    }

    /// <summary>Classifies one photo after the other.</summary>
    /// <returns>What to say of those that could not be read; null where all could.</returns>
    static DataException? Run(string[] paths, Func<string, Prediction> predict, CancellationToken cancellation, PredictionWriter writer)
    {
        List<DataException> unread = [];
        writer.Begin();
        foreach (string path in paths)
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                writer.Photo(path, predict(path));
            }
            catch (DataException e)
            {
                unread.Add(e);
                writer.Unreadable(path, e.Message.Split(" Hint: ")[0]);
            }
        }
        writer.End();
        return unread switch
        {
            [] => null,
            [var only] when paths.Length == 1 => only,
            _ => new DataException(
                $"{unread.Count} of {paths.Length} photos could not be read: "
                    + $"{string.Join("; ", unread.Take(named).Select(e => e.Message.Split(" Hint: ")[0]))}{(unread.Count > named ? "; ..." : "")}", unread[0]),
        };
    }

    static string[] Files(string path, bool recurse)
    {
        if (!Directory.Exists(path)) return [path];
        string[] files = ImageFiles.In(path, recurse);
        return files.Length > 0 ? files : throw new DataException($"{path}: no photos in this folder. Hint: check the path{(recurse ? "" : ", or look into sub-folders with --recurse")}.");
    }
}
