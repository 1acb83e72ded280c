using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Reading and adding at indices. A kernel notes the first index that is outside and does not follow it; the host looks when it next waits for the
/// device, so that a step of training is not stopped by each call.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>Threads that a scatter with few lines is spread over, by destination.</summary>
    const long ScatterThreads = 1 << 14;

    public override void Gather(View x, View index, View y, int dim)
    {
        _ = index.Pointer<long>();
        if (x.DType != y.DType)
            throw new DTypeException($"Gather: result type: got {y.DType}, expected {x.DType} as the input.");
        if (y.Count == 0) return;
        var (axis, size, step) = Along(x, dim);
        var nest = NestOf(y, index, Still(x, y.Shape, axis));
        using (var check = checks.Begin(Outside(axis, size)))
            Launch("index.ptx", "gather", BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), size, step, y.DType.Size(), check.Words]);
        if (Synchronous && !recording) Synchronize();
    }

    public override void ScatterAdd(View y, View index, View source, int dim)
    {
        _ = index.Pointer<long>();
        ExpectFloat(nameof(ScatterAdd), y, source);
        if (source.Count == 0) return;
        var (axis, size, step) = Along(y, dim);
        var (_, length, sourceStep) = Along(source, dim);
        var lines = Nest.Lines(axis, source, index, y);
        int parts = 1;
        while (parts < Math.Min(size, length) && parts * lines.Count < ScatterThreads) parts *= 2;
        using (var check = checks.Begin(Outside(axis, size)))
        {
            LookAt(index, size, null, check.Words);
            Launch("index.ptx", "scatter_add", Blocks(lines.Count * parts, BlockSize), BlockSize,
                [KernelArgument.Struct(ref lines), step, (int)length, sourceStep, Along(index, dim).Step, parts, check.Words]);
        }
        if (Synchronous && !recording) Synchronize();
    }

    public override void CheckIndices(View index, long size, long? except, Func<long, ShapeException> error)
    {
        _ = index.Pointer<long>();
        if (index.Count == 0) return;
        using (var check = checks.Begin(error)) LookAt(index, size, except, check.Words);
        if (Synchronous && !recording) Synchronize();
    }

    /// <summary>The kernel that only looks.</summary>
    void LookAt(View index, long size, long? except, nint words)
    {
        // Repeated indices are one.
        for (int d = 0; d < index.Shape.Rank; d++)
            if (index.Layout.Strides[d] == 0) index = index.Slice(d, 0, 1);
        var nest = NestOf(index);
        Launch("index.ptx", "check_indices", BlocksFor(index.Count), BlockSize, [KernelArgument.Struct(ref nest), size, except ?? 0, except is null ? 0 : 1, words]);
    }

    static Func<long, ShapeException> Outside(int axis, long size) =>
        index => new ShapeException($"Index: out of range in dimension {axis}: got {index}, expected 0..{size - 1}.");

    /// <summary>A dimension as an axis, its size, and its step in bytes; a scalar has one element.</summary>
    static (int Axis, long Size, long Step) Along(View v, int dim)
    {
        if (v.Shape.Rank == 0) return (0, 1, 0);
        int axis = v.Shape.Axis(dim);
        return (axis, v.Shape[axis], v.Layout.Strides[axis] * v.DType.Size());
    }

    /// <summary>A table as a walk over <paramref name="shape"/> sees it before the index is added: without steps along the indexed dimension.</summary>
    static View Still(View table, Shape shape, int axis)
    {
        long[] strides = table.Layout.Strides.ToArray();
        if (strides.Length > 0) strides[axis] = 0;
        return table.As(new Layout(shape, strides, table.Layout.Offset));
    }
}
