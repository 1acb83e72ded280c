namespace Tessera;

public static partial class Autograd
{
    /// <summary>
    /// f(x), of which only x is kept for the backward pass: f runs without recording now, and again with recording when its gradient is wanted (Chen et al., "Training
    /// deep nets with sublinear memory cost", 2016). Both runs draw the same numbers from the default generator, so that the gradients have the same bits.
    /// </summary>
    /// <param name="x">The input.</param>
    /// <param name="parameters">The other tensors that f reads and that may want gradients.</param>
    /// <param name="f">The function; its argument says whether it is the second run. All it computes must depend on x, the parameters and the default generator only.</param>
    public static Tensor Checkpoint(Tensor x, IEnumerable<Tensor> parameters, Func<Tensor, bool, Tensor> f)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(f);
        Tensor[] inputs = [x, .. parameters];
        return IsEnabled && inputs.Any(t => t.RequiresGrad) ? new CheckpointOp(f).Apply(inputs) : f(x, false);
    }

    sealed class CheckpointOp(Func<Tensor, bool, Tensor> f) : Op
    {
        readonly Generator generator = Generator.Default;
        ulong position;
        DType precision;

        private protected override Mixing Mixing => Mixing.Own;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            (position, precision) = (generator.Position, Autocast.Type);
            var y = f(x[0], false);
            return y == x[0] ? y.Detach() : y;
        }

        protected override bool Saves(int i) => i == 0;

        protected override void Gradients(Tensor g, Tensor?[] grads)
        {
            var x = Input(0).Detach();
            x.RequiresGrad = Needs(0);
            ulong now = generator.Position;
            try
            {
                generator.Position = position;
                using (Autocast.To(precision))
                using (Record()) f(x, true).Backward(g);
            }
            finally
            {
                generator.Position = now;
            }
            grads[0] = x.Grad?.Detach();
            x.ZeroGrad();
        }

        protected override Tensor? Gradient(int i, Tensor g) => throw new NotSupportedException("Gradients computes them all.");
    }
}
