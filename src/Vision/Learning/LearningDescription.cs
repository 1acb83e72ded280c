using System.Text.Json.Serialization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>How a classifier was learned, for who trains it on.</summary>
/// <param name="Loss">Name of the loss.</param>
/// <param name="Metrics">Names of the metrics.</param>
/// <param name="Optimizer">Name of the optimizer.</param>
/// <param name="Wd">Weight decay.</param>
/// <param name="TrueWd">Decoupled decay.</param>
/// <param name="BnWd">Decay of normalisation parameters and biases.</param>
/// <param name="TrainBn">Whether scale and shift of batch norms in frozen groups learn.</param>
/// <param name="LiveBatchNorms">Whether the batch norms of the body follow the photos.</param>
/// <param name="FrozenTo">The first layer group that is trained as a whole.</param>
/// <param name="Epochs">Epochs trained, on which the order of the photos depends.</param>
internal sealed record LearningDescription(
    string Loss, IReadOnlyList<string> Metrics, string Optimizer, double Wd, bool TrueWd, bool BnWd, bool TrainBn, bool LiveBatchNorms, int FrozenTo, int Epochs)
{
    static readonly Dictionary<string, Func<Metric>> known = new Func<Metric>[]
    {
        () => NN.Metrics.Accuracy, () => NN.Metrics.ErrorRate, () => NN.Metrics.TopK(), () => NN.Metrics.Precision(), () => NN.Metrics.Recall(), () => NN.Metrics.FBeta(),
        () => NN.Metrics.Kappa, () => NN.Metrics.Matthews,
    }.ToDictionary(make => make().Name, StringComparer.Ordinal);

    /// <summary>ε of the cross-entropy; files before version 3 do not say, and 0 is usual.</summary>
    public double LabelSmoothing { get; init; }

    /// <summary>Layer groups, the head among them; 0 in files that do not say.</summary>
    public int Groups { get; init; }

    /// <summary>Which photos were held back; null in files that do not say.</summary>
    public ValidationSplit? Split { get; init; }

    /// <summary>Nothing is missing, and the numbers are possible.</summary>
    public bool IsWhole() => Loss is not null && Optimizer is not null && Metrics is not null && Metrics.All(m => m is not null) && double.IsFinite(Wd) && FrozenTo is >= 0 and <= 1000 && Groups is >= 0 and <= 1000 && Epochs >= 0 && LabelSmoothing is >= 0 and < 1 && Split?.IsWhole() != false;

    /// <summary>The metrics that are known by name, with their usual settings.</summary>
    [JsonIgnore]
    public IEnumerable<Metric> KnownMetrics => Metrics.Where(known.ContainsKey).Select(name => known[name]());

    /// <summary>What a file names and this library cannot make from a name, in words; empty where there is nothing.</summary>
    [JsonIgnore]
    public string Remark
    {
        get
        {
            string[] lost =
            [
                .. Metrics.Where(m => !known.ContainsKey(m)).Select(m => $"the metric {m}"),
                .. new[] { Optimizer }.Where(o => o != nameof(Adam)).Select(o => $"the optimizer {o} (it is Adam now: set OptimizerFactory)"),
                .. new[] { Loss }.Where(l => l != nameof(CrossEntropyLoss)).Select(l => $"the loss {l} (it is CrossEntropyLoss now)"),
            ];
            return lost.Length == 0 ? "" : $"not taken over: {string.Join(", ", lost)}";
        }
    }
}
