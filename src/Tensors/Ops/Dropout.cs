namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>Each element is set to 0 with probability p, the others are scaled by 1/(1 - p); which ones, a random stream says.</summary>
    /// <param name="p">Probability of 0, in [0, 1].</param>
    /// <param name="random">The stream: <c>Generator.Default.Next()</c>, or one made from step and layer.</param>
    public Tensor Dropout(float p, Philox random)
    {
        if (p is not (>= 0 and <= 1)) throw new TesseraException($"Dropout: probability: got {p}, expected 0..1.");
        return p == 0 ? this : new DropoutOp(p, random).Apply(this);
    }

    /// <summary>Elements where the mask (Bool) holds, scaled by 1/(1 - p); the others are 0.</summary>
    public Tensor Dropout(float p, Tensor keep) => Where(keep, this * Scale(p), Full([], 0, DType, Device));

    static float Scale(float p) => p == 1 ? 0 : 1 / (1 - p);

    /// <summary>Nothing is saved: the gradient draws the same numbers again.</summary>
    sealed class DropoutOp(float p, Philox random) : Op
    {
        public override IReadOnlyDictionary<string, object?> Arguments => Named(("p", p));

        private protected override Mixing Mixing => Mixing.Own;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            x[0].RequireFloat(Name);
            return Dropped(x[0], x[0].Is16Bit ? Autocast.Type : DType.Float32);
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => Dropped(g, InputType(0));

        Tensor Dropped(Tensor x, DType type)
        {
            var y = Empty(x.Shape, type, x.Device);
            x.Backend.Dropout(x.View, y.View, new Ops.Dropout(p, Scale(p)), random);
            GC.KeepAlive(x);
            return y;
        }
    }
}
