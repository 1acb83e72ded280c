using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Softmax along any dimension. Lines that lie side by side, many of them, take a thread each, so that a warp reads adjacent elements; all others a warp or
/// block each, with the elements in registers up to 8192 of them.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>Elements of a line that a thread keeps in registers.</summary>
    const int SoftmaxRegisters = 8;

    /// <summary>From so many lines on, one thread a line keeps a large device busy.</summary>
    const int SoftmaxLines = 16384;

    const int LargestBlock = 1024;

    internal enum SoftmaxKernel { Plain, Row, Long }

    static readonly string[] softmaxEntries = ["softmax_plain", "softmax_row", "softmax_long"];
    static readonly string[] softmaxBackwardEntries = ["softmax_backward_plain", "softmax_backward_row", "softmax_backward_long"];

    public override void Softmax(View x, View y, int dim, bool log)
    {
        ExpectFloat("Softmax", x, y);
        if (!TryDnnSoftmax(x, y, dim, log)) Softmax(x, y, dim, log, Choose(y, dim));
    }

    public override void SoftmaxBackward(View gy, View y, View gx, int dim, bool log)
    {
        ExpectFloat("SoftmaxBackward", gy, y, gx);
        if (!TryDnnSoftmaxBackward(gy, y, gx, dim, log)) SoftmaxBackward(gy, y, gx, dim, log, Choose(y, dim));
    }

    /// <summary><see cref="Softmax(View, View, int, bool)"/> by one of its kernels.</summary>
    internal void Softmax(View x, View y, int dim, bool log, SoftmaxKernel version)
    {
        ExpectFloat("Softmax", x, y);
        if (y.Count == 0) return;
        ExpectCountable(y);
        var lines = Nest.Lines(dim, y, x);
        RunSoftmax("softmax.ptx", softmaxEntries[(int)version], version, lines, y.Shape[dim],
            [KernelArgument.Struct(ref lines), y.Shape[dim], Step(y, dim), Step(x, dim), log ? 1 : 0, (int)lines.Count]);
    }

    /// <summary><see cref="SoftmaxBackward(View, View, View, int, bool)"/> by one of its kernels.</summary>
    internal void SoftmaxBackward(View gy, View y, View gx, int dim, bool log, SoftmaxKernel version)
    {
        ExpectFloat("SoftmaxBackward", gy, y, gx);
        if (y.Count == 0) return;
        ExpectCountable(y);
        var lines = Nest.Lines(dim, gx, gy, y);
        RunSoftmax("softmax_backward.ptx", softmaxBackwardEntries[(int)version], version, lines, y.Shape[dim],
            [KernelArgument.Struct(ref lines), y.Shape[dim], Step(gx, dim), Step(gy, dim), Step(y, dim), log ? 1 : 0, (int)lines.Count]);
    }

    /// <summary>Launches a kernel with its arguments, of which only the plain one takes the last.</summary>
    void RunSoftmax(string file, string entry, SoftmaxKernel version, in Nest lines, int n, ReadOnlySpan<KernelArgument> arguments)
    {
        var kernel = PtxFormula.Kernel(Kernels, default(ExpAndLog), "softmax", file, entry, static _ => [new("exp", v => VMath.Exp(v[0])), new("log", v => VMath.Log(v[0]))]);
        if (version == SoftmaxKernel.Plain) Launch(kernel, BlocksFor(lines.Count), BlockSize, arguments);
        else Launch(kernel, (int)lines.Count, RowThreads(n), arguments[..^1]);
    }

    static SoftmaxKernel Choose(View y, int dim)
    {
        int n = y.Shape[dim];
        if (Math.Abs(y.Layout.Strides[dim]) != 1 && y.Count >= (long)SoftmaxLines * n) return SoftmaxKernel.Plain;
        return n <= LargestBlock * SoftmaxRegisters ? SoftmaxKernel.Row : SoftmaxKernel.Long;
    }

    /// <summary>The smallest power of two, from a warp to the largest block, whose threads hold a line, if any.</summary>
    static int RowThreads(int n) => (int)Math.Clamp(System.Numerics.BitOperations.RoundUpToPowerOf2((uint)((n + SoftmaxRegisters - 1) / SoftmaxRegisters)), WarpSize, LargestBlock);

    static long Step(View view, int dim) => view.Layout.Strides[dim] * sizeof(float);

    /// <summary>Names the formulas of the softmax kernels; they have no parameters.</summary>
    readonly struct ExpAndLog;
}
