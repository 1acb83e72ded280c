using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Elementwise operations: a file of <c>src/Kernels/Ptx</c> says where the elements lie, the formula comes from the operation. Dense operands go
/// four elements at a time, all others through the loop nest, which is passed to the kernel as it is.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    public override void Unary<TOp>(TOp op, View x, View y)
    {
        ExpectFloat(TOp.Name, x, y);
        if (y.Count == 0) return;
        var (c0, c1) = PtxFormula.Parameters(op);
        var nest = NestOf(y, x);
        bool dense = IsDense(nest, 2, sizeof(float));
        var kernel = PtxFormula.Kernel(Kernels, op, TOp.Name, "unary.ptx", dense ? "unary_dense" : "unary_strided", static o => [new("f", v => o.Apply(v[0]))]);
        if (dense) Launch(kernel, BlocksFor((y.Count + 3) / 4), BlockSize, [nest.Start(0), nest.Start(1), y.Count, c0, c1]);
        else Launch(kernel, BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), c0, c1]);
    }

    public override void Binary<TOp>(TOp op, View a, View b, View y)
    {
        ExpectFloat(TOp.Name, a, b, y);
        if (y.Count == 0) return;
        var (c0, c1) = PtxFormula.Parameters(op);
        var nest = NestOf(y, a, b);
        bool dense = IsDense(nest, 3, sizeof(float));
        var kernel = PtxFormula.Kernel(Kernels, op, TOp.Name, "binary.ptx", dense ? "binary_dense" : "binary_strided", static o => [new("f", v => o.Apply(v[0], v[1]))]);
        if (dense) Launch(kernel, BlocksFor((y.Count + 3) / 4), BlockSize, [nest.Start(0), nest.Start(1), nest.Start(2), y.Count, c0, c1]);
        else Launch(kernel, BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), c0, c1]);
    }

    public override void Compare<TOp>(TOp op, View a, View b, View y)
    {
        if (y.Count == 0) return;
        var nest = NestOf(y, a, b);
        var kernel = PtxFormula.Kernel(Kernels, op, TOp.Name, "compare.ptx", "compare_" + PtxName(a.DType), static o => [new("f", v => o.Apply(v[0], v[1]))]);
        Launch(kernel, BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest)]);
    }

    public override void Where(View condition, View a, View b, View y)
    {
        if (y.Count == 0) return;
        var nest = NestOf(y, condition, a, b);
        Launch("where.ptx", $"where_b{8 * y.DType.Size()}", BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest)]);
    }

    public override void Fill(View y, double value)
    {
        if (y.Count == 0) return;
        var nest = NestOf(y);
        ulong bits = y.DType switch
        {
            DType.Float32 => BitConverter.SingleToUInt32Bits((float)value),
            DType.Float16 => BitConverter.HalfToUInt16Bits((Half)value),
            DType.BFloat16 => ((BFloat16)(float)value).Bits,
            DType.UInt8 => (byte)(long)value,
            DType.Int32 => (uint)(int)value,
            DType.Int64 => (ulong)(long)value,
            _ => value != 0 ? 1u : 0,
        };
        Launch("fill.ptx", $"fill_b{8 * y.DType.Size()}", BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), bits]);
    }

    public override void Copy(View x, View y)
    {
        if (y.Count == 0) return;
        var nest = NestOf(y, x);
        int size = y.DType.Size();
        if (x.DType == y.DType && IsDense(nest, 2, size, alignment: 1))
        {
            Check(Driver.MemcpyDtoDAsync(nest.Start(0), nest.Start(1), y.Count * size, stream), "cuMemcpyDtoDAsync");
            return;
        }
        if (x.DType == y.DType) Launch("copy.ptx", $"copy_b{8 * size}", BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest)]);
        else Launch("cast.ptx", "cast", BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), (int)x.DType, (int)y.DType]);
    }

    /// <summary>The loop nest over the views, for kernels that count elements in 32 bits.</summary>
    static Nest NestOf(params ReadOnlySpan<View> views)
    {
        ExpectCountable(views[0]);
        return Nest.Of(views);
    }

    static void ExpectCountable(View view)
    {
        if (view.Count > int.MaxValue)
            throw new ShapeException($"CudaBackend: too many elements for one kernel: got {view.Shape}, expected at most 2^31 - 1. Hint: work in slices.");
    }

    /// <summary>True where the first <paramref name="views"/> operands lie without gaps, from addresses that are multiples of <paramref name="alignment"/>.</summary>
    static bool IsDense(in Nest nest, int views, int size, int alignment = 16)
    {
        if (nest.Rank != 1) return false;
        for (int k = 0; k < views; k++)
            if ((nest.Step(k) != size && nest.Count > 1) || nest.Start(k) % alignment != 0) return false;
        return true;
    }

    /// <summary>The name of an element type in entries.</summary>
    static string PtxName(DType type) => type switch
    {
        DType.Float32 => "f32",
        DType.Float16 => "f16",
        DType.BFloat16 => "bf16",
        DType.UInt8 => "u8",
        DType.Int32 => "s32",
        DType.Int64 => "s64",
        _ => "bool",
    };

    static void ExpectFloat(string op, params ReadOnlySpan<View> views)
    {
        foreach (var view in views)
            if (view.DType != DType.Float32) throw new DTypeException($"{op}: element type: got {view.DType}, expected Float32. Hint: cast with To(DType.Float32).");
    }
}
