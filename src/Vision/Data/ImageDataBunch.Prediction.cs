namespace Tessera.Vision;

public sealed partial class ImageDataBunch
{
    /// <summary>No photos but those of a folder that are only predicted: what a learner works on that was read from a file.</summary>
    /// <param name="classes">The names of the classes, each once.</param>
    /// <param name="pipeline">From a photo to the floats of a batch.</param>
    /// <param name="stats">Normalisation; null for none.</param>
    /// <param name="testFolder">The folder; null for none.</param>
    /// <param name="held">Which photos were held back in training; null where that is not known.</param>
    /// <exception cref="DataException">There are no photos in the folder.</exception>
    internal static ImageDataBunch ForPrediction(IReadOnlyList<string> classes, TransformPipeline pipeline, ImageStats? stats, string? testFolder, ValidationSplit? held = null)
    {
        var labeled = new LabeledSplit(new ImageSplit(ImageList.None, [], []), [], [], classes, integers: false);
        if (testFolder is not null) labeled = labeled.AddTest(testFolder);
        ImageDataset Set(IReadOnlyList<LabeledImage> items) => new(items, pipeline);
        var options = new ImageDataOptions { Resize = pipeline.Method, Check = false };
        var test = labeled.Test is { } photos ? Set(photos) : null;
        var data = new ImageDataBunch(labeled, Set([]), Set([]), null, test, 64, options) { ValidationSplit = held };
        return stats is null ? data : data.Normalize(stats);
    }

    /// <summary>From a photo to the floats of a validation batch.</summary>
    internal TransformPipeline ValidPipeline => (ValidSet ?? (ImageDataset)Fix.Dataset).Pipeline;
}
