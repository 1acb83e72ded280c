using System.Numerics;
using Tessera.Cpu;

namespace Tessera.Cuda;

/// <content>
/// Elementwise operations: a file of <c>src/Kernels/Ptx</c> says where the elements lie, the formula comes from the operation. Dense operands go
/// four elements at a time, all others through the loop nest, which is passed to the kernel as it is.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    // Side of a tile that a copy takes through shared memory, and the least length of its sides that is worth it.
    const int Tile = 32, ShortestSide = 12;

    // Entries for elements of 1, 2, 4 and 8 bytes.
    static readonly string[] copies = ["copy_b8", "copy_b16", "copy_b32", "copy_b64"];
    static readonly string[] fills = ["fill_b8", "fill_b16", "fill_b32", "fill_b64"];
    static readonly string[] wheres = ["where_b8", "where_b16", "where_b32", "where_b64"];

    public override void Unary<TOp>(TOp op, View x, View y)
    {
        ExpectFloat(TOp.Name, x, y);
        Map(op, x, y);
    }

    public override void Binary<TOp>(TOp op, View a, View b, View y)
    {
        ExpectFloat(TOp.Name, a, b, y);
        Map(op, a, b, y);
    }

    public override void Unary16<TOp>(TOp op, View x, View y)
    {
        if (KnowsHalves(x, y)) Map(op, x, y);
        else base.Unary16(op, x, y);
    }

    public override void Binary16<TOp>(TOp op, View a, View b, View y)
    {
        if (KnowsHalves(a, b, y)) Map(op, a, b, y);
        else base.Binary16(op, a, b, y);
    }

    /// <summary>Whether maps and pools of halves work on widened copies: tests hold the two kinds against each other.</summary>
    internal bool WidensHalves { get; set; }

    /// <summary>True where loads and stores of the views' types are known: those of bfloat16 to sm_80 and later.</summary>
    bool KnowsHalves(params ReadOnlySpan<View> views)
    {
        if (WidensHalves) return false;
        foreach (View v in views)
            if (!v.DType.IsFloat() || (v.DType == DType.BFloat16 && Driver.Architecture < 80)) return false;
        return true;
    }

    /// <summary>y ← f(x); of any two types of floats, see <see cref="HalfText"/>.</summary>
    void Map<TOp>(TOp op, View x, View y) where TOp : struct, IUnary
    {
        if (y.Count == 0) return;
        var (c0, c1) = PtxFormula.Parameters(op);
        var nest = NestOf(y, x);
        bool dense = IsDense(nest, [y.DType.Size(), x.DType.Size()]);
        var kernel = PtxFormula.Kernel(Kernels, op, TOp.Name, HalfText.File("unary.ptx", y.DType, x.DType), dense ? "unary_dense" : "unary_strided", static o => [new("f", v => o.Apply(v[0]))]);
        if (dense) Launch(kernel, BlocksFor((y.Count + 3) / 4), BlockSize, [nest.Start(0), nest.Start(1), y.Count, c0, c1]);
        else Launch(kernel, BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), c0, c1]);
    }

    /// <summary>y ← f(a, b); of any three types of floats.</summary>
    void Map<TOp>(TOp op, View a, View b, View y) where TOp : struct, IBinary
    {
        if (y.Count == 0) return;
        var (c0, c1) = PtxFormula.Parameters(op);
        var nest = NestOf(y, a, b);
        ReadOnlySpan<int> sizes = [y.DType.Size(), a.DType.Size(), b.DType.Size()];
        bool dense = IsDense(nest, sizes);
        VectorRows rows = default;
        bool vectors = !dense && !PlainChannels && VectorRows.TryOf(nest, sizes, 4, repeats: true, out rows);
        string file = HalfText.File("binary.ptx", y.DType, a.DType, b.DType);
        var kernel = PtxFormula.Kernel(Kernels, op, TOp.Name, file, dense ? "binary_dense" : vectors ? "binary_rows" : "binary_strided", static o => [new("f", v => o.Apply(v[0], v[1]))]);
        if (dense) Launch(kernel, BlocksFor((y.Count + 3) / 4), BlockSize, [nest.Start(0), nest.Start(1), nest.Start(2), y.Count, c0, c1]);
        else if (vectors) Launch(kernel, BlocksFor(rows.Count), BlockSize, [KernelArgument.Struct(ref rows), c0, c1]);
        else Launch(kernel, BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), c0, c1]);
    }

    public override void Compare<TOp>(TOp op, View a, View b, View y)
    {
        if (y.Count == 0) return;
        var nest = NestOf(y, a, b);
        var kernel = PtxFormula.Kernel(Kernels, op, TOp.Name, "compare.ptx", CompareEntry(a.DType), static o => [new("f", v => o.Apply(v[0], v[1]))]);
        Launch(kernel, BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest)]);
    }

    public override void Where(View condition, View a, View b, View y)
    {
        if (y.Count == 0) return;
        var nest = NestOf(y, condition, a, b);
        Launch("where.ptx", wheres[BitOperations.Log2((uint)y.DType.Size())], BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest)]);
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
        int size = y.DType.Size();
        if (!PlainChannels && VectorRows.TryOf(nest, 1, size, repeats: false, out var rows))
        {
            ulong repeated = size switch { 1 => bits * 0x0101010101010101, 2 => bits * 0x0001000100010001, 4 => bits << 32 | bits, _ => bits };
            Launch("fill.ptx", "fill_rows", BlocksFor(rows.Count), BlockSize, [KernelArgument.Struct(ref rows), repeated]);
            return;
        }
        Launch("fill.ptx", fills[BitOperations.Log2((uint)size)], BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), bits]);
    }

    public override void Copy(View x, View y)
    {
        if (y.Count == 0) return;
        var nest = NestOf(y, x);
        int size = y.DType.Size();
        if (x.DType == y.DType && IsDense(nest, [size, size], together: 1))
        {
            Check(Driver.MemcpyDtoDAsync(nest.Start(0), nest.Start(1), y.Count * size, stream), "cuMemcpyDtoDAsync");
            return;
        }
        if (TryCastHalves(nest, x.DType, y.DType)) return;
        if (x.DType != y.DType) Launch("cast.ptx", "cast", BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest), (int)x.DType, (int)y.DType]);
        else if (PlainChannels || !TryCopyRows(ref nest, size)) Launch("copy.ptx", copies[BitOperations.Log2((uint)size)], BlocksFor(y.Count), BlockSize, [KernelArgument.Struct(ref nest)]);
    }

    /// <summary>A copy by 16 bytes where both sides have dense rows, or by tiles where they are dense along different dimensions.</summary>
    bool TryCopyRows(ref Nest nest, int size)
    {
        if (VectorRows.TryOf(nest, 2, size, repeats: false, out var rows))
        {
            Launch("copy_rows.ptx", "copy_rows", BlocksFor(rows.Count), BlockSize, [KernelArgument.Struct(ref rows)]);
            return true;
        }
        int across = Across(nest, size);
        if (across == 0) return false;
        long tiles = (nest.Inner + Tile - 1) / Tile * ((nest.Size(across) + Tile - 1) / Tile) * (nest.Count / (nest.Inner * nest.Size(across)));
        const string file = "copy_rows.ptx", entry = "copy_across_b32";
        var kernel = size == 4 ? Kernels.Get(file, entry) : Kernels.Get("2 bytes:" + file, entry, file, static f => HalfText.Across(PtxLibrary.Text(f)));
        Launch(kernel, (int)tiles, new Dim3(Tile, 8), [KernelArgument.Struct(ref nest), across]);
        return true;
    }

    /// <summary>The dimension along which the second operand is dense, where the first is along dimension 0, and both are long enough for tiles; 0 where there is none.</summary>
    static int Across(in Nest nest, int size)
    {
        if (size is not (2 or 4) || nest.Step(0) != size || nest.Inner < ShortestSide) return 0;
        for (int d = 1; d < nest.Rank; d++)
            if (nest.Step(1, d) == size && nest.Size(d) >= ShortestSide) return d;
        return 0;
    }

    /// <summary>y [rows, padded] ← x [rows, channels] with zeros behind each row; both dense, padded the next multiple of four.</summary>
    public void CopyPadded(View x, View y, int channels)
    {
        int inner = Quads.RoundUp(channels) / 4;
        ExpectCountable(y);
        FastDivision byInner = new(inner);
        Launch("copy_rows.ptx", "copy_padded", BlocksFor(y.Count / 4), BlockSize, [y, x, (int)(y.Count / 4), channels, inner, byInner.Factor, byInner.Shift]);
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

    /// <summary>True where operands with elements of these sizes lie without gaps, from addresses at which so many elements <paramref name="together"/> can be accessed.</summary>
    static bool IsDense(in Nest nest, ReadOnlySpan<int> sizes, int together = 4)
    {
        if (nest.Rank != 1) return false;
        for (int k = 0; k < sizes.Length; k++)
            if ((nest.Step(k) != sizes[k] && nest.Count > 1) || nest.Start(k) % (together * sizes[k]) != 0) return false;
        return true;
    }

    /// <summary>The entry that compares elements of a type.</summary>
    static string CompareEntry(DType type) => type switch
    {
        DType.Float32 => "compare_f32",
        DType.Float16 => "compare_f16",
        DType.BFloat16 => "compare_bf16",
        DType.UInt8 => "compare_u8",
        DType.Int32 => "compare_s32",
        DType.Int64 => "compare_s64",
        _ => "compare_bool",
    };

    static void ExpectFloat(string op, params ReadOnlySpan<View> views)
    {
        foreach (var view in views)
            if (view.DType != DType.Float32) throw new DTypeException($"{op}: element type: got {view.DType}, expected Float32. Hint: cast with To(DType.Float32).");
    }
}
