using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>The file of a trained model, as several commands take it.</summary>
static class ModelFile
{
    public static System.CommandLine.Argument<string> Argument() => Options.Path<string>("model", "A model that tessera train wrote.", System.CommandLine.ArgumentArity.ExactlyOne);

    /// <summary>The model, to predict with.</summary>
    public static ImageClassifier Classifier(string path) => ImageClassifier.Load(Checked(path));

    /// <summary>The model, to go on with.</summary>
    public static ImageLearner Learner(string path) => ImageLearner.LoadLearner(Checked(path));

    /// <summary>
    /// Whether a file is one of safetensors, by its content: eight bytes of the header's length, then the header, which is JSON. Null where it cannot be
    /// opened: that is left to the reader, who says why.
    /// </summary>
    public static bool? IsSafetensors(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            Span<byte> head = stackalloc byte[9];
            return file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false) == head.Length && head[8] == '{';
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    static string Checked(string path) => IsSafetensors(path) != false ? path : throw new DataException(
        $"{path}: no trained model: expected a file that tessera train wrote. "
            + $"Hint: tessera inspect shows what it is; an .onnx or .pth file of weights is for tessera train photos/ --weights {path}.");
}
