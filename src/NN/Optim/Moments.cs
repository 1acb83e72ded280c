namespace Tessera.NN;

/// <summary>What an optimizer remembers of one parameter: the number of steps and running means, made when first needed.</summary>
/// <param name="slots">How many tensors at most.</param>
public sealed class Moments(int slots) : IDisposable
{
    readonly Tensor?[] tensors = new Tensor?[slots];

    /// <summary>Steps so far, the running one included.</summary>
    public long Steps { get; internal set; }

    /// <summary>The tensor of a slot, where there is one.</summary>
    public Tensor? this[int slot] => tensors[slot];

    /// <summary>The tensor of a slot; zeros of the parameter's shape at first.</summary>
    public Tensor Zero(int slot, Tensor w)
    {
        ArgumentNullException.ThrowIfNull(w);
        return tensors[slot] ??= Scope.Keep(Tensor.Zeros(w.Shape, DType.Float32, w.Device));
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose()
    {
        foreach (var t in tensors) t?.Dispose();
    }
}
