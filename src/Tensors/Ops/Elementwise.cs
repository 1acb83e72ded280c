namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>a + b, broadcast.</summary>
    public static Tensor operator +(Tensor a, Tensor b) => new AddOp().Apply(a, b);

    /// <summary>a - b, broadcast.</summary>
    public static Tensor operator -(Tensor a, Tensor b) => new SubOp().Apply(a, b);

    /// <summary>a · b by element, broadcast.</summary>
    public static Tensor operator *(Tensor a, Tensor b) => new MulOp().Apply(a, b);

    /// <summary>a / b by element, broadcast.</summary>
    public static Tensor operator /(Tensor a, Tensor b) => new DivOp().Apply(a, b);

    /// <summary>-a.</summary>
    public static Tensor operator -(Tensor a) => new AffineOp(-1, -0f).Apply(a);

    /// <summary>a + b.</summary>
    public static Tensor operator +(Tensor a, float b) => new AffineOp(1, b).Apply(a);

    /// <summary>a + b.</summary>
    public static Tensor operator +(float a, Tensor b) => new AffineOp(1, a).Apply(b);

    /// <summary>a - b.</summary>
    public static Tensor operator -(Tensor a, float b) => new AffineOp(1, -b).Apply(a);

    /// <summary>a - b.</summary>
    public static Tensor operator -(float a, Tensor b) => new AffineOp(-1, a).Apply(b);

    /// <summary>a · b.</summary>
    public static Tensor operator *(Tensor a, float b) => new AffineOp(b, -0f).Apply(a);

    /// <summary>a · b.</summary>
    public static Tensor operator *(float a, Tensor b) => new AffineOp(a, -0f).Apply(b);

    /// <summary>a / b.</summary>
    public static Tensor operator /(Tensor a, float b) => a / Scalar(b, a.Device);

    /// <summary>a / b.</summary>
    public static Tensor operator /(float a, Tensor b) => Scalar(a, b.Device) / b;

    /// <summary>y = f(x), dense; the element order of x is kept where x is dense.</summary>
    internal static Tensor Map<TOp>(TOp op, Tensor x) where TOp : struct, IUnary
    {
        x.RequireFloat(typeof(TOp).Name);
        return Map(op, x, x.Is16Bit ? Autocast.Type : DType.Float32);
    }

    /// <summary>y = f(a, b), broadcast, dense.</summary>
    internal static Tensor Map<TOp>(TOp op, Tensor a, Tensor b, string name) where TOp : struct, IBinary
    {
        a.RequireFloat(name);
        b.RequireFloat(name);
        return Map(op, a, b, name, a.Is16Bit || b.Is16Bit ? Autocast.Type : DType.Float32);
    }

    /// <summary>Arithmetic is done in float32 only; under <see cref="Autocast"/> operations read halves widened.</summary>
    void RequireFloat(string op)
    {
        if (DType != DType.Float32 && !(Is16Bit && Autocast.Type != DType.Float32))
            throw new DTypeException($"{op}: element type: got {DType}, expected Float32. Hint: cast with To(DType.Float32).");
    }

    /// <summary>This tensor summed over the dimensions along which <paramref name="shape"/> was broadcast to it.</summary>
    public Tensor SumTo(Shape shape)
    {
        if (shape == Shape) return this;
        int lead = Rank - shape.Rank;
        int[] kept = new int[Rank];
        for (int i = 0; i < Rank; i++) kept[i] = i < lead ? 1 : shape[i - lead];
        return new SumToOp(kept).Apply(this).Reshape(shape);
    }

    sealed class AddOp : Op
    {
        private protected override Mixing Mixing => Mixing.Own;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Add), x[0], x[1], Name);

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g;
    }

    sealed class SubOp : Op
    {
        private protected override Mixing Mixing => Mixing.Own;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Sub), x[0], x[1], Name);

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => i == 0 ? g : Map(new Ops.Affine(-1, -0f), g, GradientType(i, g));
    }

    sealed class MulOp : Op
    {
        private protected override Mixing Mixing => Mixing.Own;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Mul), x[0], x[1], Name);

        protected override bool Saves(int i) => Needs(1 - i);

        protected override Tensor? Gradient(int i, Tensor g) => Map(default(Ops.Mul), g, Input(1 - i), Name, GradientType(i, g));
    }

    sealed class DivOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Div), x[0], x[1], Name);

        protected override bool Saves(int i) => i == 1;

        protected override bool SavesOutput => Needs(1);

        // d(a/b)/da = 1/b,  d(a/b)/db = -(a/b)/b
        protected override Tensor? Gradient(int i, Tensor g) => i == 0 ? g / Input(1) : -(g * Output / Input(1));
    }

    /// <summary>y = scale · x + shift. Adding -0 leaves every number as it is, the sign of zero too; adding 0 would make 0 of -0.</summary>
    sealed class AffineOp(float scale, float shift) : Op
    {
        public override IReadOnlyDictionary<string, object?> Arguments => Named(("scale", scale), ("shift", shift));

        private protected override Mixing Mixing => Mixing.Own;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(new Ops.Affine(scale, shift), x[0]);

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => scale == 1 ? g : Map(new Ops.Affine(scale, -0f), g, GradientType(i, g));
    }

    /// <summary>Sum over the dimensions where <paramref name="shape"/>, of equal rank, has size 1; its gradient repeats.</summary>
    sealed class SumToOp(Shape shape) : Op
    {
        public override string Name => "Sum";

        private protected override Mixing Mixing => Mixing.Float32;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Reduce(default(Ops.Sum), x[0], shape);

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g.Expand(InputShape(0));
    }
}
