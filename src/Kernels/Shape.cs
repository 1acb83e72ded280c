using System.Collections;
using System.Runtime.CompilerServices;

namespace Tessera;

/// <summary>The sizes of a tensor, outermost first: <c>[N, C, H, W]</c>. A scalar has rank 0.</summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IEnumerable<int>
{
    readonly int[]? dims;

    /// <summary>A shape with the given sizes, each at least 0.</summary>
    /// <exception cref="ShapeException">A size is negative or the element count exceeds 2^59.</exception>
    public Shape(params ReadOnlySpan<int> dims)
    {
        UInt128 count = 1;
        foreach (int d in dims)
        {
            if (d < 0) throw new ShapeException($"Shape: a size is negative: got [{string.Join(", ", dims.ToArray())}], expected sizes of at least 0.");
            count *= (uint)d;
            if (count > 1UL << 59 && !dims.Contains(0))
                throw new ShapeException($"Shape: too many elements: got [{string.Join(", ", dims.ToArray())}], expected a product of at most 2^59.");
        }
        this.dims = dims.ToArray();
    }

    /// <summary>Number of dimensions.</summary>
    public int Rank => dims?.Length ?? 0;

    /// <summary>Number of elements: the product of the sizes; 1 for a scalar.</summary>
    public long Count
    {
        get
        {
            long n = 1;
            foreach (int d in Dims) n *= d;
            return n;
        }
    }

    /// <summary>The sizes, outermost first.</summary>
    public ReadOnlySpan<int> Dims => dims;

    /// <summary>Size of dimension <paramref name="dim"/>; negative counts from the end.</summary>
    public int this[int dim] => Dims[Axis(dim)];

    /// <summary>The collection expression <c>[2, 3]</c> makes a shape.</summary>
    public static Shape Create(ReadOnlySpan<int> dims) => new(dims);

    /// <summary>An array of sizes is a shape.</summary>
    public static implicit operator Shape(int[] dims) => new(dims);

    /// <summary>The non-negative index of dimension <paramref name="dim"/>, which may count from the end.</summary>
    /// <exception cref="ShapeException">No such dimension.</exception>
    public int Axis(int dim, [CallerMemberName] string op = "")
    {
        int axis = dim < 0 ? dim + Rank : dim;
        return (uint)axis < (uint)Rank
            ? axis
            : throw new ShapeException($"{op}: dimension out of range: got {dim}, expected {-Rank}..{Rank - 1} for shape {this}.");
    }

    /// <summary>This shape with dimension <paramref name="dim"/> set to <paramref name="size"/>.</summary>
    public Shape With(int dim, int size)
    {
        int[] result = [.. Dims];
        result[Axis(dim)] = size;
        return new Shape(result);
    }

    /// <summary>The shape two operands broadcast to: sizes agree from the right, or one of them is 1.</summary>
    /// <exception cref="ShapeException">They do not broadcast.</exception>
    public static Shape Broadcast(Shape a, Shape b, [CallerMemberName] string op = "")
    {
        if (a == b) return a;
        int rank = Math.Max(a.Rank, b.Rank);
        int[] result = new int[rank];
        for (int i = 1; i <= rank; i++)
        {
            int x = i <= a.Rank ? a[^i] : 1, y = i <= b.Rank ? b[^i] : 1;
            if (x != y && x != 1 && y != 1)
                throw new ShapeException($"{op}: shapes do not broadcast: got {a} and {b}, expected equal sizes (or 1) counted from the right, but {x} and {y} differ. "
                    + "Hint: Reshape or Unsqueeze one of them.");
            result[^i] = x == 1 ? y : x;
        }
        return new Shape(result);
    }

    int this[Index i] => Dims[i];

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dims.SequenceEqual(other.Dims);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape s && Equals(s);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (int d in Dims) hash.Add(d);
        return hash.ToHashCode();
    }

    /// <summary>Same sizes in the same order.</summary>
    public static bool operator ==(Shape a, Shape b) => a.Equals(b);

    /// <summary>Different sizes.</summary>
    public static bool operator !=(Shape a, Shape b) => !a.Equals(b);

    /// <summary>A new array of the sizes.</summary>
    public int[] ToArray() => Dims.ToArray();

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(dims ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary><c>[2, 3, 4]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", dims ?? [])}]";
}
