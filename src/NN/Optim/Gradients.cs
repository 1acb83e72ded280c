namespace Tessera.NN;

/// <summary>What is done to gradients between the backward pass and the step.</summary>
public static class Gradients
{
    /// <summary>√(Σ g²) over all gradients of the parameters; 0 where there is none.</summary>
    public static double Norm(IEnumerable<Tensor> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        Tensor[] norms = [.. from p in parameters let g = p.Grad where g is not null select g.Norm()];
        double sum = 0;
        foreach (var device in norms.GroupBy(n => n.Device)) // one download a device
            foreach (float norm in Tensor.Stack([.. device]).ToArray<float>()) sum += Math.Pow(norm, 2);
        return Math.Sqrt(sum);
    }

    /// <summary>g ← factor·g for all gradients, in one pass; true where all of them are finite then. Waits once for each device.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="factor">1/scale of a loss that was scaled.</param>
    public static bool Unscale(IEnumerable<Tensor> parameters, double factor)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        bool finite = true;
        foreach (var device in parameters.Select(p => p.Grad).OfType<Tensor>().GroupBy(g => g.Device))
        {
            Tensor[] gradients = [.. device];
            finite &= device.Key.Backend.Unscale(Array.ConvertAll(gradients, g => g.View), (float)factor);
            foreach (var g in gradients) g.View.Storage.Touch();
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
        foreach (var p in all)
        {
            if (p.Grad is not { } g) continue;
            g.Device.Backend.Unary(new Ops.MulScalar((float)factor), g.View, g.View);
            g.View.Storage.Touch();
        }
        return norm;
    }
}
