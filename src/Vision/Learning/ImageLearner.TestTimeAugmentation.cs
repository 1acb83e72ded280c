using Tessera.NN;

namespace Tessera.Vision;

public sealed partial class ImageLearner
{
    /// <summary>Probabilities, losses, confusions of the validation set.</summary>
    /// <inheritdoc cref="ClassificationInterpretation.FromLearner(Learner, bool, IReadOnlyList{string})"/>
    public ClassificationInterpretation Interpret(bool tta = false) => ClassificationInterpretation.FromLearner(this, tta);

    /// <summary>Probabilities, losses, confusions of a set.</summary>
    /// <inheritdoc cref="ClassificationInterpretation.FromLearner(Learner, DataLoader, bool, IReadOnlyList{string})"/>
    public ClassificationInterpretation Interpret(DataLoader? set, bool tta = false) => ClassificationInterpretation.FromLearner(this, set, tta);

    /// <summary>
    /// Predictions of validation that are a mean over views of each photo: p = β·p₀ + (1 - β)·p₁ with the plain prediction p₀ and the mean p₁ of eight augmented
    /// ones (see <see cref="TestTimePasses(double, CancellationToken)"/>). The loss of an item is -ln of what its true class gets. One seed gives the same numbers.
    /// </summary>
    /// <param name="beta">β, the weight of the plain prediction, 0 to 1.</param>
    /// <param name="scale">How much the corners are enlarged, at least 1.</param>
    /// <param name="cancellation">Stops after the running batch.</param>
    /// <exception cref="TesseraException">There is no such set, it is empty or holds no photos, or an argument is out of range.</exception>
    public ModelPredictions TestTimeAugmentation(double beta = 0.4, double scale = 1.35, CancellationToken cancellation = default) => TestTimeAugmentation(WholeSet(), beta, scale, cancellation);

    /// <summary>The same of any set.</summary>
    /// <param name="set">Which photos; null is an error.</param>
    /// <param name="beta">β, the weight of the plain prediction, 0 to 1.</param>
    /// <param name="scale">How much the corners are enlarged, at least 1.</param>
    /// <param name="cancellation">Stops after the running batch.</param>
    /// <exception cref="TesseraException">There is no such set, it is empty or holds no photos, or an argument is out of range.</exception>
    public ModelPredictions TestTimeAugmentation(DataLoader? set, double beta = 0.4, double scale = 1.35, CancellationToken cancellation = default)
    {
        TestTimePredictions.CheckBeta(beta);
        return TestTimePasses(set, scale, cancellation).Mix(beta);
    }

    /// <summary>
    /// The plain prediction of validation, and the mean of eight: each enlarges one corner and crops there, mirrored or not, with the other training transforms
    /// (warp, rotation, lighting) at random. Pass i has the lower corner where bit 0 is set, the right one where bit 1 is, mirrored where bit 2 is.
    /// </summary>
    /// <param name="scale">How much the corners are enlarged, at least 1.</param>
    /// <param name="cancellation">Stops after the running batch.</param>
    /// <exception cref="TesseraException">There is no such set, it is empty or holds no photos, or the scale is below 1.</exception>
    public TestTimePredictions TestTimePasses(double scale = 1.35, CancellationToken cancellation = default) => TestTimePasses(WholeSet(), scale, cancellation);

    /// <summary>The same of any set.</summary>
    /// <param name="set">Which photos; null is an error.</param>
    /// <param name="scale">How much the corners are enlarged, at least 1.</param>
    /// <param name="cancellation">Stops after the running batch.</param>
    /// <exception cref="TesseraException">There is no such set, it is empty or holds no photos, or the scale is below 1.</exception>
    public TestTimePredictions TestTimePasses(DataLoader? set, double scale = 1.35, CancellationToken cancellation = default)
    {
        TestTimePredictions.CheckScale(scale);
        var plainSet = WholeSet(set, "TestTimeAugmentation");
        if (plainSet.Dataset is not ImageDataset photos)
            throw new TesseraException($"TestTimeAugmentation: no photos: got a {plainSet.Dataset.GetType().Name}, expected an ImageDataset. Hint: use a loader of the image data bunch.");
        var plain = GetPreds(plainSet, cancellation: cancellation);
        var augmented = Scope.Run(() => Enumerable.Range(0, 8).Select(Pass).Aggregate((a, b) => a + b) / 8);
        return new TestTimePredictions(plain.Probabilities, augmented, plain.Targets);

        Tensor Pass(int i)
        {
            var view = photos.With(TestTimePredictions.Transforms(images.TrainSet.Transforms, i, scale));
            var loader = new DataLoader(view, plainSet.BatchSize, seed: plainSet.Seed, workers: plainSet.Workers, device: plainSet.Device);
            return Predictions(loader, judge: null, epoch: i, batches: null, cancellation).Probabilities;
        }
    }

    /// <summary>Predictions of a photo with dropout switched on: <see cref="Learner.PredictWithMonteCarloDropout"/>.</summary>
    /// <param name="image">The photo; it goes through the transforms of validation.</param>
    /// <param name="times">How often, at least 1.</param>
    /// <param name="seed">Of the dropout.</param>
    /// <exception cref="TesseraException">The head has no dropout, or <paramref name="times"/> is below 1.</exception>
    public IReadOnlyList<Prediction> PredictWithMonteCarloDropout(Image image, int times = 10, ulong seed = 0)
    {
        var x = Photo(image);
        float[][] rows = [.. PredictWithMonteCarloDropout(x, times, seed).ToArray<float>().Chunk(images.Classes.Count)];
        x.Dispose();
        return [.. rows.Select(p => Prediction.Of(images.Classes, p))];
    }

    /// <summary>A photo through the transforms of validation: <c>[1, 3, H, W]</c> in [0, 1].</summary>
    internal Tensor Photo(Image image)
    {
        var pipeline = (images.ValidSet ?? (ImageDataset)images.Fix.Dataset).Pipeline;
        var (pixels, height, width) = pipeline.Apply(image, layout: PixelLayout.Hwc);
        return Tensor.FromChannelsLast<float>(pixels, [1, Image.Channels, height, width], images.Fix.Device);
    }
}
