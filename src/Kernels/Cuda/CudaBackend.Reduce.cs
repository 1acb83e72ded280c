using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Reductions: two loop nests as on the CPU, the results and the elements of one result. Threads of a warp take what lies together: elements of a
/// result (rows), or results (columns). Long reductions are cut into chunks by their shape alone, so that one shape gives the same bits everywhere.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>Blocks that a reduction with few results is cut into: enough for the largest devices.</summary>
    const long ReduceBlocks = 1024;

    const int WarpSize = 32;

    /// <summary>Up to this many elements a thread walks alone.</summary>
    const int ReduceAlone = 8;

    public override void Reduce<TOp>(TOp op, View x, View y) => Reduce(op, x, y, plain: false);

    /// <summary><see cref="Reduce{TOp}(TOp, View, View)"/>; the plain way is one thread a result.</summary>
    internal void Reduce<TOp>(TOp op, View x, View y, bool plain) where TOp : struct, IReduction
    {
        ExpectFloat(TOp.Name, x, y);
        if (y.Count == 0) return;
        ExpectCountable(TOp.Name, x);
        Span<int> sizes = stackalloc int[x.Shape.Rank];
        for (int d = 0; d < sizes.Length; d++) sizes[d] = y.Shape[d] == 1 ? x.Shape[d] : 1;
        Nest outer = Nest.Of(y, x), inner = Nest.Over(sizes, x);
        if (inner.Count == 0) Fill(y, TOp.Identity);
        else if (plain || inner.Count <= ReduceAlone) ReducePlain(op, outer, inner);
        else if (inner.Step(0) != sizeof(float) && outer.Step(1) == sizeof(float) && outer.Inner >= WarpSize / 2) ReduceColumns(op, outer, inner, y.Storage.Device);
        else ReduceRows(op, outer, inner, y.Storage.Device);
    }

    void ReducePlain<TOp>(TOp op, Nest outer, Nest inner) where TOp : struct, IReduction
    {
        var (c0, c1) = PtxFormula.Parameters(op);
        Launch(ReduceKernel(op, "reduce_plain"), Blocks(outer.Count, BlockSize), BlockSize, [KernelArgument.Struct(ref outer), KernelArgument.Struct(ref inner), TOp.Identity, c0, c1]);
    }

    void ReduceRows<TOp>(TOp op, Nest outer, Nest inner, Device device) where TOp : struct, IReduction
    {
        var (chunks, length) = Chunks(inner.Count, outer.Count, 8 * BlockSize);
        var block = inner.Count <= 4 * BlockSize ? new Dim3(WarpSize, BlockSize / WarpSize) : new Dim3(BlockSize);
        ReduceChunks(op, "reduce_rows", outer, inner, chunks, length, Blocks(outer.Count * chunks, block.Y), block, device);
    }

    void ReduceColumns<TOp>(TOp op, Nest outer, Nest inner, Device device) where TOp : struct, IReduction
    {
        int blocks = Blocks(outer.Count, WarpSize);
        var (chunks, length) = Chunks(inner.Count, blocks, 64);
        ReduceChunks(op, "reduce_columns", outer, inner, chunks, length, new Dim3(blocks, chunks), new Dim3(WarpSize, BlockSize / WarpSize), device);
    }

    void ReduceChunks<TOp>(TOp op, string entry, Nest outer, Nest inner, int chunks, int length, Dim3 grid, Dim3 block, Device device) where TOp : struct, IReduction
    {
        var (c0, c1) = PtxFormula.Parameters(op);
        var kernel = ReduceKernel(op, entry);
        if (chunks == 1)
        {
            Launch(kernel, grid, block, [KernelArgument.Struct(ref outer), KernelArgument.Struct(ref inner), 0L, chunks, length, TOp.Identity, c0, c1]);
            return;
        }
        using var partials = new Temporary(device, Layout.RowMajor([checked((int)outer.Count), chunks]));
        Launch(kernel, grid, block, [KernelArgument.Struct(ref outer), KernelArgument.Struct(ref inner), partials.View, chunks, length, TOp.Identity, c0, c1]);
        Launch(ReduceKernel(op, "reduce_partials"), Blocks(outer.Count, BlockSize / WarpSize), new Dim3(WarpSize, BlockSize / WarpSize),
            [KernelArgument.Struct(ref outer), partials.View, chunks, TOp.Identity, c0, c1]);
    }

    Kernel ReduceKernel<TOp>(TOp op, string entry) where TOp : struct, IReduction
        => PtxFormula.Kernel(Kernels, op, TOp.Name, "reduce.ptx", entry, static o => [new("map", v => o.Map(v[0])), new("combine", v => o.Combine(v[0], v[1]))]);

    /// <summary>How many chunks of which length <paramref name="count"/> elements are cut into, where <paramref name="units"/> blocks would do without: by these numbers alone.</summary>
    static (int Chunks, int Length) Chunks(long count, long units, long shortest)
    {
        long chunks = Math.Clamp(count / shortest, 1, Math.Max(1, ReduceBlocks / units));
        long length = (count + chunks - 1) / chunks;
        return ((int)((count + length - 1) / length), (int)length);
    }

    /// <summary>The number of blocks that take <paramref name="each"/> of <paramref name="count"/> units.</summary>
    static int Blocks(long count, int each) => (int)((count + each - 1) / each);
}
