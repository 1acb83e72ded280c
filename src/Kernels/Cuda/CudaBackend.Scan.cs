using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Running reductions. A block scans a line; a long line is cut into chunks by its shape alone: one pass gives the result of each chunk, a scan over
/// these what comes before each, and the last pass the elements.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>Chunks are no shorter.</summary>
    const int ScanChunk = 4096;

    /// <summary>What a launch of <c>scan_lines</c> writes: see there.</summary>
    enum ScanMode { Elements, Totals, Mapped }

    public override void Scan<TOp>(TOp op, View x, View y, int dim) => Scan(op, x, y, dim, plain: false);

    /// <summary><see cref="Scan{TOp}(TOp, View, View, int)"/>; the plain way is one thread a line.</summary>
    internal void Scan<TOp>(TOp op, View x, View y, int dim, bool plain) where TOp : struct, IReduction
    {
        ExpectFloat(TOp.Name, x, y);
        if (x.Count == 0) return;
        ExpectCountable(TOp.Name, x);
        var (axis, length, step) = Along(x, dim);
        var nest = Nest.Lines(axis, y, x);
        var (c0, c1) = PtxFormula.Parameters(op);
        bool sideBySide = nest.Count >= ManyLines && nest.Step(1) == sizeof(float);
        if (plain || sideBySide || length <= ReduceAlone)
        {
            Launch(ScanKernel(op, "scan_plain"), Blocks(nest.Count, BlockSize), BlockSize, [KernelArgument.Struct(ref nest), (int)length, Along(y, dim).Step, step, TOp.Identity, c0, c1]);
            return;
        }
        var (chunks, chunk) = Chunks(length, nest.Count, ScanChunk);
        if (chunks == 1)
        {
            ScanLines(op, x, y, dim, null, 1, chunk, ScanMode.Elements);
            return;
        }
        using var carries = new Temporary(x.Storage.Device, Layout.RowMajor([(int)nest.Count, chunks]));
        ScanLines(op, x, y, dim, carries.View, chunks, chunk, ScanMode.Totals);
        ScanLines(op, carries.View, carries.View, 1, null, 1, chunks, ScanMode.Mapped);
        ScanLines(op, x, y, dim, carries.View, chunks, chunk, ScanMode.Elements);
    }

    void ScanLines<TOp>(TOp op, View x, View y, int dim, View? carries, int chunks, int chunk, ScanMode mode) where TOp : struct, IReduction
    {
        var (axis, length, step) = Along(x, dim);
        var nest = Nest.Lines(axis, y, x);
        var (c0, c1) = PtxFormula.Parameters(op);
        int block = Math.Clamp(WarpSize * Blocks(chunk, 4 * WarpSize), WarpSize, BlockSize);
        Launch(ScanKernel(op, "scan_lines"), Blocks(nest.Count * chunks, 1), block,
            [KernelArgument.Struct(ref nest), (int)length, Along(y, dim).Step, step, carries, chunks, chunk, (int)mode, TOp.Identity, c0, c1]);
    }

    Kernel ScanKernel<TOp>(TOp op, string entry) where TOp : struct, IReduction
        => PtxFormula.Kernel(Kernels, op, TOp.Name, "scan.ptx", entry, static o => [new("map", v => o.Map(v[0])), new("combine", v => o.Combine(v[0], v[1]))]);
}
