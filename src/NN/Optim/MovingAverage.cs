namespace Tessera.NN;

/// <summary>
/// An exponential moving average of parameters: e starts as the parameters, then e ← d·e + (1-d)·w at each <see cref="Update"/>. Averaged weights
/// often generalise better than the last ones (Polyak &amp; Juditsky, 1992).
/// </summary>
public sealed class MovingAverage : IDisposable
{
    readonly Tensor[] parameters;
    readonly Tensor[] averages;
    readonly float decay;

    /// <summary>An average that starts at the parameters' values.</summary>
    /// <param name="parameters">The parameters to follow.</param>
    /// <param name="decay">d, 0 to 1.</param>
    public MovingAverage(IEnumerable<Tensor> parameters, double decay = 0.999)
    {
        if (decay is not (>= 0 and <= 1)) throw new TesseraException(FormattableString.Invariant($"MovingAverage: decay: got {decay}, expected 0 to 1. Hint: 0.999 is usual."));
        this.parameters = [.. parameters];
        this.decay = (float)decay;
        using var noGrad = Autograd.NoGrad();
        averages = [.. this.parameters.Select(p => Scope.Keep(p.Clone()))];
    }

    /// <summary>The averages, in the order of the parameters.</summary>
    public IReadOnlyList<Tensor> Averages => averages;

    /// <summary>e ← d·e + (1-d)·w; after each optimizer step.</summary>
    public void Update()
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        foreach (var (e, w) in averages.Zip(parameters)) e.CopyFrom(e + ((w - e) * (1 - decay)));
    }

    /// <summary>Exchanges parameters and averages: once to evaluate with the averages, again to go on training.</summary>
    public void Swap()
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        foreach (var (e, w) in averages.Zip(parameters))
        {
            var held = w.Clone();
            w.CopyFrom(e);
            e.CopyFrom(held);
        }
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach (var e in averages) e.Dispose();
    }
}
