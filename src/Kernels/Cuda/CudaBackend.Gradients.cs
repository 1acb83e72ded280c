using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <content>The norm of all gradients, and a factor for them: up to 64 tensors in a launch, no float atomics.</content>
internal sealed unsafe partial class CudaBackend
{
    // A partial sum for each chunk, then all partials in one block. The sum lies before the partials; they are doubles, which are no element type.
    public override double SumOfSquares(ReadOnlySpan<View> tensors)
    {
        double rest = 0;
        long chunks = 0;
        foreach (var x in tensors)
        {
            ExpectFloat("SumOfSquares", x);
            if (x.IsDense) chunks += (x.Count + StepList.Chunk - 1) / StepList.Chunk;
            else rest += SumOfStrided(x);
        }
        if (chunks == 0) return rest;
        using Temporary sums = new(tensors[0].Storage.Device, Layout.RowMajor([checked((int)chunks + 1)]), DType.Int64);
        nint partials = sums.View.Address + sizeof(double);
        long summed = 0;
        StepList list = default;
        foreach (var x in tensors)
        {
            if (!x.IsDense) continue;
            for (long done = 0; (done = list.Add(new StepTensors(x, x), done)) < x.Count; list = default) AddPartials(ref list);
        }
        AddPartials(ref list);
        Launch("squares.ptx", "add_squares", 1, BlockSize, [partials, (uint)chunks, sums.View]);
        double sum = 0;
        Download(sums.View.Storage, MemoryMarshal.AsBytes(new Span<double>(ref sum)));
        return sum + rest;

        void AddPartials(ref StepList list)
        {
            if (list.Chunks == 0) return;
            Launch("squares.ptx", "squares", list.Chunks, BlockSize, [KernelArgument.Struct(ref list), partials + (nint)(summed * sizeof(double))]);
            summed += list.Chunks;
        }
    }

    public override void Scale(ReadOnlySpan<View> tensors, float factor)
    {
        StepList list = default;
        foreach (var x in tensors)
        {
            ExpectFloat("Scale", x);
            if (!x.IsDense) base.Scale([x], factor);
            else for (long done = 0; (done = list.Add(new StepTensors(x, x), done)) < x.Count; list = default) ScaleAll(ref list, factor, null);
        }
        ScaleAll(ref list, factor, null);
    }

    /// <summary>One launch for the tensors of a list; where a product is not finite, a flag, if there is one, is set.</summary>
    void ScaleAll(ref StepList list, float factor, View? flag)
    {
        if (list.Chunks > 0) Launch("unscale.ptx", "unscale", list.Chunks, BlockSize, [KernelArgument.Struct(ref list), factor, flag]);
    }

    double SumOfStrided(View x)
    {
        using Temporary dense = new(x);
        Copy(x, dense.View);
        return SumOfSquares([dense.View]);
    }
}
