namespace Tessera.NN;

/// <summary>
/// Something that happens beside the training loop. The events come in the order they stand here; validation batches raise
/// <see cref="BatchBegin"/>, <see cref="LossBegin"/> and <see cref="BatchEnd"/> with <see cref="TrainingState.IsTraining"/> false.
/// </summary>
public abstract class Callback
{
    /// <summary>Callbacks run from low to high; the recorder has -10.</summary>
    public virtual int Order => 0;

    /// <summary>
    /// True for one that only looks on: it shows, writes or counts, and changes nothing that is learned. Model files do not miss it, and a run goes on with or without it.
    /// </summary>
    public virtual bool IsObserver => false;

    /// <summary>What makes a callback like this one again; null where a file cannot say it.</summary>
    internal virtual CallbackSettings? Settings => null;

    /// <summary>
    /// Names what the callback must remember to go on after its process was killed (see <see cref="RunFile"/>): called to write it after a batch or an
    /// epoch, and to read it back after <see cref="TrainBegin"/> and, within an epoch, after <see cref="EpochBegin"/>.
    /// </summary>
    public virtual void Remember(RunState run) { }

    /// <summary>A fit call begins, or goes on: see <see cref="TrainingState.Resumes"/>.</summary>
    public virtual void TrainBegin(TrainingState s) { }

    /// <summary>The call begins at a later epoch than it was asked for (<see cref="TrainingState.JumpToEpoch"/>): schedules skip forward.</summary>
    public virtual void EpochJump(TrainingState s) { }

    /// <summary>An epoch begins.</summary>
    public virtual void EpochBegin(TrainingState s) { }

    /// <summary>A batch is on its device; <see cref="TrainingState.X"/> and <see cref="TrainingState.Y"/> may be replaced, and so may <see cref="TrainingState.LossFunction"/>.</summary>
    public virtual void BatchBegin(TrainingState s) { }

    /// <summary>The model has run; <see cref="TrainingState.Output"/> may be replaced.</summary>
    public virtual void LossBegin(TrainingState s) { }

    /// <summary>The loss is known; <see cref="TrainingState.Loss"/> may be replaced, or <see cref="TrainingState.SkipBackward"/> set.</summary>
    public virtual void BackwardBegin(TrainingState s) { }

    /// <summary>The gradients are known; <see cref="TrainingState.SkipStep"/> may be set.</summary>
    public virtual void BackwardEnd(TrainingState s) { }

    /// <summary>The optimizer has stepped; <see cref="TrainingState.SkipZeroGrad"/> may be set.</summary>
    public virtual void StepEnd(TrainingState s) { }

    /// <summary>A batch is done; <see cref="TrainingState.StopEpoch"/> may be set.</summary>
    public virtual void BatchEnd(TrainingState s) { }

    /// <summary>An epoch with its validation is done; <see cref="TrainingState.StopTraining"/> may be set.</summary>
    public virtual void EpochEnd(TrainingState s) { }

    /// <summary>The fit call ends; also after an error or cancellation, which is then given.</summary>
    public virtual void TrainEnd(TrainingState s, Exception? error) { }
}
