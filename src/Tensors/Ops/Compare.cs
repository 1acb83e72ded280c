using System.Runtime.CompilerServices;

namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>True where a = b, broadcast; false for NaN.</summary>
    public Tensor Equal(Tensor other) => Compare(default(Ops.Equal), other);

    /// <summary>True where a ≠ b, broadcast; true for NaN.</summary>
    public Tensor NotEqual(Tensor other) => Compare(default(Ops.NotEqual), other);

    /// <summary>True where a &lt; b, broadcast.</summary>
    public Tensor Less(Tensor other) => Compare(default(Ops.Less), other);

    /// <summary>True where a ≤ b, broadcast.</summary>
    public Tensor LessEqual(Tensor other) => Compare(default(Ops.LessEqual), other);

    /// <summary>True where a &gt; b, broadcast.</summary>
    public Tensor Greater(Tensor other) => Compare(default(Ops.Greater), other);

    /// <summary>True where a ≥ b, broadcast.</summary>
    public Tensor GreaterEqual(Tensor other) => Compare(default(Ops.GreaterEqual), other);

    /// <summary>True where a = b.</summary>
    public Tensor Equal(float other) => Compare(default(Ops.Equal), other);

    /// <summary>True where a ≠ b.</summary>
    public Tensor NotEqual(float other) => Compare(default(Ops.NotEqual), other);

    /// <summary>True where a &lt; b.</summary>
    public Tensor Less(float other) => Compare(default(Ops.Less), other);

    /// <summary>True where a ≤ b.</summary>
    public Tensor LessEqual(float other) => Compare(default(Ops.LessEqual), other);

    /// <summary>True where a &gt; b.</summary>
    public Tensor Greater(float other) => Compare(default(Ops.Greater), other);

    /// <summary>True where a ≥ b.</summary>
    public Tensor GreaterEqual(float other) => Compare(default(Ops.GreaterEqual), other);

    /// <summary>True where both are not 0, broadcast.</summary>
    public Tensor LogicalAnd(Tensor other) => Compare(default(Ops.LogicalAnd), other);

    /// <summary>True where one or both are not 0, broadcast.</summary>
    public Tensor LogicalOr(Tensor other) => Compare(default(Ops.LogicalOr), other);

    /// <summary>True where exactly one is not 0, broadcast.</summary>
    public Tensor LogicalXor(Tensor other) => Compare(default(Ops.LogicalXor), other);

    /// <summary>True where x is 0.</summary>
    public Tensor LogicalNot() => Equal(0);

    Tensor Compare<TOp>(TOp op, Tensor other, [CallerMemberName] string name = "") where TOp : struct, IBinary
        => new CompareOp<TOp>(op, name).Apply(this, other);

    /// <summary>A number against integers is compared as an integer where it is one, else both as floats.</summary>
    Tensor Compare<TOp>(TOp op, float other, [CallerMemberName] string name = "") where TOp : struct, IBinary
        => DType.IsFloat() || other == MathF.Truncate(other)
            ? Compare(op, Full([], other, DType, Device), name)
            : To(DType.Float32).Compare(op, Scalar(other, Device), name);

    /// <summary>A comparison of two tensors of one element type, any type; the result is Bool and has no gradient.</summary>
    sealed class CompareOp<TOp>(TOp op, string name) : Op where TOp : struct, IBinary
    {
        private protected override Mixing Mixing => Mixing.Moved;

        public override string Name => name;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (a, b) = (x[0], x[1]);
            if (a.DType != b.DType)
                throw new DTypeException($"{name}: element types differ: got {a.DType} and {b.DType}, expected one type. Hint: cast one of them with To({a.DType}).");
            var shape = Shape.Broadcast(a.Shape, b.Shape, name);
            var y = Empty(shape, DType.Bool, a.Device);
            a.Backend.Compare(op, a.View.BroadcastTo(shape), b.View.BroadcastTo(shape), y.View);
            return y;
        }

        protected override Tensor? Gradient(int i, Tensor g) => null;
    }
}
