using System.Text.Json;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Every recorded number of metrics/cases.json has a check here; a name without one fails.</summary>
public class MetricsTests
{
    static IEnumerable<TestCaseData> Cases() => GoldenCase.All("metrics/cases.json");

    const double tolerance = 1e-6;

    [Category("Golden")]
    [TestCaseSource(nameof(Cases))]
    public void NumbersAreAsRecorded(GoldenCase c)
    {
        var check = c["name"].GetString() switch
        {
            "multilabel" => Labels(c),
            "roc_with_ties" => Curve(c),
            _ => Classes(c),
        };
        foreach (var entry in c.Json.EnumerateObject())
        {
            if (entry.Name is "name" or "n" or "classes" or "predictions" or "note" or "scores" or "target" or "losses_have_ties") continue;
            Assert.That(check.TryGetValue(entry.Name, out var run), Is.True, $"no check for the recorded {entry.Name}");
            run!(entry.Value);
        }
    }

    [Test]
    public void AMeanCountsBatchesByTheirSize()
    {
        var metric = Metrics.Accuracy;
        Assert.That(metric.Value, Is.NaN);
        metric.Update(Tensor.From([1f, 0, 0, 1, 1, 0], [3, 2]), Tensor.From([0L, 1, 0], [3]));
        metric.Update(Tensor.From([1f, 0], [1, 2]), Tensor.From([1L], [1]));
        Assert.That(metric.Value, Is.EqualTo(0.75));
        metric.Reset();
        Assert.That(metric.Value, Is.NaN);
    }

    [Test]
    public void ErrorRateComplementsAccuracy()
    {
        var (error, accuracy) = (Metrics.ErrorRate, Metrics.Accuracy);
        var (x, y) = (Tensor.From([1f, 2, 3, 1, 5, 1], [3, 2]), Tensor.From([1L, 1, 0], [3]));
        error.Update(x, y);
        accuracy.Update(x, y);
        Assert.That(error.Value, Is.EqualTo(1 - accuracy.Value).Within(1e-12));
        Assert.That(error.Name, Is.EqualTo("error_rate"));
    }

    [Test]
    public void NaNCountsAsLargestOutput()
    {
        var metric = Metrics.TopK(1);
        metric.Update(Tensor.From([float.NaN, 9, 9, float.NaN], [2, 2]), Tensor.From([0L, 0], [2]));
        Assert.That(metric.Value, Is.EqualTo(0.5));
    }

    [Test]
    public void ShapesThatDoNotFitAreRefused() =>
        Assert.That(() => Metrics.Accuracy.Update(Tensor.Zeros([3, 2]), Tensor.From([0L, 1], [2])), Throws.TypeOf<ShapeException>().With.Message.Contains("batch sizes differ"));

    [Test]
    public void TopLossesKeepTheOrderOfEqualOnes() =>
        Assert.That(Metrics.TopLosses([1, 3, 3, float.NaN, 2]).Select(t => t.Item), Is.EqualTo([3, 1, 2, 4, 0]));

