using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <content>
/// Mixed precision. Convolutions whose channels come by eights, and their gradients, read halves and multiply them as they are. For the others halves are
/// widened: they are exact in TF32 (8 bits of exponent, 11 of mantissa), so these take the kernels with one TF32 product, whatever <see cref="Precision.AllowTf32"/> says.
/// Maps and pools load and store halves (<see cref="HalfText"/>).
/// </content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>On this thread the operands of convolutions came from 16 bits.</summary>
    [ThreadStatic]
    static bool operandsAreHalves;

    public override void Conv2d16(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        Expect16("Conv2d16", x, w);
        bool product = IsProduct(window) && ReadsHalves(Pixels(x), Flat(w).Permute(1, 0));
        if (x.Count == 0 || y.Count == 0 || !(product || MultipliesHalves(x, w, window)) || epilogue is { Residual.IsDense: false } or { Bias.IsDense: false })
        {
            using (new HalfOperands()) base.Conv2d16(x, w, y, window, epilogue);
            return;
        }
        ConvolutionPlan.Show(x.Shape, w.Shape, window);
        if (epilogue.Moments is null && (epilogue.Residual?.DType ?? y.DType) == y.DType)
        {
            MultiplyHalves(x, w, y, window, product, epilogue);
            return;
        }
        using var added = WidenedOrNone(epilogue.Residual, out var residual);
        using var rounded = ToRound(y, out var result);
        MultiplyHalves(x, w, result, window, product, epilogue with { Residual = residual, Moments = null });
        if (epilogue.Moments is { } moments) MomentsAndRound(result, moments, y);
        else Round(result, y);
    }

    /// <summary>The convolution by kernels that read halves; y and the residual of one type.</summary>
    void MultiplyHalves(View x, View w, View y, Window2d window, bool product, in Epilogue epilogue)
    {
        if (product) Gemm(Pixels(x), Flat(w).Permute(1, 0), Pixels(y), 1, epilogue, epilogue.Residual is { } r ? Pixels(r) : null, 1);
        else Correlate(ImplicitGemm.Of(InPairs(x), InPairs(w), y, window, epilogue), window.Groups, y.Storage.Device, x.DType, y.DType);
    }

    public override void Conv2d16BackwardData(View gy, View w, View gx, Window2d window)
    {
        Expect16("Conv2d16BackwardData", gy, w);
        bool product = IsProduct(window);
        if (gx.Count == 0 || gy.Count == 0 || !(product || MultipliesHalves(gy, w, window)))
        {
            using (new HalfOperands()) base.Conv2d16BackwardData(gy, w, gx, window);
            return;
        }
        if (product) Gemm16(Pixels(gy), Flat(w), Pixels(gx), default(Epilogue));
        else BackwardPhases(gy, w, gx, window);
    }

    public override void Conv2d16BackwardWeight(View gy, View x, View gw, Window2d window)
    {
        Expect16("Conv2d16BackwardWeight", gy, x);
        bool product = IsProduct(window);
        if (gw.Count == 0 || gy.Count == 0 || !(product || (MultipliesHalves(x, gy, window) && gy.Shape[1] / window.Groups % 8 == 0)))
        {
            using (new HalfOperands()) base.Conv2d16BackwardWeight(gy, x, gw, window);
            return;
        }
        if (product)
        {
            Gemm16(Pixels(gy).Permute(1, 0), Pixels(x), Flat(gw), default(Epilogue));
            return;
        }
        using var rounded = ToRound(gw, out var result);
        WeightOfHalves(gy, x, result, window);
        Round(result, gw);
    }

    void WeightOfHalves(View gy, View x, View gw, Window2d window)
    {
        if (gw.Address % 16 == 0)
        {
            CorrelateWeight(ImplicitGemm.Of(x, gw, gy, window), window.Groups, gw, x.DType);
            return;
        }
        using var aligned = new Temporary(gw);
        CorrelateWeight(ImplicitGemm.Of(x, aligned.View, gy, window), window.Groups, aligned.View, x.DType);
        Copy(aligned.View, gw);
    }

    /// <summary>True where tensor cores can read x, its channels by eights in every group, and the other factor as they lie.</summary>
    bool MultipliesHalves(View x, View other, Window2d window)
        => Driver.Architecture >= 80 && !Determinism.Exact && (OnlyConv2d is null or Conv2dVersion.Tf32) && x.Shape[1] / window.Groups % 8 == 0 && x.Address % 16 == 0 && other.Address % 16 == 0;

    /// <summary>Halves [N, C, H, W], two neighbouring channels as one number of 32 bits: [N, C/2, H, W]. Float32 as it is.</summary>
    static View InPairs(View x)
    {
        if (x.DType == DType.Float32) return x;
        Shape s = x.Shape;
        return new View(x.Storage, DType.Float32, new Layout([s[0], s[1] / 2, s[2], s[3]], Layout.ChannelsLast([s[0], s[1] / 2, s[2], s[3]]).Strides, x.Layout.Offset / 2));
    }

    /// <summary>
    /// The kernel of a convolution whose factors are halves: the text with one TF32 product, with products of halves in its place. A fragment of 8 TF32 numbers
    /// lies in a warp as one of 16 halves does, a pair in each register; so where the kernel counts numbers of 32 bits it moves pairs, twice as many factors go into a product, and nothing is rounded. The result is float32,
    /// or of 16 bits.
    /// </summary>
    Kernel KernelOfHalves(string file, string entry, DType factors, DType result)
    {
        string type = factors == DType.Float16 ? "f16" : "bf16";
        return Kernels.Get($"{result}({type}):{file}", entry, (file, type, result), static k =>
        {
            string text = PtxLibrary.Text(k.file)
                .Replace("cvt.rna.tf32.f32 ", "mov.b32 ", StringComparison.Ordinal)
                .Replace("m16n8k8.row.col.f32.tf32.tf32.f32", $"m16n8k16.row.col.f32.{k.type}.{k.type}.f32", StringComparison.Ordinal);
            return k.result == DType.Float32 ? text : HalfText.Convolution(text, k.result);
        });
    }

    public override void BatchNorm16(View x, ChannelNorm norm, View? residual, bool relu, View y)
    {
        Expect16("BatchNorm16", x, residual ?? y);
        if (!AreHalfRows(out var rows, x, residual, y)) base.BatchNorm16(x, norm, residual, relu, y);
        else BatchNorm(x, norm, residual, relu, y, rows);
    }

    public override void BatchNorm16Backward(View gy, View x, View? y, ChannelNorm norm, bool relu, bool given, View? gx, View? gresidual, View? gw, View? gb)
    {
        Expect16("BatchNorm16Backward", gy, x);
        if (!AreHalfRows(out var rows, x, gy, y, gx, gresidual)) base.BatchNorm16Backward(gy, x, y, norm, relu, given, gx, gresidual, gw, gb);
        else BatchNormBackward(gy, x, y, norm, relu, given, gx, gresidual, gw, gb, rows);
    }

    /// <summary>True where all views are rows of channels of the first one's type, which kernels read four at a time: see <see cref="HalfRows"/>.</summary>
    bool AreHalfRows(out ChannelGrid rows, params ReadOnlySpan<View?> views)
    {
        rows = default;
        View x = views[0]!.Value;
        foreach (var view in views)
            if (view is { } v && v.DType != x.DType) return false;
        if (x.Count == 0 || Driver.Architecture < 80 || !IsRows(1, views)) return false;
        rows = RowsOf(x.Shape[1], views);
        return rows.Width == 4;
    }

    // All gradients in launches of up to 64, one flag for all.
    public override bool Unscale(ReadOnlySpan<View> gradients, float factor)
    {
        if (gradients.IsEmpty) return true;
        using Temporary flag = new(gradients[0].Storage.Device, Layout.RowMajor([1]), DType.Int32);
        Fill(flag.View, 0);
        bool finite = true;
        ScaleAll("Unscale", gradients, factor, flag.View, g => finite &= base.Unscale([g], factor));
        int bad = 0;
        Download(flag.View.Storage, MemoryMarshal.AsBytes(new Span<int>(ref bad)));
        return finite && bad == 0;
    }

    /// <summary>Casts between float32 and 16 bits without gaps, four elements a thread.</summary>
    bool TryCastHalves(in Cpu.Nest nest, DType from, DType to)
    {
        string? entry = (from, to) switch
        {
            (DType.Float16, DType.Float32) => "widen_f16",
            (DType.BFloat16, DType.Float32) => "widen_bf16",
            (DType.Float32, DType.Float16) => "round_f16",
            (DType.Float32, DType.BFloat16) => "round_bf16",
            _ => null,
        };
        if (entry is null || nest.Rank != 1 || !Lies(nest, 0, to) || !Lies(nest, 1, from)) return false;
        Launch("halves.ptx", entry, BlocksFor((nest.Count + 3) / 4), BlockSize, [nest.Start(0), nest.Start(1), nest.Count]);
        return true;

        static bool Lies(in Cpu.Nest nest, int view, DType type) => (nest.Step(view) == type.Size() || nest.Count == 1) && nest.Start(view) % (4 * type.Size()) == 0;
    }

    readonly struct HalfOperands : IDisposable
    {
        readonly bool before;

        public HalfOperands() => (before, operandsAreHalves) = (operandsAreHalves, true);

        public void Dispose() => operandsAreHalves = before;
    }
}
