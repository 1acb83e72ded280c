using System.CommandLine;
using System.Globalization;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera predict</c>: classifies photos with a trained model.</summary>
static class PredictCommand
{
    public static Command Create(TextWriter output)
    {
        var model = Options.Path<string>("model", "A model that tessera train wrote.", ArgumentArity.ExactlyOne);
        var photos = Options.Path<string[]>("photo", "Photos, or folders of photos.", ArgumentArity.OneOrMore);
        var top = Options.Number("--top", "How many classes to show for each photo.", 1, 3);
        var device = Options.Device();
        var command = new ExampleCommand("predict", "Classify photos with a trained model.", "Examples:\n  tessera predict model.safetensors cat.jpg holiday/\n  tessera predict model.safetensors cat.jpg --top 1") { model, photos, top, device };
        command.SetAction(parsed => Run(parsed.GetValue(model)!, parsed.GetValue(photos)!, parsed.GetValue(top), parsed.GetValue(device)!, output));
        return command;
    }

    static int Run(string modelPath, string[] photos, int top, string device, TextWriter output)
    {
        Device.Default = Device.Parse(device);
        var classifier = ImageClassifier.Load(modelPath);
        string[] paths = [.. photos.SelectMany(Files)];
        List<DataException> unread = [];
        foreach (string path in paths)
        {
            try
            {
                output.WriteLine($"{path}: {Best(classifier, classifier.Predict(path), top)}");
            }
            catch (DataException e)
            {
                unread.Add(e);
            }
        }
        return unread switch
        {
            [] => Tool.Success,
            [var only] when paths.Length == 1 => throw only,
            _ => throw new DataException($"{unread.Count} of {paths.Length} photos could not be read: {string.Join("; ", unread.Select(e => e.Message.Split(" Hint: ")[0]))}", unread[0]),
        };
    }

    static string Best(ImageClassifier classifier, Prediction prediction, int top) => string.Join(", ", prediction.Probabilities.Index()
        .OrderByDescending(p => p.Item).Take(top)
        .Select(p => string.Create(CultureInfo.InvariantCulture, $"{classifier.Classes[p.Index]} {p.Item:0.0000}")));

    static string[] Files(string path)
    {
        if (!Directory.Exists(path)) return [path];
        string[] files = ImageFiles.In(path);
        return files.Length > 0 ? files : throw new DataException($"{path}: no photos in this folder. Hint: check the path.");
    }
}
