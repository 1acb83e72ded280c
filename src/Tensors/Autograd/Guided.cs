namespace Tessera;

public static partial class Autograd
{
    [ThreadStatic]
    static int guided;

    /// <summary>True within <see cref="Guided"/> (on this thread).</summary>
    public static bool IsGuided => guided > 0;

    /// <summary>
    /// Guided back-propagation (Springenberg et al., 2015) for what is computed until the result is disposed: a ReLU passes only positive
    /// gradients on, gx = max(g, 0) where x &gt; 0, else 0. The gradients of an input then show what speaks for an output, and nothing that speaks against it.
    /// </summary>
    public static GuidedRegion Guided()
    {
        guided++;
        return default;
    }

    /// <summary>The end of a stretch of guided back-propagation.</summary>
    public readonly struct GuidedRegion : IDisposable
    {
        /// <summary>Gradients are as they were before.</summary>
        public void Dispose() => guided--;
    }
}

public sealed partial class Tensor
{
    /// <summary>Behind a ReLU: the same elements; of their gradient only what is positive goes on, where back-propagation is guided.</summary>
    Tensor Guiding() => Autograd.IsGuided ? new GuidingOp().Apply(this) : this;

    sealed class GuidingOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => x[0].Detach();

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g.Relu();
    }
}
