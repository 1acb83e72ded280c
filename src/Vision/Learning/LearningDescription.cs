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

    /// <summary>The batch size of the latest training; null in files that do not say.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Layer groups, the head among them; 0 in files that do not say.</summary>
    public int Groups { get; init; }

    /// <summary>Weight decay of each layer group; null where all have the same.</summary>
    public IReadOnlyList<double>? WdOfGroups { get; init; }

    /// <summary>The modules before which a layer group begins, by name; null for the usual ones, or where <see cref="OtherGroups"/>.</summary>
    public IReadOnlyList<string>? SplitAt { get; init; }

    /// <summary>The layer groups are not the model's layers in order, cut into pieces.</summary>
    public bool OtherGroups { get; init; }

    /// <summary>Which photos were held back; null in files that do not say.</summary>
    public ValidationSplit? Split { get; init; }

    /// <summary>The class weights of the cross-entropy; null for none.</summary>
    public float[]? ClassWeights { get; init; }

    /// <summary>What makes the optimizer again; null in files that do not say.</summary>
    public OptimizerSettings? OptimizerSettings { get; init; }

    /// <summary>The callbacks of every fit call that a file can hold, <see cref="BatchNormFreeze"/> excepted; null in files that do not say.</summary>
    public IReadOnlyList<CallbackSettings>? Callbacks { get; init; }

    /// <summary>Those that write files, with the names of these in the learner's folder; null in files that do not say.</summary>
    public IReadOnlyList<CallbackSettings>? FileCallbacks { get; init; }

    /// <summary>Names of the others.</summary>
    public IReadOnlyList<string>? OtherCallbacks { get; init; }

    /// <summary>Mixed precision; null for none.</summary>
    public PrecisionSettings? Precision { get; init; }

    /// <summary>Nothing is missing, and the numbers are possible.</summary>
    /// <param name="classes">The number of classes.</param>
    public bool IsWhole(int classes) =>
        Loss is not null && Optimizer is not null && Metrics is not null && Metrics.All(m => m is not null) && IsDecay(Wd)
        && (WdOfGroups is null || (WdOfGroups.Count == Groups && WdOfGroups.All(IsDecay)))
        && (SplitAt is null || (SplitAt.Count == Groups - 1 && SplitAt.All(name => name is not null)))
        && FrozenTo is >= 0 and <= 1000 && Groups is >= 0 and <= 1000 && Epochs >= 0 && BatchSize is null or > 0 && LabelSmoothing is >= 0 and <= 1
        && (ClassWeights is null || (ClassWeights.Length == classes && Array.TrueForAll(ClassWeights, float.IsFinite)))
        && OptimizerSettings?.IsWhole() != false && Callbacks?.All(c => c is not null && c.IsWhole()) != false
            && FileCallbacks?.All(c => c is not null && c.Name is not null && c.IsWhole()) != false
            && OtherCallbacks?.All(c => c is not null) != false && Precision?.IsWhole() != false && Split?.IsWhole() != false;

    static bool IsDecay(double wd) => wd is >= 0 and < double.PositiveInfinity;

    /// <summary>Weight decay, one number or one a group.</summary>
    [JsonIgnore]
    public WeightDecay Decay => WdOfGroups is { } each ? WeightDecay.PerGroup([.. each]) : Wd;

    /// <summary>The loss, where it is a cross-entropy; else the usual one.</summary>
    public Loss MakeLoss() => Loss == nameof(LabelSmoothingCrossEntropy)
        ? new LabelSmoothingCrossEntropy(LabelSmoothing)
        : new CrossEntropyLoss(ClassWeights is { } w ? Tensor.From(w, [w.Length]) : null, LabelSmoothing);

    /// <summary>The metrics that are known by name, with their usual settings.</summary>
    [JsonIgnore]
    public IEnumerable<Metric> KnownMetrics => Metrics.Where(known.ContainsKey).Select(name => known[name]());

    /// <summary>The callbacks; of those that watch a column the ones that there will be a column for.</summary>
    [JsonIgnore]
    public IEnumerable<Callback> KnownCallbacks => Remembered.Select(c => c.Make()!);

    IEnumerable<CallbackSettings> All => (Callbacks ?? []).Concat(FileCallbacks ?? []);

    IEnumerable<CallbackSettings> Remembered => All.Where(c => c.Monitor is null or "train_loss" or "valid_loss" || KnownMetrics.Any(m => m.Name == c.Monitor));

    /// <summary>What will be written when the learner trains on, in words; empty where nothing is.</summary>
    [JsonIgnore]
    public string Written
    {
        get
        {
            string[] writers = [.. Remembered.Where(c => c.Name is not null).Select(c => $"{c.Kind} {c.Name}")];
            return writers.Length == 0 ? "" : $"training writes into ModelFolder: {string.Join(", ", writers)}";
        }
    }

    /// <summary>What a file names and this library cannot make from a name, in words; empty where there is nothing.</summary>
    [JsonIgnore]
    public string Remark
    {
        get
        {
            bool isKnown = OptimizerSettings?.IsKnown ?? Optimizer == nameof(Adam);
            string[] lost =
            [
                .. Metrics.Where(m => !known.ContainsKey(m)).Select(m => $"the metric {m}"),
                .. OtherGroups ? ["the layer groups (they are the usual ones now: set LayerGroups)"] : Array.Empty<string>(),
                .. isKnown ? Array.Empty<string>() : [$"the optimizer {Optimizer} (it is Adam now: set OptimizerFactory)"],
                .. Loss is nameof(CrossEntropyLoss) or nameof(LabelSmoothingCrossEntropy) ? Array.Empty<string>() : [$"the loss {Loss} (it is CrossEntropyLoss now: set Loss)"],
                .. All.Except(Remembered).Select(c => c.Kind).Concat(OtherCallbacks ?? []).Select(c => $"the callback {c}"),
            ];
            return lost.Length == 0 ? "" : $"not taken over: {string.Join(", ", lost)}";
        }
    }
}
