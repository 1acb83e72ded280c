namespace Tessera.NN;

/// <summary>What is done to gradients between the backward pass and the step.</summary>
public static class Gradients
{
    /// <summary>√(Σ g²) over all gradients of the parameters, added in double; 0 where there is none. Waits once for each device.</summary>
    public static double Norm(IEnumerable<Tensor> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return Math.Sqrt(ByDevice(parameters).Sum(d => d.Key.Backend.SumOfSquares(Views(d))));
    }

    /// <summary>g ← factor·g for all gradients, in one pass; true where all of them are finite then. Waits once for each device.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="factor">1/scale of a loss that was scaled.</param>
    public static bool Unscale(IEnumerable<Tensor> parameters, double factor)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        bool finite = true;
        foreach (var device in ByDevice(parameters))
        {
            finite &= device.Key.Backend.Unscale(Views(device), (float)factor);
            foreach (var g in device) g.View.Storage.Touch();
        }
        return finite;
    }

    /// <summary>Scales all gradients by min(1, max/(norm + 10⁻⁶)), so that their common norm is at most <paramref name="max"/>; returns the norm before.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="max">The largest norm, positive.</param>
    public static double ClipNorm(IEnumerable<Tensor> parameters, double max)
    {
        if (!(max > 0)) throw new TesseraException(FormattableString.Invariant($"ClipNorm: largest norm: got {max}, expected above 0. Hint: 1 is usual."));
        Tensor[] all = [.. parameters];
        double norm = Norm(all), factor = max / (norm + 1e-6);
        if (factor >= 1) return norm;
        foreach (var device in ByDevice(all))
        {
            device.Key.Backend.Scale(Views(device), (float)factor);
            foreach (var g in device) g.View.Storage.Touch();
        }
        return norm;
    }

    static IEnumerable<IGrouping<Device, Tensor>> ByDevice(IEnumerable<Tensor> parameters) => parameters.Select(p => p.Grad).OfType<Tensor>().GroupBy(g => g.Device);

    static View[] Views(IEnumerable<Tensor> gradients) => [.. gradients.Select(g => g.View)];
}
