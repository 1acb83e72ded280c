using System.Globalization;

namespace Tessera.NN;

public partial class Learner
{
    Callback[] running = [];

    /// <summary>Trains at constant learning rates; the momentum is left as it is.</summary>
    /// <param name="epochs">How many.</param>
    /// <param name="lr">Rates of the layer groups; default slice(3e-3).</param>
    /// <param name="wd">Weight decay, one number or one a layer group; default <see cref="Wd"/>.</param>
    /// <param name="callbacks">Callbacks of this call.</param>
    /// <param name="resume">Where the run is kept, and goes on from.</param>
    /// <param name="cancellation">Stops cleanly after the running batch.</param>
    /// <exception cref="TrainingCancelledException">Cancelled.</exception>
    /// <exception cref="TesseraException">A negative number of epochs, the training loader is empty, the loss is not a number, or <paramref name="resume"/> holds another run.</exception>
    public void Fit(int epochs, LearningRate? lr = null, WeightDecay? wd = null, IEnumerable<Callback>? callbacks = null, RunFile? resume = null, CancellationToken cancellation = default) =>
        Train($"constant rates {lr ?? LearningRate.Default}", 0, epochs, lr, wd, Running(callbacks), resume, cancellation);

    /// <summary>Trains with the one-cycle policy: see <see cref="OneCycle"/>.</summary>
    /// <param name="epochs">How many.</param>
    /// <param name="lr">The largest rates of the layer groups; default slice(3e-3).</param>
    /// <param name="momenta">Momentum (Adam's β₁) at both ends and at the peak; default 0.95 and 0.85.</param>
    /// <param name="divFactor">The first rate is the largest divided by this.</param>
    /// <param name="pctStart">The fraction of the batches over which the rate rises.</param>
    /// <param name="finalDiv">The last rate is the largest divided by this; default <paramref name="divFactor"/> · 10⁴.</param>
    /// <param name="wd">Weight decay, one number or one a layer group; default <see cref="Wd"/>.</param>
    /// <param name="callbacks">Callbacks of this call.</param>
    /// <param name="totalEpochs">Stretches the schedule over so many epochs.</param>
    /// <param name="startEpoch">Skips the schedule forward and trains epochs <paramref name="startEpoch"/>..<paramref name="epochs"/>-1.</param>
    /// <param name="resume">Where the run is kept, and goes on from.</param>
    /// <param name="cancellation">Stops cleanly after the running batch.</param>
    /// <exception cref="TrainingCancelledException">Cancelled.</exception>
    /// <exception cref="TesseraException">A negative number of epochs, the training loader is empty, the loss is not a number, or <paramref name="resume"/> holds another run.</exception>
    public void FitOneCycle(int epochs, LearningRate? lr = null, (double Ends, double Peak)? momenta = null, double divFactor = 25, double pctStart = 0.3,
        double? finalDiv = null, WeightDecay? wd = null, IEnumerable<Callback>? callbacks = null, int? totalEpochs = null, int startEpoch = 0,
        RunFile? resume = null, CancellationToken cancellation = default)
    {
        int batches = Data.Train.BatchCount;
        var cycle = new OneCycle(batches * (totalEpochs ?? epochs)) { PctStart = pctStart, DivFactor = divFactor, FinalDiv = finalDiv, Momenta = momenta ?? (0.95, 0.85) };
        string name = string.Create(CultureInfo.InvariantCulture,
            $"one cycle over {cycle.Batches} batches up to {lr ?? LearningRate.Default}, momenta {cycle.Momenta}, div {divFactor}, "
                + $"final div {finalDiv}, start {pctStart}");
        Train(name, startEpoch, epochs, lr, wd, [.. Running(callbacks), Scheduled(lr, cycle.Lr, cycle.Momentum, startEpoch * batches, cycle.Batches)], resume, cancellation);
    }

