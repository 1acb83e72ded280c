using System.Globalization;

namespace Tessera.NN;

/// <summary>Where a fit call stands: what callbacks see and may change.</summary>
public sealed class TrainingState
{
    readonly SmoothedValue smoothed = new();
    Tensor? x, y, output, loss;

    readonly TimeSpan waitedBefore;

    internal TrainingState(Learner learner, int firstEpoch, int epochs, int batches)
    {
        (Learner, FirstEpoch, Epoch, Epochs, Batches, LossFunction) = (learner, firstEpoch, firstEpoch, epochs, batches, learner.Loss);
        waitedBefore = learner.Data.Waited;
    }

    /// <summary>Whose fit call it is.</summary>
    public Learner Learner { get; }

    /// <summary>True where this call goes on with a run that another process began, so that what was written so far is to stay.</summary>
    public bool Resumes { get; internal set; }

    /// <summary>The first epoch of this call.</summary>
    public int FirstEpoch { get; }

    /// <summary>The epoch, from 0.</summary>
    public int Epoch { get; internal set; }

    /// <summary>The epoch after the last.</summary>
    public int Epochs { get; }

    /// <summary>The batch within the epoch's training, or within its validation, from 0.</summary>
    public int Batch { get; internal set; }

    /// <summary>Batches of the training, or of the validation, of an epoch.</summary>
    public int Batches { get; internal set; }

    /// <summary>Training batches done since the call began.</summary>
    public int Iteration { get; internal set; }

    /// <summary>True for training, false for validation.</summary>
    public bool IsTraining { get; internal set; } = true;

    /// <summary>The indices of the batch's items in their data set.</summary>
    public ReadOnlyMemory<int> Items { get; internal set; }

    /// <summary>The inputs of the batch, as the model takes them.</summary>
    public Tensor X { get => Now(x); set => x = value; }

    /// <summary>The targets of the batch.</summary>
    public Tensor Y { get => Now(y); set => y = value; }

    /// <summary>What the model gave.</summary>
    public Tensor Output { get => Now(output); set => output = value; }

    /// <summary>What is differentiated, a scalar.</summary>
    public Tensor Loss { get => Now(loss); set => loss = value; }

    /// <summary>Whether the loss of this batch was computed.</summary>
    internal bool KnowsLoss => loss is not null;

    /// <summary>What gives the loss of this batch; at its beginning the learner's <see cref="Learner.Loss"/>.</summary>
    public Loss LossFunction { get; set; }

    /// <summary>The loss of the latest batch.</summary>
    public double LossValue { get; private set; } = double.NaN;

    /// <summary>The training loss so far: m ← 0.98 m + 0.02 l, shown as m/(1 - 0.98ᵏ), over the k batches since the call began.</summary>
    public double SmoothedLoss => smoothed.Value;

    /// <summary>The validation loss of the epoch, batches weighted by their size; null without validation.</summary>
    public double? ValidLoss { get; internal set; }

    /// <summary>The metrics of the epoch, in the learner's order; null without validation.</summary>
    public IReadOnlyList<double>? MetricValues { get; internal set; }

    /// <summary>Time since the epoch began.</summary>
    public TimeSpan EpochTime => EpochClock.Elapsed;

    /// <summary>Time since the call began.</summary>
    public TimeSpan TotalTime => TotalClock.Elapsed;

    /// <summary>The part of <see cref="TotalTime"/> that went into waiting for batches of the loaders.</summary>
    public TimeSpan WaitingTime => Learner.Data.Waited - waitedBefore;

    /// <summary>Leaves the backward pass of this batch out.</summary>
    public bool SkipBackward { get; set; }

    /// <summary>Leaves the optimizer's step of this batch out.</summary>
    public bool SkipStep { get; set; }

    /// <summary>Lets the gradients of this batch stand.</summary>
    public bool SkipZeroGrad { get; set; }

    /// <summary>Ends the training part of the epoch after this batch.</summary>
    public bool StopEpoch { get; set; }

    /// <summary>Ends the call after this epoch.</summary>
    public bool StopTraining { get; set; }

    /// <summary>Leaves validation out.</summary>
    public bool SkipValidation { get; set; }

    /// <summary>Callbacks that know what to do about a loss that is not a number set this; else it is an error.</summary>
    public bool AcceptsBadLoss { get; set; }

    internal System.Diagnostics.Stopwatch EpochClock { get; } = System.Diagnostics.Stopwatch.StartNew();

    internal System.Diagnostics.Stopwatch TotalClock { get; } = System.Diagnostics.Stopwatch.StartNew();

    /// <summary>Begins the call at a later epoch; within <see cref="Callback.TrainBegin"/>. Schedules skip forward (<see cref="Callback.EpochJump"/>).</summary>
    /// <exception cref="TesseraException">No epoch of this call, or epochs have begun.</exception>
    public void JumpToEpoch(int epoch)
    {
        if (epoch < FirstEpoch || epoch > Epochs || HasBegun)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"JumpToEpoch: got epoch {epoch}{(HasBegun ? " after the first had begun" : "")}, expected {FirstEpoch}..{Epochs}, within TrainBegin. "
                    + $"Hint: call it before the first epoch."));
        Epoch = epoch;
    }

    /// <summary>Whether TrainBegin is over.</summary>
    internal bool HasBegun { get; set; }

    /// <summary>The value of a column: <c>train_loss</c>, <c>valid_loss</c> or a metric's name; null where this epoch has none.</summary>
    /// <exception cref="TesseraException">No such column.</exception>
    public double? Value(string column)
    {
        if (column is "train_loss") return SmoothedLoss;
        if (column is "valid_loss") return ValidLoss;
        var names = Learner.Metrics.Select(m => m.Name).ToList();
        int i = names.IndexOf(column);
        return i >= 0
            ? MetricValues?[i]
            : throw new TesseraException(
                $"Monitor: no such column: got \"{column}\", expected one of {string.Join(", ", ["train_loss", "valid_loss", .. names])}. "
                    + "Hint: metrics are columns under their names.");
    }

    /// <summary>The place in the run, to or from a state: the next batch to train is <paramref name="batch"/> of <paramref name="epoch"/>.</summary>
    internal void Remember(RunState run, int epoch, int batch)
    {
        var (nextEpoch, nextBatch) = ((int)run.Value("epoch", epoch), (int)run.Value("batch", batch));
        Iteration = (int)run.Value("iteration", Iteration);
        LossValue = run.Value("loss", LossValue);
        smoothed.Remember(run.Part("smoothed_loss"));
        StopEpoch = run.Value("stop_epoch", StopEpoch);
        StopTraining = run.Value("stop_training", StopTraining);
        SkipValidation = run.Value("skip_validation", SkipValidation);
        if (run.IsRead) (Epoch, Batch) = (nextEpoch, nextBatch);
    }

    internal void Begin(Batch batch, Tensor prepared)
    {
        (x, y, output, loss, Items) = (prepared, batch.Y, null, null, batch.Items);
        LossFunction = Learner.Loss;
        SkipBackward = SkipStep = SkipZeroGrad = AcceptsBadLoss = false;
    }

    internal void Know(Tensor value)
    {
        loss = value;
        LossValue = value.Item();
        if (IsTraining) smoothed.Add(LossValue);
    }

    /// <summary>Lets the tensors of the batch go.</summary>
    internal void End() => x = y = output = loss = null;

    static Tensor Now(Tensor? t) => t ?? throw new TesseraException(
        "TrainingState: not known at this event: expected a later event of the batch. "
            + "Hint: inputs from BatchBegin on, the output from LossBegin, the loss from BackwardBegin.");
}
