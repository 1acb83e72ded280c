namespace Tessera;

/// <summary>
/// Mixed precision (Micikevicius et al., "Mixed precision training", 2018): within <c>using (Autocast.To(DType.BFloat16))</c> matrix products and convolutions
/// round their factors to 16 bits and add up in float32; their results, and those of every operation that reads one, are stored in 16 bits. All other
/// arithmetic is float32: an operation reads halves widened, and its result is rounded once. Sums, extremes, norms over dimensions, softmax, cross-entropy,
/// exponentials, logarithms and powers keep their result in float32. The backward pass follows what was recorded, wherever it runs.
/// <para>Parameters stay float32 and get float32 gradients; other gradients are stored as their tensors are.</para>
/// </summary>
/// <example><code>
/// Tensor y = Autocast.To(DType.BFloat16, () => model.Call(x)).To(DType.Float32);
/// </code></example>
public static class Autocast
{
    [ThreadStatic]
    static DType current;

    /// <summary>Float16 or BFloat16 within a region (of this thread), else Float32.</summary>
    public static DType Type => current;

    /// <summary>Mixed precision until the result is disposed; with Float32 none, also inside of another region.</summary>
    /// <param name="type">Float16, BFloat16 or Float32.</param>
    /// <exception cref="DTypeException">Another element type.</exception>
    public static Region To(DType type)
    {
        if (!type.IsFloat()) throw new DTypeException($"Autocast.To: element type: got {type}, expected Float16, BFloat16 or Float32.");
        Region before = new(current);
        current = type;
        return before;
    }

    /// <summary>Runs work in mixed precision.</summary>
    /// <inheritdoc cref="To(DType)"/>
    public static T To<T>(DType type, Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        using (To(type)) return work();
    }

    /// <summary>The end of a stretch of mixed precision.</summary>
    public readonly struct Region : IDisposable
    {
        readonly DType before;

        internal Region(DType before) => this.before = before;

        /// <summary>Precision is as it was before.</summary>
        public void Dispose() => current = before;
    }
}

/// <summary>How an operation takes part in <see cref="Autocast"/>.</summary>
internal enum Mixing
{
    /// <summary>It reads halves widened; where it read one its result is rounded to 16 bits.</summary>
    Stored,

    /// <summary>It reads halves widened; its result stays float32.</summary>
    Float32,

    /// <summary>It moves elements of any type; of different types as <see cref="Stored"/>.</summary>
    Moved,

    /// <summary>It knows what to do with halves.</summary>
    Own,
}
