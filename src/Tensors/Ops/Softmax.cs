namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>y = eˣ / Σ eˣ along a dimension.</summary>
    public Tensor Softmax(int dim = -1) => new SoftmaxOp(Shape.Axis(dim), log: false).Apply(this);

    /// <summary>y = x - ln Σ eˣ along a dimension.</summary>
    public Tensor LogSoftmax(int dim = -1) => new SoftmaxOp(Shape.Axis(dim), log: true).Apply(this);

    sealed class SoftmaxOp(int dim, bool log) : Op
    {
        private protected override Mixing Mixing => Mixing.Float32;

        public override string Name => log ? "LogSoftmax" : "Softmax";

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            x[0].RequireFloat(Name);
            var y = Empty(x[0].Shape, DType.Float32, x[0].Device);
            x[0].Backend.Softmax(x[0].Contiguous().View, y.View, dim, log);
            return y;
        }

        protected override bool Saves(int i) => false;

        protected override bool SavesOutput => true;

        // y = softmax x:  gx = y·(g - Σ g·y);   y = ln softmax x:  gx = g - eʸ·Σ g
        protected override Tensor? Gradient(int i, Tensor g)
        {
            var gx = Empty(g.Shape, DType.Float32, g.Device);
            g.Backend.SoftmaxBackward(g.Contiguous().View, Output.View, gx.View, dim, log);
            return gx;
        }
    }
}
