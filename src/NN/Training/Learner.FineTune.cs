namespace Tessera.NN;

public partial class Learner
{
    /// <summary>
    /// Transfer learning in one call: all but the last layer group frozen for <paramref name="freezeEpochs"/> at slice(lr), with a rate that rises almost to the end;
    /// then all layers at half the rate, from lr/2/<paramref name="lrMult"/> for the first layers to lr/2 for the last. Both with the one-cycle policy, as fastai 2 does it.
    /// </summary>
    /// <param name="epochs">Epochs with all layers.</param>
    /// <param name="lr">The largest rate of the last group.</param>
    /// <param name="freezeEpochs">Epochs before, with frozen layers.</param>
    /// <param name="lrMult">How much slower the first layers learn than the last, once unfrozen.</param>
    /// <param name="pctStart">The fraction of the unfrozen batches over which the rate rises.</param>
    /// <param name="divFactor">The first unfrozen rate is the largest divided by this.</param>
    /// <param name="wd">Weight decay, one number or one a layer group; default <see cref="Wd"/>.</param>
    /// <param name="callbacks">Callbacks of both parts.</param>
    /// <param name="resume">Where the run is kept, and goes on from: <c>NAME.frozen.run</c> for the first part, <c>NAME.run</c> for the second.</param>
    /// <param name="cancellation">Stops cleanly after the running batch.</param>
    /// <exception cref="TrainingCancelledException">Cancelled.</exception>
    /// <exception cref="TesseraException">A negative number of epochs, the training loader is empty, the loss is not a number, or <paramref name="resume"/> holds another run.</exception>
    public void FineTune(int epochs, double lr = 2e-3, int freezeEpochs = 1, double lrMult = 100, double pctStart = 0.3, double divFactor = 5,
        WeightDecay? wd = null, IEnumerable<Callback>? callbacks = null, RunFile? resume = null, CancellationToken cancellation = default)
    {
        RequireEpochs(0, freezeEpochs);
        RequireEpochs(0, epochs);
        if (!(lrMult > 0)) throw new TesseraException(FormattableString.Invariant($"FineTune: lrMult: got {lrMult}, expected above 0. Hint: 100 is usual."));
        Callback[] both = [.. callbacks ?? []];
        Freeze();
        FitOneCycle(freezeEpochs, new LearningRate(lr), pctStart: 0.99, wd: wd, callbacks: both, resume: resume?.Part("frozen"), cancellation: cancellation);
        Unfreeze();
        FitOneCycle(epochs, new LearningRate(lr / 2 / lrMult, lr / 2), divFactor: divFactor, pctStart: pctStart, wd: wd, callbacks: both, resume: resume, cancellation: cancellation);
    }
}
