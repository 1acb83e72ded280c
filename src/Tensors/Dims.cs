using System.Collections;
using System.Runtime.CompilerServices;

namespace Tessera;

/// <summary>The dimensions a reduction runs over: one (<c>x.Sum(1)</c>), several (<c>x.Sum([2, 3])</c>), or, where none is named, all. Negative ones count from the end.</summary>
[CollectionBuilder(typeof(Dims), nameof(Create))]
public readonly struct Dims : IEnumerable<int>
{
    readonly int[]? dims;

    Dims(int[] dims) => this.dims = dims;

    /// <summary>The collection expression <c>[2, 3]</c> names dimensions.</summary>
    public static Dims Create(ReadOnlySpan<int> dims) => new(dims.ToArray());

    /// <summary>One dimension.</summary>
    public static implicit operator Dims(int dim) => new([dim]);

    /// <summary>Several dimensions.</summary>
    public static implicit operator Dims(int[] dims) => new(dims);

    /// <summary>True for each dimension of a shape that is named here.</summary>
    /// <exception cref="ShapeException">No such dimension, or one is named twice.</exception>
    internal bool[] Of(Shape shape, string op)
    {
        bool[] named = new bool[shape.Rank];
        if (dims is null or []) Array.Fill(named, true);
        else
            foreach (int d in dims)
            {
                int axis = shape.Axis(d, op);
                if (named[axis])
                    throw new ShapeException($"{op}: dimension {d} twice: got [{string.Join(", ", dims)}], expected different dimensions of shape {shape}.");
                named[axis] = true;
            }
        return named;
    }

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(dims ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
