namespace Tessera.NN;

public partial class Learner
{
    /// <summary>
    /// Tries learning rates from <paramref name="start"/> to <paramref name="end"/>, geometrically growing batch by batch, until the smoothed loss exceeds four times its
    /// least value. Afterwards weights, batch-norm statistics, optimizer, random generator and recorder are as before. The learner's own callbacks do not run.
    /// </summary>
    /// <param name="start">The first rates; default 1e-7.</param>
    /// <param name="end">The last rates; default 10.</param>
    /// <param name="batches">How many batches to try.</param>
    /// <param name="stopOnDivergence">Whether a growing loss ends it.</param>
    /// <param name="wd">Weight decay, one number or one a layer group; default <see cref="Wd"/>.</param>
    /// <param name="cancellation">Stops after the running batch; all is restored then too.</param>
    /// <exception cref="TesseraException"><paramref name="end"/> is not above <paramref name="start"/>.</exception>
    public LearningRateCurve FindLearningRate(
        LearningRate? start = null, LearningRate? end = null, int batches = 100, bool stopOnDivergence = true, WeightDecay? wd = null,
        CancellationToken cancellation = default)
    {
        if ((end ?? 10).Last <= (start ?? 1e-7).Last)
            throw new TesseraException($"FindLearningRate: got rates from {start ?? 1e-7} to {end ?? 10}, expected an end above the start. Hint: 1e-7 to 10 is usual.");
        var finder = new LearningRateFinder(new LearningRateSearch(start, end, batches, stopOnDivergence));
        var (optimizer, recorder, history, epochs, position, scale) = (Optimizer, Recorder, History, EpochsTrained, Generator.Default.Position, LossScaler?.State);
        var before = Model.StateDict().ToDictionary(t => t.Key, t => Scope.Keep(t.Value.Detach().Clone()), StringComparer.Ordinal);
        try
        {
            (Optimizer, History) = (null, new Recorder());
            if (optimizer is not null) Made().LoadState(optimizer.State());
            Train("rates on trial", 0, int.Max(1, (batches + Data.Train.BatchCount - 1) / int.Max(1, Data.Train.BatchCount)), start ?? 1e-7, wd, [finder], resume: null, cancellation);
            var curve = new LearningRateCurve(Recorder.Lrs, Recorder.Losses, finder.EndedEarly);
            Display?.Line(curve.ToString());
            return curve;
        }
        finally
        {
            Model.LoadStateDict(before);
            Model.ZeroGrad();
            foreach (var t in before.Values) t.Dispose();
            (Optimizer, Recorder, History, EpochsTrained, Generator.Default.Position) = (optimizer, recorder, history, epochs, position);
            if (scale is { } s) LossScaler!.State = s;
        }
    }
}
