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
        StepLists lists = new(AddPartials);
        foreach (var x in tensors)
            if (x.IsDense) lists.Add(x);
        lists.End();
        Launch("squares.ptx", "add_squares", 1, BlockSize, [partials, (uint)chunks, sums.View]);
        double sum = 0;
        Download(sums.View.Storage, MemoryMarshal.AsBytes(new Span<double>(ref sum)));
        return sum + rest;

        void AddPartials(ref StepList list)
        {
            Launch("squares.ptx", "squares", list.Chunks, BlockSize, [KernelArgument.Struct(ref list), partials + (nint)(summed * sizeof(double))]);
            summed += list.Chunks;
        }
    }

    public override void Scale(ReadOnlySpan<View> tensors, float factor) => ScaleAll("Scale", tensors, factor, null, x => base.Scale([x], factor));

    /// <summary>x ← factor · x for each tensor; where a product is not finite, a flag, if there is one, is set. Those with gaps are left to <paramref name="strided"/>.</summary>
    void ScaleAll(string op, ReadOnlySpan<View> tensors, float factor, View? flag, Action<View> strided)
    {
        StepLists lists = new((ref StepList list) => Launch("unscale.ptx", "unscale", list.Chunks, BlockSize, [KernelArgument.Struct(ref list), factor, flag]));
        foreach (var x in tensors)
        {
            ExpectFloat(op, x);
            if (x.IsDense) lists.Add(x);
            else strided(x);
        }
        lists.End();
    }

    double SumOfStrided(View x)
    {
        using Temporary dense = new(x);
        Copy(x, dense.View);
        return SumOfSquares([dense.View]);
    }
}
