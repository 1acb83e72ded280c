namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>y = a where the condition (Bool) holds, else b; all broadcast; a and b of one element type.</summary>
    public static Tensor Where(Tensor condition, Tensor a, Tensor b) => new WhereOp().Apply(condition, a, b);

    /// <summary>This tensor with <paramref name="value"/> where the mask (Bool, broadcast) holds.</summary>
    public Tensor MaskedFill(Tensor mask, float value) => Where(mask, Full([], value, DType, Device), this);

    /// <summary>The upper triangle of the last two dimensions, on and above a diagonal (0 is the main one, 1 the next above); the rest is 0.</summary>
    public Tensor Triu(int diagonal = 0) => Triangle((row, column) => column - row >= diagonal, "Triu");

    /// <summary>The lower triangle of the last two dimensions, on and below a diagonal (0 is the main one, 1 the next above); the rest is 0.</summary>
    public Tensor Tril(int diagonal = 0) => Triangle((row, column) => column - row <= diagonal, "Tril");

    Tensor Triangle(Func<int, int, bool> keep, string op)
    {
        if (Rank < 2) throw new ShapeException($"{op}: got shape {Shape}, expected at least 2 dimensions.");
        int rows = Shape[-2], columns = Shape[-1];
        bool[] mask = new bool[(long)rows * columns];
        for (int i = 0; i < mask.Length; i++) mask[i] = keep(i / columns, i % columns);
        return Where(From(mask, [rows, columns], Device), this, Full([], 0, DType, Device));
    }

    sealed class WhereOp : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var (condition, a, b) = (x[0], x[1], x[2]);
            if (condition.DType != DType.Bool)
                throw new DTypeException($"Where: condition: got {condition.DType}, expected Bool. Hint: compare first, such as x.Greater(0).");
            if (a.DType != b.DType)
                throw new DTypeException($"Where: element types differ: got {a.DType} and {b.DType}, expected one type. Hint: cast one of them with To({a.DType}).");
            var shape = Shape.Broadcast(condition.Shape, Shape.Broadcast(a.Shape, b.Shape, Name), Name);
            var y = Empty(shape, a.DType, a.Device);
            a.Backend.Where(condition.View.BroadcastTo(shape), a.View.BroadcastTo(shape), b.View.BroadcastTo(shape), y.View);
            return y;
        }

        protected override bool Saves(int i) => i == 0;

        protected override Tensor? Gradient(int i, Tensor g)
        {
            var zero = Full([], 0, g.DType, g.Device);
            return i == 1 ? Where(Input(0), g, zero) : Where(Input(0), zero, g);
        }
    }
}
