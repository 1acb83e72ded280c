using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Verbs along one dimension that compare: the position of the largest, and sorting. Lines of up to 2048 elements are sorted in shared memory, longer
/// ones in segments of that length that are then merged by pairs.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    const int SortSegment = 2048;

    /// <summary>So many lines side by side give each thread one.</summary>
    const int ManyLines = 1 << 14;

    public override void ArgReduce(View x, View indices, int dim, bool largest) => ArgReduce(x, indices, dim, largest, plain: false);

    /// <summary><see cref="ArgReduce(View, View, int, bool)"/>; the plain way is one thread a line.</summary>
    internal void ArgReduce(View x, View indices, int dim, bool largest, bool plain)
    {
        _ = indices.Pointer<long>();
        var (axis, length, step) = Along(x, dim);
        if (length == 0 && indices.Count > 0)
            throw new ShapeException($"ArgReduce: no elements along dimension {dim}: got shape {x.Shape}, expected at least one.");
        if (x.DType == DType.BFloat16)
            throw new DTypeException($"ArgReduce: element type: got {x.DType}, expected Float32. Hint: cast with To(DType.Float32).");
        if (indices.Count == 0) return;
        ExpectCountable(nameof(ArgReduce), x);
        var nest = Nest.Lines(axis, indices, x);
        ulong flip = largest ? 0 : ulong.MaxValue;
        KernelArgument[] arguments = [KernelArgument.Struct(ref nest), (int)length, step, flip, (int)x.DType];
        bool sideBySide = nest.Count >= ManyLines && nest.Step(1) == x.DType.Size();
        var team = length <= 4 * BlockSize ? new Dim3(WarpSize, BlockSize / WarpSize) : new Dim3(4 * BlockSize);
        if (plain || sideBySide || length <= ReduceAlone) Launch("argreduce.ptx", "argreduce_plain", Blocks(nest.Count, BlockSize), BlockSize, arguments);
        else Launch("argreduce.ptx", "argreduce", Blocks(nest.Count, team.Y), team, arguments);
    }

    public override void Sort(View x, View values, View indices, int dim, bool descending) => Sort(x, values, indices, dim, descending, plain: false);

    /// <summary><see cref="Sort(View, View, View, int, bool)"/>; the plain way counts, for every element, those that come before it.</summary>
    internal void Sort(View x, View values, View indices, int dim, bool descending, bool plain)
    {
        _ = indices.Pointer<long>();
        if (x.DType != values.DType)
            throw new DTypeException($"Sort: result type: got {values.DType}, expected {x.DType} as the input.");
        if (x.Count == 0) return;
        ExpectCountable(nameof(Sort), x);
        var (axis, length, step) = Along(x, dim);
        var nest = Nest.Lines(axis, values, indices, x);
        ulong flip = descending ? ulong.MaxValue : 0;
        int count = (int)x.Count, n = (int)length;
        var device = x.Storage.Device;
        using var positions = new Temporary(device, Layout.RowMajor([count]), DType.Int32);
        if (plain)
            Launch("sort.ptx", "sort_plain", Blocks(count, BlockSize), BlockSize, [KernelArgument.Struct(ref nest), count, n, step, flip, (int)x.DType, positions.View]);
        else
            SortPositions(device, nest, count, n, [step, flip, (int)x.DType], positions.View);
        Launch("sort.ptx", "sort_write", Blocks(count, BlockSize), BlockSize,
            [KernelArgument.Struct(ref nest), count, n, Along(values, dim).Step, Along(indices, dim).Step, step, x.DType.Size(), positions.View]);
    }

    /// <summary>positions ← the order of the elements of every line.</summary>
    /// <param name="device">Where.</param>
    /// <param name="nest">The lines of values, indices and x.</param>
    /// <param name="count">Elements of all lines.</param>
    /// <param name="length">Elements of one.</param>
    /// <param name="elements">Step, flip and type of x.</param>
    /// <param name="positions">The result, line by line.</param>
    void SortPositions(Device device, Nest nest, int count, int length, ReadOnlySpan<KernelArgument> elements, View positions)
    {
        int segment = Math.Clamp((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)length), 64, SortSegment), segments = Blocks(length, segment);
        // Merging goes back and forth between two sets; the last pass must end in the result.
        int passes = System.Numerics.BitOperations.Log2(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)segments));
        using var keys = new Temporary(device, Layout.RowMajor([count]), DType.Int64);
        using var otherKeys = new Temporary(device, Layout.RowMajor([passes > 0 ? count : 1]), DType.Int64);
        using var otherPositions = new Temporary(device, Layout.RowMajor([passes > 0 ? count : 1]), DType.Int32);
        (View Keys, View Positions) from = (keys.View, positions), to = (otherKeys.View, otherPositions.View);
        if (passes % 2 == 1) (from, to) = (to, from);
        Launch("sort.ptx", "sort_block", checked((int)nest.Count * segments), segment / 2,
            [KernelArgument.Struct(ref nest), length, elements[0], elements[1], elements[2], segments, from.Keys, from.Positions], shared: 12 * segment);
        for (int run = segment; run < length; run *= 2, (from, to) = (to, from))
            Launch("sort.ptx", "sort_merge", Blocks(count, BlockSize), BlockSize, [count, length, run, from.Keys, from.Positions, to.Keys, to.Positions]);
    }

    /// <summary>Kernels count elements in 32 bits.</summary>
    static void ExpectCountable(string op, View x)
    {
        if (x.Count > int.MaxValue)
            throw new ShapeException($"{op}: too many elements for one kernel: got {x.Shape}, expected at most 2^31 - 1. Hint: work in slices.");
    }
}
