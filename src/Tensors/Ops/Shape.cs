using System.Runtime.CompilerServices;

namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>
    /// The same elements in logical row-major order under another shape; one size may be -1 and is inferred. A view where the memory order
    /// allows it and the rank does not become 4 (dense 4-d tensors are channels-last), else a copy.
    /// </summary>
    /// <exception cref="ShapeException">The element counts differ.</exception>
    [OverloadResolutionPriority(1)]
    public Tensor Reshape(params ReadOnlySpan<int> shape) => new ReshapeOp(Infer(shape)).Apply(this);

    /// <inheritdoc cref="Reshape(ReadOnlySpan{int})"/>
    public Tensor Reshape(Shape shape) => shape == Shape ? this : new ReshapeOp(shape).Apply(this);

    /// <summary>Dimensions from <paramref name="start"/> to <paramref name="end"/> (inclusive) joined into one.</summary>
    public Tensor Flatten(int start = 1, int end = -1)
    {
        if (Rank == 0) return Reshape(1);
        int a = Shape.Axis(start), b = Shape.Axis(end);
        int n = 1;
        foreach (int d in Shape.Dims[a..(b + 1)]) n *= d;
        return Reshape([.. Shape.Dims[..a], n, .. Shape.Dims[(b + 1)..]]);
    }

    /// <summary>Dimensions in a new order: result dimension i is this one's <c>dims[i]</c>. A view.</summary>
    public Tensor Permute(params int[] dims) => new PermuteOp(dims).Apply(this);

    /// <summary>Two dimensions exchanged. A view.</summary>
    public Tensor Transpose(int a = -2, int b = -1)
    {
        int[] dims = [.. Enumerable.Range(0, Rank)];
        int i = Shape.Axis(a), j = Shape.Axis(b);
        (dims[i], dims[j]) = (dims[j], dims[i]);
        return Permute(dims);
    }

    /// <summary>Repeated along missing leading dimensions and dimensions of size 1. A view.</summary>
    public Tensor Expand(Shape shape) => shape == Shape ? this : new ExpandOp(shape).Apply(this);

    /// <summary><paramref name="length"/> elements of a dimension from <paramref name="start"/>, every <paramref name="step"/>-th. A view.</summary>
    public Tensor Narrow(int dim, int start, int length, int step = 1) => new SliceOp(Shape.Axis(dim), start, length, step).Apply(this);

    /// <summary>Element <paramref name="index"/> of a dimension, which is dropped. A view.</summary>
    public Tensor Select(int dim, int index) => Narrow(dim, index, 1).Squeeze(dim);

    /// <summary>A dimension of size 1 inserted at <paramref name="dim"/> (0..rank, or from the end).</summary>
    public Tensor Unsqueeze(int dim)
    {
        int at = dim < 0 ? dim + Rank + 1 : dim;
        if ((uint)at > (uint)Rank) throw new ShapeException($"Unsqueeze: dimension out of range: got {dim}, expected {-Rank - 1}..{Rank} for shape {Shape}.");
        return Reshape([.. Shape.Dims[..at], 1, .. Shape.Dims[at..]]);
    }

    /// <summary>A dimension of size 1 dropped.</summary>
    public Tensor Squeeze(int dim)
    {
        int at = Shape.Axis(dim);
        if (Shape[at] != 1) throw new ShapeException($"Squeeze: got size {Shape[at]} of dimension {dim}, expected 1, for shape {Shape}.");
        return Reshape([.. Shape.Dims[..at], .. Shape.Dims[(at + 1)..]]);
    }

    Shape Infer(ReadOnlySpan<int> shape, [CallerMemberName] string op = "")
    {
        int[] dims = shape.ToArray();
        int unknown = Array.IndexOf(dims, -1);
        if (unknown < 0) return dims;
        long known = 1;
        foreach (int d in dims)
            if (d != -1) known *= d;
        if (dims.Count(d => d == -1) > 1 || known <= 0 || Count % known != 0)
            throw new ShapeException($"{op}: cannot infer -1: got [{string.Join(", ", dims)}], expected one -1 and sizes that divide the {Count} elements of {Shape}.");
        dims[unknown] = (int)(Count / known);
        return dims;
    }

    sealed class ReshapeOp(Shape shape) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            if (shape.Count != x[0].Count)
                throw new ShapeException($"Reshape: element counts differ: got {x[0].Count} elements of {x[0].Shape}, expected {shape.Count} for {shape}.");
            bool isView = x[0].Layout.TryReshape(shape, out var layout);
            if (isView && (shape.Rank != 4 || layout.IsDense)) return x[0].Alias(x[0].View.As(layout));
            var rowMajor = EmptyRowMajor(shape, x[0].DType, x[0].Device);
            x[0].Backend.Copy(x[0].View, rowMajor.View.As(Layout.RowMajor(x[0].Shape)));
            if (shape.Rank != 4) return rowMajor;
            using (rowMajor)
            {
                var y = Empty(shape, x[0].DType, x[0].Device);
                x[0].Backend.Copy(rowMajor.View, y.View);
                return y;
            }
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g.Reshape(InputShape(0));
    }

    sealed class PermuteOp(int[] dims) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dims", dims));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => x[0].Alias(x[0].View.Permute(dims));

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g)
        {
            int[] inverse = new int[dims.Length];
            for (int k = 0; k < dims.Length; k++) inverse[g.Shape.Axis(dims[k])] = k;
            return g.Permute(inverse);
        }
    }

    sealed class ExpandOp(Shape shape) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => x[0].Alias(x[0].View.BroadcastTo(shape));

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g; // summed back to the input's shape by Op
    }

    sealed class SliceOp(int dim, int start, int length, int step) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("dim", dim), ("start", start), ("length", length), ("step", step));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => x[0].Alias(x[0].View.Slice(dim, start, length, step));

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g)
        {
            var gx = Zeros(InputShape(0), g.DType, g.Device);
            g.Backend.Copy(g.View, gx.View.Slice(dim, start, length, step));
            return gx;
        }
    }
}
