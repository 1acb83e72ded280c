namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>y = aᵇ by element, broadcast.</summary>
    public Tensor Pow(Tensor exponent) => new PowOp().Apply(this, exponent);

    /// <summary>The larger of each pair, broadcast; NaN wins; the gradient of a tie is halved.</summary>
    public Tensor Maximum(Tensor other) => new MaximumOp().Apply(this, other);

    /// <summary>The smaller of each pair, broadcast; NaN wins; the gradient of a tie is halved.</summary>
    public Tensor Minimum(Tensor other) => new MinimumOp().Apply(this, other);

    /// <summary>The angle of the point (other, this) in -π..π, broadcast.</summary>
    public Tensor Atan2(Tensor other) => new Atan2Op().Apply(this, other);

    /// <summary>a - b · trunc(a/b), broadcast: the sign of a.</summary>
    public Tensor Fmod(Tensor other) => new FmodOp().Apply(this, other);

    /// <summary>a - b · ⌊a/b⌋, broadcast: the sign of b.</summary>
    public Tensor Remainder(Tensor other) => new RemainderOp().Apply(this, other);

    sealed class PowOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Pow), x[0], x[1], Name);

        // ∂aᵇ/∂a = b·aᵇ⁻¹,  ∂aᵇ/∂b = aᵇ·ln a
        protected override Tensor? Gradient(int i, Tensor g) => g * (i == 0
            ? Map(default(Ops.PowBaseSlope), Input(0), Input(1), Name)
            : Map(default(Ops.PowExponentSlope), Input(0), Input(1), Name));
    }

    sealed class MaximumOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Maximum), x[0], x[1], Name);

        protected override Tensor? Gradient(int i, Tensor g) => g * Map(default(Ops.MaximumSlope), Input(i), Input(1 - i), Name);
    }

    sealed class MinimumOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Minimum), x[0], x[1], Name);

        protected override Tensor? Gradient(int i, Tensor g) => g * Map(default(Ops.MinimumSlope), Input(i), Input(1 - i), Name);
    }

    sealed class Atan2Op : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Atan2), x[0], x[1], Name);

        // ∂/∂a = b/(a² + b²),  ∂/∂b = -a/(a² + b²)
        protected override Tensor? Gradient(int i, Tensor g) => g * (i == 0
            ? Map(default(Ops.Atan2YSlope), Input(0), Input(1), Name)
            : Map(default(Ops.Atan2XSlope), Input(0), Input(1), Name));
    }

    sealed class FmodOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Fmod), x[0], x[1], Name);

        protected override bool Saves(int i) => Needs(1);

        // ∂/∂a = 1,  ∂/∂b = -trunc(a/b)
        protected override Tensor? Gradient(int i, Tensor g) => i == 0 ? g : -(g * (Input(0) / Input(1)).Trunc());
    }

    sealed class RemainderOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Map(default(Ops.Remainder), x[0], x[1], Name);

        protected override bool Saves(int i) => Needs(1);

        // ∂/∂a = 1,  ∂/∂b = -⌊a/b⌋
        protected override Tensor? Gradient(int i, Tensor g) => i == 0 ? g : -(g * (Input(0) / Input(1)).Floor());
    }
}
