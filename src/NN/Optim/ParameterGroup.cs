namespace Tessera.NN;

/// <summary>Parameters that an optimizer treats alike.</summary>
public sealed class ParameterGroup
{
    /// <summary>A group of parameters; its order is the order in the optimizer's state.</summary>
    public ParameterGroup(IEnumerable<Tensor> parameters, string name = "", double lr = 1e-3, double momentum = 0.9, double weightDecay = 0)
    {
        Parameters = [.. parameters];
        (Name, Lr, Momentum, WeightDecay) = (name, lr, momentum, weightDecay);
    }

    /// <summary>What people call it: <c>body</c>, <c>head</c>.</summary>
    public string Name { get; }

    /// <summary>The tensors the optimizer changes.</summary>
    public IReadOnlyList<Tensor> Parameters { get; }

    /// <summary>Learning rate of the next step.</summary>
    public double Lr { get; set; }

    /// <summary>Momentum, or Adam's β₁, of the next step.</summary>
    public double Momentum { get; set; }

    /// <summary>Weight decay of the next step; <see cref="Optimizer.DecoupledDecay"/> says how it acts.</summary>
    public double WeightDecay { get; set; }
}