    /// <summary>
    /// Trains at the full rates for the first 72 % of the batches and then along a cosine to zero: see <see cref="FlatCosine"/>.
    /// </summary>
    /// <param name="epochs">How many.</param>
    /// <param name="lr">The full rates of the layer groups; default slice(3e-3).</param>
    /// <param name="momenta">Momentum (Adam's β₁) while the rates are flat and while they fall; default 0.95 and 0.85.</param>
    /// <param name="pctStart">The fraction of the batches at the full rates.</param>
    /// <param name="wd">Weight decay, one number or one a layer group; default <see cref="Wd"/>.</param>
    /// <param name="callbacks">Callbacks of this call.</param>
    /// <param name="totalEpochs">Stretches the schedule over so many epochs.</param>
    /// <param name="startEpoch">Skips the schedule forward and trains epochs <paramref name="startEpoch"/>..<paramref name="epochs"/>-1.</param>
    /// <param name="resume">Where the run is kept, and goes on from.</param>
    /// <param name="cancellation">Stops cleanly after the running batch.</param>
    /// <exception cref="TrainingCancelledException">Cancelled.</exception>
    /// <exception cref="TesseraException">A negative number of epochs, the training loader is empty, the loss is not a number, or <paramref name="resume"/> holds another run.</exception>
    public void FitFlatCosine(int epochs, LearningRate? lr = null, (double Flat, double Falling)? momenta = null, double pctStart = 0.72,
        WeightDecay? wd = null, IEnumerable<Callback>? callbacks = null, int? totalEpochs = null, int startEpoch = 0, RunFile? resume = null, CancellationToken cancellation = default)
    {
        int batches = Data.Train.BatchCount;
        var flat = new FlatCosine(batches * (totalEpochs ?? epochs)) { PctStart = pctStart, Momenta = momenta ?? (0.95, 0.85) };
        string name = string.Create(CultureInfo.InvariantCulture, $"flat cosine over {flat.Batches} batches at {lr ?? LearningRate.Default}, momenta {flat.Momenta}, start {pctStart}");
        Train(name, startEpoch, epochs, lr, wd, [.. Running(callbacks), Scheduled(lr, flat.Lr, flat.Momentum, startEpoch * batches, flat.Batches)], resume, cancellation);
    }

    /// <summary>The rates of all layer groups and the momentum as functions of the batch.</summary>
    ScheduleCallback Scheduled(LearningRate? lr, Func<double, int, double> rate, Func<int, double> momentum, int start, int batches)
    {
        double[] full = (lr ?? LearningRate.Default).ForGroups(LayerGroups.Count);
        return new ScheduleCallback(k => [.. full.Select(f => rate(f, k))], momentum, start, batches);
    }

    void FitBatch(TrainingState s, Batch batch)
    {
        try
        {
            Step(s, batch);
        }
        catch (OutOfDeviceMemoryException e)
        {
            throw OutOfMemory(s, batch, e);
        }
    }

    /// <summary>One step: forward, loss, backward, update. All its tensors go back to the pool at the end.</summary>
    void Step(TrainingState s, Batch batch)
    {
        using var scope = Scope.Begin();
        s.Begin(batch, Data.Prepare(batch.X));
        Raise(s, static (c, s) => c.BatchBegin(s));
        s.Output = Output(s.X);
        Raise(s, static (c, s) => c.LossBegin(s));
        s.Know(s.LossFunction.Forward(s.Output, s.Y));
        Raise(s, static (c, s) => c.BackwardBegin(s));
        if (!Refused(s)) s.Loss.Backward();
        Raise(s, static (c, s) => c.BackwardEnd(s));
        if (!s.SkipStep) Made().Step();
        Raise(s, static (c, s) => c.StepEnd(s));
        if (!s.SkipZeroGrad) Made().ZeroGrad();
        s.Iteration++;
        Raise(s, static (c, s) => c.BatchEnd(s));
        s.End();
    }

    static void RequireEpochs(int first, int epochs)
    {
        if (epochs < 0) throw new TesseraException(FormattableString.Invariant($"Fit: epochs: got {epochs}, expected at least 0. Hint: one epoch sees every training item once."));
        if (first < 0) throw new TesseraException(FormattableString.Invariant($"Fit: first epoch: got {first}, expected at least 0. Hint: 0 skips none."));
    }

