using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Mean and standard deviation of what layers give, for each training batch: where they run to zero or grow from layer to layer, training fails. While it watches,
/// layers run one by one and their numbers are fetched from the device, so a step is slower. <see cref="Module.Watch"/> is the hook beneath.
/// </summary>
/// <param name="layers">Which layers; none: all modules without children, or with parameters of their own.</param>
public sealed class ActivationStats(params IEnumerable<Module> layers) : Callback
{
    readonly Module[] wanted = [.. layers];
    readonly List<List<double>> means = [], deviations = [];
    Dictionary<Module, int> places = [];
    IDisposable? watching;

    /// <inheritdoc/>
    public override bool IsObserver => true;

    /// <summary>The layers, in the order of the model.</summary>
    public IReadOnlyList<Module> Layers { get; private set; } = [];

    /// <summary>The mean of each layer's output: a list a layer, a number a training batch.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Means => means;

    /// <summary>The standard deviation of each layer's output, likewise.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Deviations => deviations;

    /// <inheritdoc/>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        Layers = wanted.Length > 0 ? wanted : [.. LayerGroup.Layers(s.Learner.Model)];
        places = Layers.Index().ToDictionary(l => l.Item, l => l.Index);
        means.Clear();
        deviations.Clear();
        foreach (var _ in Layers)
        {
            means.Add([]);
            deviations.Add([]);
        }
    }

    /// <inheritdoc/>
    public override void BatchBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (s.IsTraining) watching = Module.Watch((module, _, y) => See(module, y));
    }

    /// <inheritdoc/>
    public override void LossBegin(TrainingState s) => Stop();

    /// <inheritdoc/>
    public override void TrainEnd(TrainingState s, Exception? error) => Stop();

    /// <inheritdoc/>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        foreach (int i in Enumerable.Range(0, means.Count))
        {
            string layer = i.ToString(CultureInfo.InvariantCulture);
            run.List($"{layer}.means", means[i]);
            run.List($"{layer}.deviations", deviations[i]);
        }
    }

    void See(Module module, Tensor y)
    {
        if (!places.TryGetValue(module, out int i)) return;
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        float[] both = Tensor.Stack([y.Mean(), y.Std(unbiased: false)]).ToArray<float>();
        means[i].Add(both[0]);
        deviations[i].Add(both[1]);
    }

    void Stop()
    {
        watching?.Dispose();
        watching = null;
    }
}
