using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Reading and adding at indices. A kernel notes the first index that is outside; the host looks at once, so that the error comes from the call that
/// caused it.
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
        using var bad = new FirstBad(this, y.Storage.Device);
        Launch("index.ptx", "gather", BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), size, step, y.DType.Size(), bad.Word]);
        bad.Check(nest, 1, axis, size);
    }

    public override void ScatterAdd(View y, View index, View source, int dim)
    {
        _ = index.Pointer<long>();
        ExpectFloat(nameof(ScatterAdd), y, source);
        if (source.Count == 0) return;
        var (axis, size, step) = Along(y, dim);
        CheckIndices(index, axis, size);
        var (_, length, sourceStep) = Along(source, dim);
        var lines = Nest.Lines(axis, source, index, y);
        int parts = 1;
        while (parts < Math.Min(size, length) && parts * lines.Count < ScatterThreads) parts *= 2;
        Launch("index.ptx", "scatter_add", Blocks(lines.Count * parts, BlockSize), BlockSize,
            [KernelArgument.Struct(ref lines), step, (int)length, sourceStep, Along(index, dim).Step, parts]);
    }

    void CheckIndices(View index, int axis, long size)
    {
        // Repeated indices are one.
        for (int d = 0; d < index.Shape.Rank; d++)
            if (index.Layout.Strides[d] == 0) index = index.Slice(d, 0, 1);
        var nest = NestOf(index);
        using var bad = new FirstBad(this, index.Storage.Device);
        Launch("index.ptx", "check_indices", BlocksFor(index.Count), BlockSize, [KernelArgument.Struct(ref nest), size, bad.Word]);
        bad.Check(nest, 0, axis, size);
    }

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

    /// <summary>A word of device memory for the number of the first element whose index is outside.</summary>
    readonly struct FirstBad : IDisposable
    {
        readonly CudaBackend backend;
        readonly Temporary word;

        public FirstBad(CudaBackend backend, Device device)
        {
            this.backend = backend;
            word = new Temporary(device, Layout.RowMajor([1]), DType.Int64);
            backend.Check(backend.Driver.MemsetD8Async(word.View.Storage.Pointer, 0xFF, sizeof(ulong), backend.stream), "cuMemsetD8Async");
        }

        public KernelArgument Word => word.View;

        /// <summary>Waits for the kernel, and throws where it found an index outside.</summary>
        public void Check(in Nest nest, int operand, int axis, long size)
        {
            long number = backend.Read(word.View.Storage.Pointer);
            if (number < 0) return;
            long index = backend.Read(nest.Address(number, operand));
            throw new ShapeException($"Index: out of range in dimension {axis}: got {index}, expected 0..{size - 1}.");
        }

        public void Dispose() => word.Dispose();
    }

    /// <summary>Waits for the stream and reads 8 bytes.</summary>
    long Read(nint address)
    {
        long value;
        Check(Driver.MemcpyDtoHAsync((nint)(&value), address, sizeof(long), stream), "cuMemcpyDtoHAsync");
        Check(Driver.StreamSynchronize(stream), "cuStreamSynchronize after a check of indices");
        return value;
    }
}
