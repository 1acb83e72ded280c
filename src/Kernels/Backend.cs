using System.Runtime.InteropServices;

namespace Tessera;

/// <summary>
/// What a device must be able to do. Results are passed in (a backend never allocates them) and the shapes were checked by the caller.
/// The abstract verbs are enough for everything; the virtual ones have a composed default and are overridden where speed matters.
/// </summary>
public abstract partial class Backend
{
    /// <summary>A device memory block of <paramref name="bytes"/> bytes, 64-byte aligned; 0 where the system has none.</summary>
    protected internal abstract nint Allocate(long bytes);

    /// <summary>Gives a block back.</summary>
    protected internal abstract void Free(nint pointer, long bytes);

    /// <summary>Host bytes into device memory, from byte <paramref name="offset"/> of the storage.</summary>
    public abstract void Upload(ReadOnlySpan<byte> source, Storage target, long offset = 0);

    /// <summary>Device memory into host bytes; waits for the work that produces it.</summary>
    public abstract void Download(Storage source, Span<byte> target, long offset = 0);

    /// <summary>Waits for all work given to the device.</summary>
    public virtual void Synchronize() { }

    /// <summary>y ← value.</summary>
    public abstract void Fill(View y, double value);

    /// <summary>y ← x, from any layout and element type to any; floats to integers are truncated towards zero, to Bool by x ≠ 0.</summary>
    public abstract void Copy(View x, View y);

    /// <summary>y ← f(x); float32, same shape, any strides.</summary>
    public abstract void Unary<TOp>(TOp op, View x, View y) where TOp : struct, IUnary;

    /// <summary>y ← f(a, b); float32, a and b already broadcast (stride 0) to y's shape, any strides.</summary>
    public abstract void Binary<TOp>(TOp op, View a, View b, View y) where TOp : struct, IBinary;

    /// <summary>y ← f(a, b) as Bool; a and b of one type, any type, already broadcast to y's shape.</summary>
    public abstract void Compare<TOp>(TOp op, View a, View b, View y) where TOp : struct, IBinary;

    /// <summary>y ← condition ? a : b; condition Bool, all broadcast to y's shape, a, b and y of one type.</summary>
    public abstract void Where(View condition, View a, View b, View y);

    /// <summary>y ← reduction of x over the dimensions where y has size 1 and x has not; same rank, float32.</summary>
    public abstract void Reduce<TOp>(TOp op, View x, View y) where TOp : struct, IReduction;

    /// <summary>indices (Int64, size 1 along <paramref name="dim"/>) ← position of the largest (or smallest) element; the first of equals; NaN wins.</summary>
    public abstract void ArgReduce(View x, View indices, int dim, bool largest);

    /// <summary>y ← running reduction along <paramref name="dim"/>, inclusive.</summary>
    public abstract void Scan<TOp>(TOp op, View x, View y, int dim) where TOp : struct, IReduction;

    /// <summary>values, indices (Int64) ← x stably sorted along <paramref name="dim"/>; NaN counts as largest.</summary>
    public abstract void Sort(View x, View values, View indices, int dim, bool descending);

    /// <summary>
    /// y ← alpha · a · b + beta · y for matrices <c>a [..., M, K]</c>, <c>b [..., K, N]</c>, <c>y [..., M, N]</c> with equal batch dimensions
    /// (stride 0 allowed in a and b). Float32; transposes are strides. With beta 0, y is not read.
    /// </summary>
    public abstract void Gemm(View a, View b, View y, float alpha = 1, float beta = 0);

    /// <summary>y ← x at index along <paramref name="dim"/>: <c>y[i,j,k] = x[i,index[i,j,k],k]</c> for dim 1; index Int64, shape of y; indices are checked.</summary>
    /// <exception cref="ShapeException">An index is outside 0..size-1; a GPU says so at the next call that waits for it.</exception>
    public abstract void Gather(View x, View index, View y, int dim);

    /// <summary>y += source at index along <paramref name="dim"/>, in a fixed order: the transpose of <see cref="Gather"/>.</summary>
    /// <exception cref="ShapeException">An index is outside 0..size-1; a GPU says so at the next call that waits for it.</exception>
    public abstract void ScatterAdd(View y, View index, View source, int dim);

    /// <summary>Nothing where all indices (Int64) are in 0..<paramref name="size"/>-1 or <paramref name="except"/>.</summary>
    /// <param name="index">The indices.</param>
    /// <param name="size">How many things they may name.</param>
    /// <param name="except">One more index that is right.</param>
    /// <param name="error">The error for the first index that is wrong; a GPU throws it at the next call that waits for it.</param>
    public virtual void CheckIndices(View index, long size, long? except, Func<long, ShapeException> error)
    {
        ArgumentNullException.ThrowIfNull(error);
        if (index.Count == 0) return;
        using Temporary packed = new(index.Storage.Device, Layout.RowMajor(index.Shape), DType.Int64);
        Copy(index, packed.View);
        long[] values = new long[index.Count];
        Download(packed.View.Storage, MemoryMarshal.AsBytes(values.AsSpan()));
        foreach (long i in values)
            if ((ulong)i >= (ulong)size && i != except) throw error(i);
    }

    /// <summary>y ← uniform numbers in [0, 1): element i (logical row-major order) takes word i of the Philox stream.</summary>
    public abstract void Uniform(View y, Philox random);

    /// <summary>
    /// y ← <see cref="Ops.Dropout"/> of x and the numbers that <see cref="Uniform"/> gives; x and y of one shape, each Float32, Float16 or BFloat16, any strides. Of the same
    /// stream x's gradient is this of y's.
    /// </summary>
    public virtual void Dropout(View x, View y, Ops.Dropout op, Philox random)
    {
        using var numbers = new Temporary(y);
        Uniform(numbers.View, random);
        if (x.DType == DType.Float32 && y.DType == DType.Float32) Binary(op, x, numbers.View, y);
        else Binary16(op, x, numbers.View, y);
    }

    /// <summary>y ← standard normal numbers (Box-Muller over the Philox stream), element i from words 2i and 2i+1.</summary>
    public abstract void Normal(View y, Philox random);
}
