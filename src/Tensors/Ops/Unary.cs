using System.Runtime.InteropServices;

namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>y = |x|; the gradient at 0 is 0.</summary>
    public Tensor Abs() => Unary(default(Ops.Abs), default(Ops.AbsGrad));

    /// <summary>y = x².</summary>
    public Tensor Square() => Unary(default(Ops.Square), default(Ops.SquareGrad));

    /// <summary>y = eˣ.</summary>
    public Tensor Exp() => UnaryOfOutput(default(Ops.Exp), default(Ops.ExpGrad));

    /// <summary>y = eˣ - 1, exact near 0.</summary>
    public Tensor Expm1() => UnaryOfOutput(default(Ops.Expm1), default(Ops.Expm1Grad));

    /// <summary>y = ln x.</summary>
    public Tensor Log() => Unary(default(Ops.Log), default(Ops.LogGrad));

    /// <summary>y = ln(1 + x), exact near 0.</summary>
    public Tensor Log1p() => Unary(default(Ops.Log1p), default(Ops.Log1pGrad));

    /// <summary>y = √x.</summary>
    public Tensor Sqrt() => UnaryOfOutput(default(Ops.Sqrt), default(Ops.SqrtGrad));

    /// <summary>y = 1/√x.</summary>
    public Tensor Rsqrt() => UnaryOfOutput(default(Ops.Rsqrt), default(Ops.RsqrtGrad));

    /// <summary>y = 1/x.</summary>
    public Tensor Reciprocal() => UnaryOfOutput(default(Ops.Reciprocal), default(Ops.ReciprocalGrad));

    /// <summary>y = sin x.</summary>
    public Tensor Sin() => Unary(default(Ops.Sin), default(Ops.SinGrad));

    /// <summary>y = cos x.</summary>
    public Tensor Cos() => Unary(default(Ops.Cos), default(Ops.CosGrad));

    /// <summary>y = erf x = 2/√π ∫₀ˣ e^(-t²) dt.</summary>
    public Tensor Erf() => Unary(default(Ops.Erf), default(Ops.ErfGrad));

    /// <summary>y = -1, 0 or 1; the gradient is 0.</summary>
    public Tensor Sign() => Step(default(Ops.Sign));

    /// <summary>y = ⌊x⌋; the gradient is 0.</summary>
    public Tensor Floor() => Step(default(Ops.Floor));

    /// <summary>y = ⌈x⌉; the gradient is 0.</summary>
    public Tensor Ceil() => Step(default(Ops.Ceil));

    /// <summary>y = the nearest integer, half to even; the gradient is 0.</summary>
    public Tensor Round() => Step(default(Ops.Round));

    /// <summary>y = x without its fraction; the gradient is 0.</summary>
    public Tensor Trunc() => Step(default(Ops.Trunc));

    /// <summary>y = min(max(x, min), max); the gradient passes where min ≤ x ≤ max.</summary>
    public Tensor Clamp(float min = float.NegativeInfinity, float max = float.PositiveInfinity)
        => Unary(new Ops.Clamp(min, max), new Ops.ClampGrad(min, max));

    /// <summary>y = xᵉ.</summary>
    public Tensor Pow(float exponent) => exponent == 2 ? Square() : Unary(new Ops.PowScalar(exponent), new Ops.PowScalarGrad(exponent));

    /// <summary>True where x is neither infinite nor NaN.</summary>
    public Tensor IsFinite() => Step(default(Ops.IsFinite)).To(DType.Bool);

    /// <summary>True where x is NaN.</summary>
    public Tensor IsNaN() => Step(default(Ops.IsNaN)).To(DType.Bool);

    Tensor Unary<TOp, TGrad>(TOp op, TGrad gradient) where TOp : struct, IUnary where TGrad : struct, IBinary
        => new UnaryOp<TOp, TGrad>(op, gradient, ofOutput: false).Apply(this);

    Tensor UnaryOfOutput<TOp, TGrad>(TOp op, TGrad gradient) where TOp : struct, IUnary where TGrad : struct, IBinary
        => new UnaryOp<TOp, TGrad>(op, gradient, ofOutput: true).Apply(this);

    Tensor Step<TOp>(TOp op) where TOp : struct, IUnary => new StepOp<TOp>(op).Apply(this);

    /// <summary>y = f(x), whose gradient is a fused formula of (g, x), or of (g, y) where that is cheaper and lets x go.</summary>
    sealed class UnaryOp<TOp, TGrad>(TOp op, TGrad gradient, bool ofOutput) : Op where TOp : struct, IUnary where TGrad : struct, IBinary
    {
        public override string Name => typeof(TOp).Name;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("parameters", Fields(op)));

        private protected override Mixing Mixing => Mixing.Own;

        /// <summary>Its result is not rounded under <see cref="Autocast"/>.</summary>
        static bool StaysFloat32 => default(TOp) is Ops.Exp or Ops.Expm1 or Ops.Log or Ops.Log1p or Ops.Reciprocal or Ops.Rsqrt or Ops.PowScalar;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            x[0].RequireFloat(Name);
            return StaysFloat32 ? Map(op, x[0], DType.Float32) : Map(op, x[0]);
        }

        protected override bool Saves(int i) => !ofOutput;

        protected override bool SavesOutput => ofOutput;

        protected override Tensor? Gradient(int i, Tensor g)
        {
            var gx = g.IsSole && g.DType == InputType(i) ? g : Empty(g.Shape, InputType(i), g.Device);
            MapInto(gradient, g.View, (ofOutput ? Output : Input(0)).View, gx.View);
            return gx;
        }
    }

    /// <summary>The parameters of a formula, which are the fields of its struct.</summary>
    static float[] Fields<TOp>(TOp op) where TOp : struct => MemoryMarshal.Cast<byte, float>(MemoryMarshal.AsBytes(new ReadOnlySpan<TOp>(in op))).ToArray();

    /// <summary>A function that is flat between its steps: the gradient is 0.</summary>
    sealed class StepOp<TOp>(TOp op) : Op where TOp : struct, IUnary
    {
        public override string Name => typeof(TOp).Name;

        private protected override Mixing Mixing => Mixing.Own;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(op, x[0]);

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => null;
    }
}
