using System.Globalization;

namespace Tessera.NN;

/// <summary>What a model says about a data set, in its order.</summary>
/// <param name="Probabilities">The outputs after the loss's activation: <c>[N, classes]</c>.</param>
/// <param name="Targets">What is true: <c>[N]</c>.</param>
/// <param name="Losses">The loss of each item: <c>[N]</c>; null where not asked for.</param>
public sealed record ModelPredictions(Tensor Probabilities, Tensor Targets, Tensor? Losses);

public partial class Learner
{
    /// <summary>Loss and metrics over the validation set, batches weighted by their size.</summary>
    /// <exception cref="TesseraException">There is no such set, or it is empty.</exception>
    public (double Loss, IReadOnlyList<double> Metrics) Validate(CancellationToken cancellation = default) => Validate(WholeSet(), cancellation);

    /// <summary>Loss and metrics over a set, batches weighted by their size.</summary>
    /// <param name="set">Of which items; null is an error.</param>
    /// <param name="cancellation">Stops after the running batch.</param>
    /// <exception cref="TesseraException">There is no such set, or it is empty.</exception>
    public (double Loss, IReadOnlyList<double> Metrics) Validate(DataLoader? set, CancellationToken cancellation = default)
    {
        var loader = Filled(Given(set, "Validate"));
        var s = new TrainingState(this, 0, 1, 0);
        var outer = running;
        running = [new MetricsCallback()];
        try
        {
            Raise(s, static (c, s) => c.EpochBegin(s));
            ValidateEpoch(s, loader, cancellation);
            Raise(s, static (c, s) => c.EpochEnd(s));
        }
        finally
        {
            running = outer;
        }
        return (s.ValidLoss!.Value, s.MetricValues!);
    }

    /// <summary>
    /// Probabilities, targets and, where asked for, the loss of each item of the validation set, in its order; they do not depend on the batch size.
    /// </summary>
    /// <param name="withLoss">Whether the loss of each item is wanted.</param>
    /// <param name="batches">Of how many batches; null for all.</param>
    /// <param name="cancellation">Stops after the running batch.</param>
    /// <exception cref="TesseraException">There is no such set, it is empty, or <paramref name="batches"/> is below 1.</exception>
    public ModelPredictions GetPreds(bool withLoss = false, int? batches = null, CancellationToken cancellation = default) => GetPreds(WholeSet(), withLoss, batches, cancellation);

    /// <summary>Probabilities, targets and, where asked for, the loss of each item of a set, in its order; they do not depend on the batch size.</summary>
    /// <param name="set">Of which items; null, as <see cref="DataBunch.Test"/> is where there is no test set, is an error.</param>
    /// <param name="withLoss">Whether the loss of each item is wanted.</param>
    /// <param name="batches">Of how many batches; null for all.</param>
    /// <param name="cancellation">Stops after the running batch.</param>
    /// <exception cref="TesseraException">There is no such set, it is empty, or <paramref name="batches"/> is below 1.</exception>
    public ModelPredictions GetPreds(DataLoader? set, bool withLoss = false, int? batches = null, CancellationToken cancellation = default) => batches < 1
        ? throw new TesseraException(FormattableString.Invariant($"GetPreds: batches: got {batches}, expected at least 1. Hint: null takes all."))
        : Predictions(WholeSet(set, "GetPreds"), withLoss ? Loss : null, epoch: 0, batches, cancellation);

    /// <summary>The same with a loss of its own, or none, and the random numbers of an epoch, for data sets whose transforms draw some.</summary>
    internal ModelPredictions Predictions(DataLoader set, Loss? judge, int epoch, int? batches, CancellationToken cancellation)
    {
        List<Tensor> probabilities = [], targets = [], losses = [];
        Evaluate(set.InOrder(), epoch, batches, (output, batch) =>
        {
            probabilities.Add(Scope.Keep(Loss.Activation(output)));
            targets.Add(Scope.Keep(batch.Y.Clone()));
            if (judge is not null) losses.Add(Scope.Keep(judge.PerItem(output, batch.Y)));
        }, cancellation);
        return new ModelPredictions(Joined(probabilities), Joined(targets), judge is null ? null : Joined(losses));
    }

