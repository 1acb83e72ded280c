namespace Tessera;

/// <summary>
/// Where the element of a shape lies in a storage: element <c>(i, j, ...)</c> is at <c>Offset + i·Strides[0] + j·Strides[1] + ...</c>,
/// counted in elements. A stride of 0 repeats (broadcasts) a dimension.
/// <para>Dense tensors have one layout per rank: rank 4 is channels-last (logical <c>[N, C, H, W]</c>, memory order N, H, W, C; a convolution
/// weight <c>[K, C, R, S]</c> lies as K, R, S, C), every other rank is row-major.</para>
/// </summary>
public readonly struct Layout : IEquatable<Layout>
{
    readonly long[]? strides;

    /// <summary>A layout from its parts.</summary>
    /// <param name="shape">The sizes.</param>
    /// <param name="strides">One step, in elements, a dimension.</param>
    /// <param name="offset">Index of the first element.</param>
    public Layout(Shape shape, ReadOnlySpan<long> strides, long offset = 0)
    {
        if (strides.Length != shape.Rank)
            throw new ShapeException($"Layout: one stride a dimension: got {strides.Length} strides, expected {shape.Rank} for shape {shape}.");
        Shape = shape;
        this.strides = strides.ToArray();
        Offset = offset;
    }

    /// <summary>The same with strides that are handed over.</summary>
    Layout(Shape shape, long[] strides, long offset) => (Shape, this.strides, Offset) = (shape, strides, offset);

    /// <summary>The sizes.</summary>
    public Shape Shape { get; }

    /// <summary>The step of each dimension, in elements.</summary>
    public ReadOnlySpan<long> Strides => strides;

    /// <summary>Index of the first element in the storage.</summary>
    public long Offset { get; }

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>The dense layout of a shape: channels-last for rank 4, else row-major.</summary>
    public static Layout Dense(Shape shape) => shape.Rank == 4 ? ChannelsLast(shape) : RowMajor(shape);

    /// <summary>Row-major: the last dimension is adjacent in memory.</summary>
    public static Layout RowMajor(Shape shape)
    {
        long[] s = new long[shape.Rank];
        long step = 1;
        for (int i = s.Length - 1; i >= 0; i--)
        {
            s[i] = step;
            step *= Math.Max(1, shape[i]);
        }
        return new Layout(shape, s, 0);
    }

    /// <summary>Channels-last for <c>[N, C, H, W]</c>: memory order N, H, W, C.</summary>
    public static Layout ChannelsLast(Shape shape)
    {
        long c = Math.Max(1, shape[1]), h = Math.Max(1, shape[2]), w = Math.Max(1, shape[3]);
        return new Layout(shape, new[] { h * w * c, 1, w * c, c }, 0);
    }

    /// <summary>True where the elements lie as in <see cref="Dense"/>, without gaps; strides of dimensions of size 1 do not matter.</summary>
    public bool IsDense
    {
        get
        {
            if (Shape.Rank != 4) return IsRowMajor;
            long step = 1;
            return Count == 0 || (Follows(1, ref step) && Follows(3, ref step) && Follows(2, ref step) && Follows(0, ref step));
        }
    }

    /// <summary>True where the elements lie in row-major order, without gaps.</summary>
    public bool IsRowMajor
    {
        get
        {
            long step = 1;
            for (int d = Count == 0 ? -1 : Shape.Rank - 1; d >= 0; d--)
                if (!Follows(d, ref step)) return false;
            return true;
        }
    }

    /// <summary>True where a dimension goes in this step, or is of size 1; then the step of the next one outwards.</summary>
    bool Follows(int dim, ref long step)
    {
        bool follows = Shape[dim] == 1 || Strides[dim] == step;
        step *= Shape[dim];
        return follows;
    }

    /// <summary>True where the elements of both layouts lie in the same order with the same steps.</summary>
    public bool SameStrides(Layout other)
    {
        if (Shape != other.Shape) return false;
        if (Count <= 1) return true;
        for (int i = 0; i < Shape.Rank; i++)
            if (Shape[i] > 1 && Strides[i] != other.Strides[i]) return false;
        return true;
    }

    /// <summary>This layout seen with size-1 and missing leading dimensions repeated to <paramref name="shape"/> (stride 0).</summary>
    /// <exception cref="ShapeException">The shapes do not broadcast.</exception>
    public Layout BroadcastTo(Shape shape)
    {
        if (shape == Shape) return this;
        int lead = shape.Rank - Shape.Rank;
        long[] s = new long[shape.Rank];
        for (int i = 0; i < shape.Rank; i++)
        {
            int own = i - lead;
            if (own < 0 || (Shape[own] == 1 && shape[i] != 1)) continue;
            if (Shape[own] != shape[i])
                throw new ShapeException($"BroadcastTo: shapes do not broadcast: got {Shape}, expected a shape that repeats to {shape}.");
            s[i] = Strides[own];
        }
        if (lead < 0)
            throw new ShapeException($"BroadcastTo: too many dimensions: got {Shape}, expected at most rank {shape.Rank} for {shape}.");
        return new Layout(shape, s, Offset);
    }

    /// <summary>The dimensions in a new order: result dimension i is this one's <c>dims[i]</c>.</summary>
    public Layout Permute(params ReadOnlySpan<int> dims)
    {
        int[] shape = new int[dims.Length];
        long[] s = new long[dims.Length];
        bool[] seen = new bool[Shape.Rank];
        if (dims.Length != Shape.Rank)
            throw new ShapeException($"Permute: one entry a dimension: got [{string.Join(", ", dims.ToArray())}], expected {Shape.Rank} entries for shape {Shape}.");
        for (int i = 0; i < dims.Length; i++)
        {
            int d = Shape.Axis(dims[i]);
            if (seen[d])
                throw new ShapeException($"Permute: dimension {d} twice: got [{string.Join(", ", dims.ToArray())}], expected each of 0..{Shape.Rank - 1} once.");
            seen[d] = true;
            shape[i] = Shape[d];
            s[i] = Strides[d];
        }
        return new Layout(new Shape(shape), s, Offset);
    }

    /// <summary>Elements <c>start, start+step, ...</c> of one dimension, <paramref name="length"/> of them.</summary>
    public Layout Slice(int dim, int start, int length, int step = 1)
    {
        int d = Shape.Axis(dim);
        if (start < 0 || length < 0 || step == 0 || (length > 0 && (uint)(start + ((long)(length - 1) * step)) >= (uint)Shape[d]) || start > Shape[d])
            throw new ShapeException($"Slice: range outside dimension {dim}: got start {start}, length {length}, step {step}, expected a range within 0..{Shape[d]} of shape {Shape}.");
        long[] s = [.. Strides];
        long offset = Offset + (length > 0 ? start * s[d] : 0);
        s[d] *= step;
        return new Layout(Shape.With(d, length), s, offset);
    }

    /// <summary>The same elements in row-major logical order under another shape, as a view, where the strides allow it.</summary>
    /// <returns>False where a copy is needed.</returns>
    public bool TryReshape(Shape shape, out Layout result)
    {
        result = default;
        if (Count != shape.Count) return false;
        if (Count == 0 || Shape == shape)
        {
            result = Shape == shape ? this : Dense(shape);
            return true;
        }

        // Walk both shapes from the left, matching groups of dimensions with equal products; inside a group the old strides must nest.
        long[] s = new long[shape.Rank];
        int i = 0, j = 0;
        while (i < Shape.Rank || j < shape.Rank)
        {
            int i0 = i, j0 = j;
            long a = i < Shape.Rank ? Shape[i++] : 1, b = j < shape.Rank ? shape[j++] : 1;
            while (a != b)
            {
                if (a < b) a *= Shape[i++];
                else b *= shape[j++];
            }
            long inner = 0, expected = 0;
            bool first = true;
            for (int k = i - 1; k >= i0; k--)
            {
                if (Shape[k] == 1) continue;
                if (first) inner = Strides[k];
                else if (Strides[k] != expected) return false;
                expected = Strides[k] * Shape[k];
                first = false;
            }
            for (int k = j - 1; k >= j0; k--)
            {
                s[k] = inner;
                inner *= shape[k];
            }
        }
        result = new Layout(shape, s, Offset);
        return true;
    }

    /// <inheritdoc/>
    public bool Equals(Layout other) => Shape == other.Shape && Offset == other.Offset && Strides.SequenceEqual(other.Strides);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Layout l && Equals(l);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Shape, Offset);

    /// <summary>Same shape, strides and offset.</summary>
    public static bool operator ==(Layout a, Layout b) => a.Equals(b);

    /// <summary>Different shape, strides or offset.</summary>
    public static bool operator !=(Layout a, Layout b) => !a.Equals(b);

    /// <summary><c>[2, 3] strides [3, 1] offset 0</c>.</summary>
    public override string ToString() => $"{Shape} strides [{string.Join(", ", strides ?? [])}] offset {Offset}";
}
