namespace Tessera;

/// <summary>What lies beyond the edge of a padded plane.</summary>
public enum PadMode
{
    /// <summary>A constant.</summary>
    Constant,

    /// <summary>The mirror image, the edge itself not repeated: c b | a b c | b a.</summary>
    Reflect,

    /// <summary>The edge repeated: a a | a b c | c c.</summary>
    Replicate,

    /// <summary>The other side: b c | a b c | a b.</summary>
    Circular,
}

public sealed partial class Tensor
{
    /// <summary>The last two dimensions padded with columns to the left and right and rows above and below.</summary>
    /// <exception cref="ShapeException">Rank below 2, a negative amount, or more than the mode can take from the plane.</exception>
    public Tensor Pad(int left, int right, int top, int bottom, PadMode mode = PadMode.Constant, float value = 0)
    {
        if (Rank < 2 || Math.Min(Math.Min(left, right), Math.Min(top, bottom)) < 0)
            throw new ShapeException($"Pad: got ({left}, {right}, {top}, {bottom}) for shape {Shape}, expected amounts of at least 0 and at least 2 dimensions.");
        return mode == PadMode.Constant
            ? new PadOp(left, right, top, bottom, value).Apply(this)
            : Padded(Rank - 1, left, right, mode).Padded(Rank - 2, top, bottom, mode);
    }

    /// <summary>One dimension padded with elements of its own.</summary>
    Tensor Padded(int dim, int before, int after, PadMode mode)
    {
        int n = Shape[dim], most = mode switch { PadMode.Reflect => n - 1, PadMode.Circular => n, _ => n > 0 ? int.MaxValue : 0 };
        if (before == 0 && after == 0) return this;
        if (Math.Max(before, after) > most)
            throw new ShapeException($"Pad: {mode} padding too large: got {before} and {after}, expected at most {most} for size {n} of dimension {dim} of shape {Shape}.");
        long[] from = new long[before + n + after];
        for (int i = 0; i < from.Length; i++)
        {
            int at = i - before;
            from[i] = mode switch
            {
                PadMode.Reflect => at < 0 ? -at : at >= n ? (2 * (n - 1)) - at : at,
                PadMode.Circular => (at + n) % n,
                _ => Math.Clamp(at, 0, n - 1),
            };
        }
        return IndexSelect(dim, From(from, [from.Length], Device));
    }

    sealed class PadOp(int left, int right, int top, int bottom, float value) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("left", left), ("right", right), ("top", top), ("bottom", bottom), ("value", value));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            int h = x[0].Shape[-2], w = x[0].Shape[-1];
            var y = Full(x[0].Shape.With(-2, top + h + bottom).With(-1, left + w + right), value, x[0].DType, x[0].Device);
            y.Backend.Copy(x[0].View, y.View.Slice(-2, top, h).Slice(-1, left, w));
            return y;
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g)
            => g.Narrow(-2, top, InputShape(0)[-2]).Narrow(-1, left, InputShape(0)[-1]);
    }
}