    /// <summary>Probabilities for inputs as the data set gives them, before the batch transform.</summary>
    /// <param name="x"><c>[N, ...]</c>.</param>
    /// <returns>The outputs after the loss's activation: <c>[N, classes]</c>.</returns>
    public Tensor Predict(Tensor x)
    {
        using var evaluating = new Evaluating(Model);
        return Scope.Run(() => Loss.Activation(Output(Data.Prepare(x))));
    }

    void ValidateEpoch(TrainingState s, DataLoader loader, CancellationToken cancellation)
    {
        (s.IsTraining, s.Batch, s.Batches) = (false, 0, loader.BatchCount);
        var (sum, n) = (0.0, 0L);
        using var evaluating = new Evaluating(Model);
        foreach (var batch in loader.Epoch(0, cancellation))
        {
            using var scope = Scope.Begin();
            s.Begin(batch, Data.Prepare(batch.X));
            Raise(s, static (c, s) => c.BatchBegin(s));
            s.Output = Output(s.X);
            Raise(s, static (c, s) => c.LossBegin(s));
            s.Know(s.LossFunction.Forward(s.Output, s.Y));
            (sum, n) = (sum + (s.LossValue * batch.Items.Length), n + batch.Items.Length);
            Raise(s, static (c, s) => c.BatchEnd(s));
            s.End();
            s.Batch++;
            cancellation.ThrowIfCancellationRequested();
        }
        s.ValidLoss = sum / n;
    }

    /// <summary>Runs the model over a loader without learning.</summary>
    void Evaluate(DataLoader loader, int epoch, int? batches, Action<Tensor, Batch> take, CancellationToken cancellation)
    {
        using var evaluating = new Evaluating(Model);
        foreach (var batch in loader.Epoch(epoch, cancellation).Take(batches ?? loader.BatchCount))
        {
            using var scope = Scope.Begin();
            take(Output(Data.Prepare(batch.X)), batch);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The items of validation, in their order and all of them.</summary>
    /// <exception cref="TesseraException">There is no such set, or it is empty.</exception>
    internal DataLoader WholeSet() => Filled(Data.Valid?.InOrder());

    /// <summary>The items of a set, in their order and all of them.</summary>
    /// <param name="set">The set.</param>
    /// <param name="operation">Who asks, for the message.</param>
    /// <exception cref="TesseraException">There is no such set, or it is empty.</exception>
    internal DataLoader WholeSet(DataLoader? set, string operation) => Filled(Given(set, operation).InOrder());

    DataLoader Given(DataLoader? set, string operation) => set ?? throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
        $"{operation}: no such set: got null, expected a loader; these data have {Data.Train.Dataset.Count} items of training, {Data.Valid?.Dataset.Count ?? 0} of validation "
            + $"and {(Data.Test is null ? "no test set" : $"{Data.Test.Dataset.Count} of test")}. "
            + $"Hint: of photos, ImageDataOptions.TestFolder or LoadLearner(path, testFolder) names those that are only predicted; without an argument it is the validation set."));

    static DataLoader Filled(DataLoader? loader) => loader is { BatchCount: > 0 }
        ? loader
        : throw new TesseraException(
            "Validate: nothing to evaluate: got no validation items, expected a loader with at least one batch. "
                + "Hint: give the data bunch a validation set, or name a loader.");

    static Tensor Joined(List<Tensor> parts)
    {
        var whole = Tensor.Cat(parts.ToArray(), 0);
        foreach (var part in parts) part.Dispose();
        return whole;
    }

    /// <summary>Evaluation mode without recording, until disposed; then the mode of each module is as before.</summary>
    readonly struct Evaluating : IDisposable
    {
        readonly Module.EvaluationRegion evaluation;
        readonly Autograd.NoGradRegion noGrad;

        public Evaluating(Module model) => (evaluation, noGrad) = (model.Evaluating(), Autograd.NoGrad());

        public void Dispose()
        {
            evaluation.Dispose();
            noGrad.Dispose();
        }
    }
}
