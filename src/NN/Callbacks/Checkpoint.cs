namespace Tessera.NN;

/// <summary>Saves the model after each epoch that is the best so far, or after every epoch; in the first case the best is loaded again at the end.</summary>
/// <param name="name">The file, as for <see cref="Learner.Save"/>.</param>
/// <param name="monitor">The watched column.</param>
/// <param name="mode">Which way it gets better.</param>
/// <param name="everyEpoch">Save after every epoch and load nothing at the end.</param>
/// <param name="withOptimizer">Whether the optimizer's state goes along.</param>
public sealed class Checkpoint(string name = "bestmodel", string monitor = "valid_loss", MonitorMode mode = MonitorMode.Auto, bool everyEpoch = false, bool withOptimizer = true) : Callback
{
    readonly BestValue best = new(monitor, mode);

    /// <summary>True where nothing is loaded at the end.</summary>
    public override bool IsObserver => everyEpoch;

    internal override CallbackSettings? Settings => new(nameof(Checkpoint), [everyEpoch ? 1 : 0, withOptimizer ? 1 : 0], monitor, mode)
    {
        Name = name.EndsWith(".safetensors", StringComparison.Ordinal) ? System.IO.Path.GetFileNameWithoutExtension(name) : System.IO.Path.GetFileName(name),
    };

    /// <summary>The file of the latest save; null before.</summary>
    public string? Path { get; private set; }

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        Path = null;
        if (!everyEpoch) best.Begin(s);
    }

    /// <inheritdoc/>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        best.Remember(run);
        Path = run.Text("path", Path);
    }

    /// <inheritdoc/>
    public override void EpochEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (everyEpoch || best.Improves(s)) Path = s.Learner.Save(name, withOptimizer);
    }

    /// <inheritdoc/>
    public override void TrainEnd(TrainingState s, Exception? error)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (error is null && !everyEpoch && Path is not null) s.Learner.Load(name, withOptimizer);
    }
}