    static Dictionary<string, Action<JsonElement>> Classes(GoldenCase c)
    {
        var arrays = c.Arrays($"{c["predictions"].GetString()}.safetensors");
        int classes = c["classes"].GetInt32();
        var (logits, target) = (arrays["logits"].ToTensor(), arrays["target"].ToTensor());
        float[] x = arrays["logits"].Floats(), p = arrays["probabilities"].Floats();
        int[] y = arrays["target"].Ints();
        var metric = (ConfusionMetric)Metrics.Kappa;
        metric.Update(logits, target);
        var matrix = metric.Matrix!;
        float[] losses = new CrossEntropyLoss().PerItem(logits, target).ToArray<float>();
        bool ties = x.Chunk(classes).Any(row => row.Distinct().Count() < classes);

        Action<JsonElement> Is(Func<double> actual) => e => Near([actual()], [e.GetDouble()]);
        Action<JsonElement> Are(Func<double[]> actual) => e => Near(actual(), e.Numbers());
        return new()
        {
            ["accuracy"] = Is(() => Of(Metrics.Accuracy, logits, target)),
            ["fastai_accuracy"] = Is(() => Of(Metrics.Accuracy, logits, target)),
            ["error_rate"] = Is(() => Of(Metrics.ErrorRate, logits, target)),
            ["fastai_error_rate"] = Is(() => Of(Metrics.ErrorRate, logits, target)),
            ["mean_loss"] = Is(() => new CrossEntropyLoss().Forward(logits, target).Item()),
            ["precision_macro"] = Is(() => Of(Metrics.Precision(), logits, target)),
            ["recall_macro"] = Is(() => Of(Metrics.Recall(), logits, target)),
            ["f1_macro"] = Is(() => Of(Metrics.FBeta(), logits, target)),
            ["f1_micro"] = Is(() => Of(Metrics.FBeta(1, Average.Micro), logits, target)),
            ["f1_weighted"] = Is(() => Of(Metrics.FBeta(1, Average.Weighted), logits, target)),
            ["fbeta2_macro"] = Is(() => Of(Metrics.FBeta(2), logits, target)),
            ["fbeta05_macro"] = Is(() => Of(Metrics.FBeta(0.5), logits, target)),
            ["kappa"] = Is(() => Of(Metrics.Kappa, logits, target)),
            ["matthews"] = Is(() => Of(Metrics.Matthews, logits, target)),
            ["f1_per_class"] = Are(() => matrix.FBetaPerClass()),
            ["precision_per_class"] = Are(matrix.PrecisionPerClass),
            ["recall_per_class"] = Are(matrix.RecallPerClass),
            // Equal logits: the reference's double-precision softmax orders them by its rounding, which here count half.
            ["roc_auc_ovr_macro"] = e => Near([RocCurve.OneVersusRest(p, y, classes)], [e.GetDouble()], ties ? TiedPairs(p, y, classes) / 2 : 0),
            ["roc_auc_ovo_macro"] = e => Near([RocCurve.OneVersusOne(p, y, classes)], [e.GetDouble()], ties ? TiedPairs(p, y, classes) / 2 : 0),
            ["confusion_rows_actual"] = e => Assert.That(
                from i in Enumerable.Range(0, classes) from j in Enumerable.Range(0, classes) select matrix[i, j],
                NUnit.Framework.Is.EqualTo(e.EnumerateArray().SelectMany(r => r.Ints()).Select(n => (long)n))),
            ["most_confused_min1"] = e => MostConfused(matrix, 1, e),
            ["most_confused_min2"] = e => MostConfused(matrix, 2, e),
            ["top_k"] = e => TopK(e, logits, target, x, y, classes, ties),
            ["top_losses_stable_order"] = e => Assert.That(
                Metrics.TopLosses(losses, e.GetArrayLength()).Select(t => t.Item), NUnit.Framework.Is.EqualTo(e.Ints())),
            ["top_losses_values"] = Are(() => [.. Metrics.TopLosses(losses, c["top_losses_values"].GetArrayLength()).Select(t => (double)t.Loss)]),
            ["fastai_top10_values"] = Are(() => [.. Metrics.TopLosses(losses, 10).Select(t => (double)t.Loss)]),
        };
    }

    static Dictionary<string, Action<JsonElement>> Labels(GoldenCase c)
    {
        var arrays = c.Arrays("multilabel.safetensors");
        float[] p = arrays["probabilities"].Floats();
        bool[] y = Array.ConvertAll(arrays["target"].Longs(), t => t != 0), at = Array.ConvertAll(p, s => s > 0.5f);
        int labels = arrays["target"].Shape[1];
        var (output, target) = (arrays["probabilities"].ToTensor(), arrays["target"].ToTensor());
        Action<JsonElement> Is(Func<double> actual) => e => Near([actual()], [e.GetDouble()]);
        return new()
        {
            ["f1_samples"] = Is(() => LabelScores.FBetaPerItem(at, y, labels)),
            ["f1_micro"] = Is(() => LabelScores.FBetaMicro(at, y)),
            ["f1_macro"] = Is(() => LabelScores.FBetaMacro(at, y, labels)),
            ["accuracy_thresh"] = Is(() => Of(new ThresholdAccuracy(0.5, sigmoid: false), output, target)),
            ["fastai_fbeta_2_at_0_2"] = Is(() => Of(new LabelFBeta(sigmoid: false), output, target)),
            ["roc_auc_macro"] = Is(() => LabelScores.RocAucMacro(p, y, labels)),
        };
    }

