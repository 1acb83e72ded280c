using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>What a classifier says about a data set, item by item, and where it errs. One pass over the set, made when it is created.</summary>
/// <example><code>
/// var interpretation = learn.Interpret();
/// foreach (var (actual, predicted, count) in interpretation.MostConfused(min: 2)) Console.WriteLine($"{actual} taken for {predicted}: {count}");
/// </code></example>
public sealed class ClassificationInterpretation
{
    readonly float[] probabilities; // [N, classes]

    ClassificationInterpretation(Learner learner, DataLoader set, ModelPredictions predictions, IReadOnlyList<string>? classes)
    {
        int n = predictions.Probabilities.Shape[1];
        (Learner, Set, Probabilities) = (learner, set, predictions.Probabilities);
        Classes = classes ?? [.. Enumerable.Range(0, n).Select(c => c.ToString(CultureInfo.InvariantCulture))];
        if (Classes.Count != n)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"Interpretation: names of the classes: got {Classes.Count}, expected {n}, one an output of the model. "
                    + $"Hint: data.Classes are those names."));
        probabilities = Probabilities.To(DType.Float32).ToArray<float>();
        Targets = [.. predictions.Targets.To(DType.Int64).ToArray<long>().Select(y => (int)y)];
        Losses = predictions.Losses!.To(DType.Float32).ToArray<float>();
        Predicted = [.. Probabilities.ArgMax(1).ToArray<long>().Select(y => (int)y)];
    }

    /// <summary>Predicts the validation set once.</summary>
    /// <param name="learner">The model, and the loss that items are judged by.</param>
    /// <param name="tta">Whether predictions are those of test-time augmentation; needs an <see cref="ImageLearner"/>.</param>
    /// <param name="classes">Names of the classes; default those of an <see cref="ImageLearner"/>, else the numbers.</param>
    /// <exception cref="TesseraException">There is no such set, it is empty, or its classes are not known.</exception>
    public static ClassificationInterpretation FromLearner(Learner learner, bool tta = false, IReadOnlyList<string>? classes = null)
    {
        ArgumentNullException.ThrowIfNull(learner);
        return FromLearner(learner, learner.WholeSet(), tta, classes);
    }

    /// <summary>Predicts a data set once.</summary>
    /// <param name="learner">The model, and the loss that items are judged by.</param>
    /// <param name="set">Which items, with known classes; null is an error.</param>
    /// <param name="tta">Whether predictions are those of test-time augmentation; needs an <see cref="ImageLearner"/>.</param>
    /// <param name="classes">Names of the classes; default those of an <see cref="ImageLearner"/>, else the numbers.</param>
    /// <exception cref="TesseraException">There is no such set, it is empty, or its classes are not known.</exception>
    public static ClassificationInterpretation FromLearner(Learner learner, DataLoader? set, bool tta = false, IReadOnlyList<string>? classes = null)
    {
        ArgumentNullException.ThrowIfNull(learner);
        set = learner.WholeSet(set, "Interpretation");
        var images = learner as ImageLearner;
        if (set.Dataset is ImageDataset photos && photos.Items.FirstOrDefault(i => i.Label < 0) is { Path: { } path })
            throw new TesseraException(
                $"Interpretation: the class of {path} is not known: got a photo without a label, expected photos with labels. "
                    + "Hint: use the validation set; photos without labels can only be predicted.");
        if (tta && images is null)
            throw new TesseraException($"Interpretation: test-time augmentation changes photos: got a {learner.GetType().Name}, expected an ImageLearner. Hint: leave tta out.");
        var predictions = tta ? images!.TestTimeAugmentation(set) : learner.Predictions(set, Judge(learner.Loss), epoch: 0, batches: null, CancellationToken.None);
        return new ClassificationInterpretation(learner, set, predictions, classes ?? images?.Images.Classes);
    }

    /// <summary>-ln p for a cross-entropy: smoothed labels and weights of classes are what training asks for, not how sure the model is of an item.</summary>
    internal static Loss Judge(Loss loss) => loss is CrossEntropyLoss or LabelSmoothingCrossEntropy ? new CrossEntropyLoss() : loss;

    /// <summary>The model that was asked.</summary>
    public Learner Learner { get; }

    /// <summary>The items, in order.</summary>
    public DataLoader Set { get; }

    /// <summary>Names of the classes, in the order of the outputs.</summary>
    public IReadOnlyList<string> Classes { get; }

    /// <summary>Number of items.</summary>
    public int Count => Targets.Count;

    /// <summary>The probability of each class for each item, in the order of the data set: <c>[N, classes]</c>.</summary>
    public Tensor Probabilities { get; }

    /// <summary>The true class of each item.</summary>
    public IReadOnlyList<int> Targets { get; }

    /// <summary>The most probable class of each item; of equals the first.</summary>
    public IReadOnlyList<int> Predicted { get; }

    /// <summary>The loss of each item: -ln of <see cref="ProbabilityOfActual"/> where the learner's loss is a cross-entropy, whatever its label smoothing and class weights; else by its loss function.</summary>
    public IReadOnlyList<float> Losses { get; }

    /// <summary>The probability that the model gave to the true class of an item.</summary>
    /// <param name="item">0..<see cref="Count"/>-1.</param>
    /// <exception cref="TesseraException">No such item.</exception>
    public float ProbabilityOfActual(int item) => probabilities[(Checked(item) * Classes.Count) + Targets[item]];

    int Checked(int item) => (uint)item < (uint)Count ? item
        : throw new TesseraException(FormattableString.Invariant($"Interpretation: no such item: got {item}, expected 0..{Count - 1}. Hint: TopLosses gives numbers of items."));

    /// <summary>The items with the largest (or smallest) losses, in order; of equal losses the earlier item first.</summary>
    /// <param name="k">How many; all where null.</param>
    /// <param name="largest">Whether the largest come first.</param>
    public IReadOnlyList<(int Item, float Loss)> TopLosses(int? k = null, bool largest = true) => Metrics.TopLosses(Losses, k, largest);

    /// <summary>How often items of class i were taken for class j.</summary>
    public ConfusionMatrix ConfusionMatrix() => new(Predicted, Targets, Classes.Count);

    /// <summary>The pairs of different classes confused at least <paramref name="min"/> times, most often first, then in the order of the classes.</summary>
    public IReadOnlyList<(string Actual, string Predicted, long Count)> MostConfused(int min = 1) =>
        [.. ConfusionMatrix().MostConfused(min).Select(c => (Classes[c.Actual], Classes[c.Predicted], c.Count))];

    /// <summary>Precision, recall and F₁ of each class, and how many items it has.</summary>
    public IReadOnlyList<ClassScores> PerClass()
    {
        var matrix = ConfusionMatrix();
        double[] precision = matrix.PrecisionPerClass(), recall = matrix.RecallPerClass(), f1 = matrix.FBetaPerClass();
        return [.. Classes.Select((name, c) => new ClassScores(name, precision[c], recall[c], f1[c], Enumerable.Range(0, Classes.Count).Sum(j => matrix[c, j])))];
    }

    /// <summary>An item's file, where it has one, else its number.</summary>
    /// <exception cref="TesseraException">No such item.</exception>
    public string Describe(int item) => Set.Dataset.Describe(Checked(item));
}

/// <summary>How well one class is found.</summary>
/// <param name="Class">Its name.</param>
/// <param name="Precision">The part of what was predicted as the class that is of it; 0 where nothing was.</param>
/// <param name="Recall">The part of its items that was found; 0 where there are none.</param>
/// <param name="F1">2 · precision · recall / (precision + recall).</param>
/// <param name="Support">How many items it has.</param>
public sealed record ClassScores(string Class, double Precision, double Recall, double F1, long Support);
