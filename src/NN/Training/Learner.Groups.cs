using System.Globalization;

namespace Tessera.NN;

public partial class Learner
{
    /// <summary>The optimizer: made on first use, kept across fit calls, thrown away by freezing and unfreezing.</summary>
    public Optimizer? Optimizer { get; private set; }

    /// <summary>The first layer group that is trained as a whole; 0 when nothing is frozen.</summary>
    public int FrozenTo { get; private set; }

    /// <summary>Cuts the model into layer groups before each of <paramref name="splitPoints"/>.</summary>
    public Learner Split(params IReadOnlyList<Module> splitPoints)
    {
        LayerGroups = LayerGroup.Split(Model, splitPoints);
        return this;
    }

    /// <summary>Cuts the model into layer groups before each of the modules that a function finds in it.</summary>
    public Learner Split(Func<Module, IReadOnlyList<Module>> splitPoints)
    {
        ArgumentNullException.ThrowIfNull(splitPoints);
        return Split(splitPoints(Model));
    }

    /// <summary>
    /// Layer groups before <paramref name="group"/> (negative: from the end) are not learned, except, with <see cref="TrainBn"/>, their batch norms.
    /// All batch norms go on using and moving batch statistics. The optimizer is thrown away.
    /// </summary>
    /// <exception cref="TesseraException">No such group.</exception>
    public Learner FreezeTo(int group)
    {
        int n = LayerGroups.Count, first = group < 0 ? group + n : group;
        if (first < 0 || first > n)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"FreezeTo: no such layer group: got {group}, expected {-n}..{n}. Hint: -1 trains the last group alone."));
        Model.ZeroGrad();
        foreach (var (i, g) in LayerGroups.Index())
        {
            foreach (var p in g.Parameters) p.RequiresGrad = i >= first;
            if (TrainBn) foreach (var p in g.BatchNormParameters) p.RequiresGrad = true;
        }
        FrozenTo = first;
        Optimizer = null;
        return this;
    }

    /// <summary>Only the last layer group learns (and the batch norms, with <see cref="TrainBn"/>).</summary>
    public Learner Freeze() => FreezeTo(LayerGroups.Count - 1);

    /// <summary>All layers learn.</summary>
    public Learner Unfreeze() => FreezeTo(0);

    /// <summary>Sets the learning rate of each layer group for the next step.</summary>
    internal void SetLr(IReadOnlyList<double> lr)
    {
        foreach (var (i, group) in Made().Groups.Index()) group.Lr = lr[i / 2];
    }

    /// <summary>Sets the momentum, or Adam's β₁, for the next step.</summary>
    internal void SetMomentum(double momentum)
    {
        foreach (var group in Made().Groups) group.Momentum = momentum;
    }

    void SetWd(WeightDecay wd)
    {
        double[] decays = wd.ForGroups(LayerGroups.Count);
        foreach (var (i, group) in Made().Groups.Index()) group.WeightDecay = i % 2 == 0 || BnWd ? decays[i / 2] : 0;
    }

    /// <summary>The optimizer, made now where there is none: of each layer group the trainable weights, then the trainable norms and biases.</summary>
    Optimizer Made() => Optimizer ??= Fresh();

    Optimizer Fresh() => OptimizerFactory([.. LayerGroups.SelectMany(g => ParameterGroup.Split(g.Name, g.Modules))]);
}
