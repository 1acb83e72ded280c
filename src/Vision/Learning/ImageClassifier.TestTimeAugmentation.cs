using Tessera.NN;

namespace Tessera.Vision;

public sealed partial class ImageClassifier
{
    /// <summary>
    /// Classifies a photo by nine views of it: p = β·p₀ + (1 - β)·p₁ with the plain prediction p₀ and the mean p₁ over its four corners, enlarged, each as it is and mirrored;
    /// what <see cref="ImageLearner.TestTimeAugmentation(double, double, CancellationToken)"/> gives for a learner that was read from the same file.
    /// </summary>
    /// <param name="image">The photo.</param>
    /// <param name="beta">β, the weight of the plain prediction, 0 to 1.</param>
    /// <param name="scale">How much the corners are enlarged, at least 1.</param>
    /// <exception cref="TesseraException">An argument is out of range.</exception>
    public Prediction PredictWithTestTimeAugmentation(Image image, double beta = 0.4, double scale = 1.35)
    {
        ArgumentNullException.ThrowIfNull(image);
        TestTimePredictions.CheckBeta(beta);
        TestTimePredictions.CheckScale(scale);
        float[][] rows = Classify([View(Pipeline), .. Enumerable.Range(0, 8).Select(i => View(Pass(i)))]);
        return Named([.. Enumerable.Range(0, Classes.Count).Select(c => (float)((beta * rows[0][c]) + ((1 - beta) * rows[1..].Average(row => row[c]))))]);

        float[] View(TransformPipeline pipeline) => pipeline.Apply(image, layout: PixelLayout.Hwc).Pixels;
        TransformPipeline Pass(int i) => Pipeline.With(TestTimePredictions.Transforms(Pipeline.Transforms, i, scale));
    }
}
