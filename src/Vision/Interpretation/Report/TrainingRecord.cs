using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>How a model was trained, as far as its learner knows: rows of a name and a value.</summary>
static class TrainingRecord
{
    public static IEnumerable<string[]> Rows(Learner learner)
    {
        if (learner.TrainedBatchSize is { } size) yield return ["Batch size", size.ToString(CultureInfo.InvariantCulture)];
        if (learner.History.Lrs is { Count: > 0 } rates)
            yield return ["Learning rate of the last layers", string.Create(CultureInfo.InvariantCulture, $"largest {rates.Max():G3}, last {rates[^1]:G3}, over {rates.Count} batches")];
        yield return ["Optimizer", RunIdentity.Of(learner.OptimizerSettings)];
        yield return ["Weight decay", $"{learner.Wd}{(learner.BnWd ? "" : ", none of norms and biases")}"];
        yield return ["Loss", RunIdentity.Of(learner.Loss)];
        yield return ["Precision", $"{learner.Precision}"];
        yield return ["Layer groups", FormattableString.Invariant($"{learner.LayerGroups.Count}, {(learner.FrozenTo == 0 ? "none frozen" : $"the first {learner.FrozenTo} frozen")}")];
        yield return ["Callbacks", RunIdentity.Of(learner.Callbacks.Where(c => !c.IsObserver || c.Settings is not null))];
    }
}
