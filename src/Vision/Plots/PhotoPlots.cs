using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Photos as a model sees them; widths and heights are pixels.</summary>
public static class PhotoPlots
{
    const int Side = 200;

    /// <summary>
    /// The first rows² photos of the first batch after their transforms, as training sees them in its first epoch but before normalisation, each under the
    /// name of its class. Nothing of the data changes.
    /// </summary>
    /// <param name="data">The photos.</param>
    /// <param name="rows">The grid's rows; where the batch has fewer photos than rows², the grid is smaller.</param>
    /// <param name="loader">Of which set, such as <c>data.Valid</c>; default the training set.</param>
    /// <param name="reverse">Takes the batch from its end.</param>
    /// <param name="width">Of the figure; by default, a photo is 200 pixels wide.</param>
    /// <param name="height">Of the figure.</param>
    /// <exception cref="TesseraException">No photos, or <paramref name="rows"/> below 1.</exception>
    /// <exception cref="DataException">A photo cannot be read.</exception>
    public static Figure ShowBatch(this ImageDataBunch data, int rows = 5, DataLoader? loader = null, bool reverse = false, int? width = null, int? height = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        var items = FirstBatch("ShowBatch", loader ?? data.Train, rows, reverse);
        return Grid([.. items.Select(i => new ImageCell(i.ToImage(), Name(data, i.Label)))], "", width, height);
    }

    /// <summary>The first rows² photos of the validation set with their true class and, below it, what the model says: red where it is wrong.</summary>
    /// <param name="learn">The model and the photos.</param>
    /// <param name="rows">The grid's rows; where the batch has fewer photos than rows², the grid is smaller.</param>
    /// <param name="loader">Of which set; default the validation set.</param>
    /// <param name="reverse">Takes the batch from its end.</param>
    /// <param name="width">Of the figure; by default, a photo is 200 pixels wide.</param>
    /// <param name="height">Of the figure.</param>
    /// <exception cref="TesseraException">No photos, or <paramref name="rows"/> below 1.</exception>
    /// <exception cref="DataException">A photo cannot be read.</exception>
    public static Figure ShowResults(this ImageLearner learn, int rows = 5, DataLoader? loader = null, bool reverse = false, int? width = null, int? height = null)
    {
        ArgumentNullException.ThrowIfNull(learn);
        var set = loader ?? learn.Images.Valid
            ?? throw new TesseraException("ShowResults: nothing to predict: got no validation photos, expected some. Hint: hold some back, or name a loader, such as data.Fix.");
        var items = FirstBatch("ShowResults", set, rows, reverse);
        long[] predicted = Scope.Run(() => learn.Predict(LoadedItem.Batch(items, set.Device)).ArgMax(1)).ToArray<long>();
        return Grid([.. items.Zip(predicted, (item, p) => new ImageCell(item.ToImage(), $"{Name(learn.Images, item.Label)}\n{learn.Images.Classes[(int)p]}",
            item.Label == p || item.Label < 0 ? null : SkiaSharp.SKColors.Firebrick))], "Ground truth / Predictions", width, height);
    }

    static Figure Grid(ImageCell[] cells, string heading, int? width, int? height) =>
        new ImageGrid(cells, ImageGrid.Square(cells.Length), heading).ToFigure(Side, width, height);

    static string Name(ImageDataBunch data, int label) => label < 0 ? "" : data.Classes[label];

    /// <summary>The first items of a loader's first epoch, loaded here, so that no thread starts and nothing is uploaded.</summary>
    static LoadedItem[] FirstBatch(string op, DataLoader loader, int rows, bool reverse)
    {
        if (rows < 1) throw new TesseraException($"{op}: rows: got {rows}, expected at least 1. Hint: 3 is usual.");
        if (loader.Dataset.Count == 0 || loader.Dataset.InputShape.Rank != 3)
            throw new TesseraException(
                $"{op}: no photos: got {loader.Dataset.Count} items of shape {loader.Dataset.InputShape}, expected at least one of shape [C, H, W]. "
                    + "Hint: only loaders of photos can be shown.");
        var batch = loader.Order(0).Take(loader.BatchSize);
        return [.. (reverse ? batch.Reverse() : batch).Take((int)Math.Min((long)rows * rows, loader.BatchSize)).Select(item => LoadedItem.Of(loader, item))];
    }
}