    void Train(string schedule, int first, int epochs, LearningRate? lr, WeightDecay? wd, IEnumerable<Callback> callbacks, RunFile? resume, CancellationToken cancellation)
    {
        RequireEpochs(first, epochs);
        var loader = Data.Train;
        if (loader.BatchCount == 0)
        {
            string cure = loader.Dataset.Count > 0 ? "use a smaller batch size" : "give the learner training items; one from a file gets them by WithData";
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"Fit: the training loader gives no batch: got {loader.Dataset.Count} items and batch size {loader.BatchSize}, expected at least one whole batch. Hint: {cure}."));
        }
        SetLr((lr ?? LearningRate.Default).ForGroups(LayerGroups.Count));
        SetWd(wd ?? Wd);
        Recorder = new Recorder();
        string call = string.Create(CultureInfo.InvariantCulture,
            $"{schedule}, epochs {first}..{epochs}, weight decay {wd ?? Wd}, {DataContent()}{(Precision == DType.Float32 ? "" : $", {Precision}")}");
        TrainedBatchSize = loader.BatchSize;
        Callback[] asked = [.. callbacks];
        var keeper = resume is null ? null : new RunKeeper(resume, this, call, OptimizerContent(Made()), RunIdentity.Of(this, asked));
        var s = new TrainingState(this, first, epochs, loader.BatchCount) { Resumes = keeper is { Resumes: true } };
        Run(s, [Recorder, History, new MetricsCallback(), .. asked, .. LossScaler is { } scaler ? new Callback[] { scaler } : [],
            .. keeper is null ? Array.Empty<Callback>() : [keeper]], cancellation);
    }

    void Run(TrainingState s, IEnumerable<Callback> callbacks, CancellationToken cancellation)
    {
        var outer = running;
        running = [.. callbacks.OrderBy(c => c.Order)];
        Exception? error = null;
        try
        {
            Raise(s, static (c, s) => c.TrainBegin(s));
            s.HasBegun = true;
            if (s.Epoch > s.FirstEpoch && !s.Resumes) Raise(s, static (c, s) => c.EpochJump(s));
            for (; s.Epoch < s.Epochs && !s.StopTraining; s.Epoch++) FitEpoch(s, cancellation);
        }
        catch (OperationCanceledException e) when (cancellation.IsCancellationRequested)
        {
            error = e as TrainingCancelledException ?? new TrainingCancelledException(s.Epoch - s.FirstEpoch);
            if (error == e) throw;
            throw error;
        }
        catch (Exception e)
        {
            error = e;
            throw;
        }
        finally
        {
            Data.Discard();
            var ending = running;
            running = outer;
            foreach (var c in ending) c.TrainEnd(s, error);
        }
    }

    void FitEpoch(TrainingState s, CancellationToken cancellation)
    {
        Model.Train();
        (s.StopEpoch, s.IsTraining, s.Batch, s.Batches, s.ValidLoss, s.MetricValues) = (false, true, 0, Data.Train.BatchCount, null, null);
        s.EpochClock.Restart();
        Raise(s, static (c, s) => c.EpochBegin(s));
        var valid = s.SkipValidation || Data.Valid is not { BatchCount: > 0 } ? null : Data.Valid;
        foreach (var batch in Data.Train.EpochFrom(s.StopEpoch ? s.Batches : s.Batch, EpochsTrained, cancellation))
        {
            if (s.Batch + 1 == s.Batches) valid?.Begin(0);
            FitBatch(s, batch);
            cancellation.ThrowIfCancellationRequested();
            s.Batch++;
            if (s.StopEpoch) break;
        }
        if (s.Epoch + 1 < s.Epochs && !s.StopTraining) Data.Train.Begin(EpochsTrained + 1);
        if (valid is not null && !s.SkipValidation) ValidateEpoch(s, valid, cancellation);
        EpochsTrained++;
        Raise(s, static (c, s) => c.EpochEnd(s));
    }

    /// <summary>True where the backward pass is left out; a loss that is not a number is an error unless a callback takes it.</summary>
    static bool Refused(TrainingState s)
    {
        if (double.IsFinite(s.LossValue)) return s.SkipBackward;
        if (!s.AcceptsBadLoss) throw BadLoss(s);
        return s.SkipBackward = s.SkipStep = true;
    }

    internal static TesseraException BadLoss(TrainingState s) => new(string.Create(CultureInfo.InvariantCulture,
        $"Fit: the loss is not a number: got {s.LossValue} at epoch {s.Epoch}, batch {s.Batch}, expected a finite loss. "
            + $"Hint: lower the learning rate, "
            + $"and look for bad values in the inputs{(s.Learner.Precision == DType.Float16 ? "; float16 ends at 65504, ToBf16() has float32's range" : "")}."));

    void Raise(TrainingState s, Action<Callback, TrainingState> happening)
    {
        foreach (var c in running) happening(c, s);
    }

    /// <summary>The display, the learner's callbacks and those of this call.</summary>
    IEnumerable<Callback> Running(IEnumerable<Callback>? ofThisCall) =>
        [.. Display is { } d ? new Callback[] { new ProgressCallback(d), new TableCallback(d) } : [], .. Callbacks, .. ofThisCall ?? []];
}