    static Dictionary<string, Action<JsonElement>> Curve(GoldenCase c)
    {
        var curve = RocCurve.Of([.. c["scores"].Numbers().Select(s => (float)s)], [.. c["target"].Ints().Select(t => t != 0)]);
        return new()
        {
            ["roc_auc"] = e => Near([curve.Area], [e.GetDouble()]),
            ["average_precision"] = e => Near([curve.AveragePrecision], [e.GetDouble()]),
            ["fpr"] = e => OnCurve(c, curve),
            ["tpr"] = e => OnCurve(c, curve),
        };
    }

    /// <summary>The reference leaves out points on a straight line between others: each recorded point must be ours, in order.</summary>
    static void OnCurve(GoldenCase c, RocCurve curve)
    {
        var ours = curve.FalsePositiveRate.Zip(curve.TruePositiveRate).ToArray();
        var recorded = c["fpr"].Numbers().Zip(c["tpr"].Numbers()).ToArray();
        Assert.That(ours.Where(recorded.Contains), Is.EqualTo(recorded));
    }

    /// <summary>Where outputs are equal the reference leaves open which come first: then the number lies between the worst and the best order.</summary>
    static void TopK(JsonElement e, Tensor logits, Tensor target, float[] x, int[] y, int classes, bool ties)
    {
        foreach (var entry in e.EnumerateObject())
        {
            int k = int.Parse(entry.Name);
            double actual = Of(Metrics.TopK(k), logits, target), expected = entry.Value.GetDouble();
            if (!ties)
            {
                Near([actual], [expected]);
                continue;
            }
            double Fraction(Func<float[], int, bool> right) => x.Chunk(classes).Zip(y).Average(t => right(t.First, t.Second) ? 1.0 : 0);
            double worst = Fraction((row, t) => row.Count(s => s >= row[t]) <= k), best = Fraction((row, t) => row.Count(s => s > row[t]) < k);
            Assert.That(actual, Is.InRange(worst, best));
            Assert.That(expected, Is.InRange(worst - tolerance, best + tolerance));
        }
    }

    /// <summary>The fraction of pairs of items with equal probability of a class, one of the class and one not; mean over the classes.</summary>
    static double TiedPairs(float[] p, int[] y, int classes) => Enumerable.Range(0, classes).Average(c =>
        (from i in Enumerable.Range(0, y.Length) from j in Enumerable.Range(0, y.Length) where y[i] == c && y[j] != c select p[(i * classes) + c] == p[(j * classes) + c] ? 1.0 : 0).Average());

    static void MostConfused(ConfusionMatrix matrix, int min, JsonElement e) => Assert.That(
        matrix.MostConfused(min).Select(m => ($"class{m.Actual}", $"class{m.Predicted}", m.Count)),
        Is.EqualTo(e.EnumerateArray().Select(r => (r[0].GetString(), r[1].GetString(), r[2].GetInt64()))));

    /// <summary>A metric over the whole, in two batches.</summary>
    static double Of(Metric metric, Tensor output, Tensor target)
    {
        int n = output.Shape[0], half = n / 2;
        metric.Update(output.Narrow(0, 0, half), target.Narrow(0, 0, half));
        metric.Update(output.Narrow(0, half, n - half), target.Narrow(0, half, n - half));
        return metric.Value;
    }

    static void Near(double[] actual, double[] expected, double slack = 0) => Recorded.Near(actual, expected, 0, tolerance + slack, "value");
}
