using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <content>
/// Mixed precision. Numbers of 16 bits are exact in TF32 (8 bits of exponent, 11 of mantissa), so a convolution of widened halves takes the kernels that
/// multiply by one TF32 product, whatever <see cref="Precision.AllowTf32"/> says.
/// </content>
internal sealed unsafe partial class CudaBackend
{
    /// <summary>On this thread the operands of convolutions came from 16 bits.</summary>
    [ThreadStatic]
    static bool operandsAreHalves;

    public override void Conv2d16(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        Expect16("Conv2d16", x, w);
        if (y.DType == DType.Float32 && IsProduct(window) && x.Count > 0 && y.Count > 0 && epilogue is { Residual: null or { DType: DType.Float32, IsDense: true } } && ReadsHalves(Pixels(x), Flat(w).Permute(1, 0)))
        {
            ConvolutionPlan.Show(x.Shape, w.Shape, window);
            View? residual = epilogue.Residual is { } r ? Pixels(r) : null;
            Gemm(Pixels(x), Flat(w).Permute(1, 0), Pixels(y), 1, epilogue, residual, 1);
            if (epilogue.Moments is { } moments) Moments(y, moments, 1);
            return;
        }
        using (new HalfOperands()) base.Conv2d16(x, w, y, window, epilogue);
    }

    public override void Conv2d16BackwardData(View gy, View w, View gx, Window2d window)
    {
        using (new HalfOperands()) base.Conv2d16BackwardData(gy, w, gx, window);
    }

    public override void Conv2d16BackwardWeight(View gy, View x, View gw, Window2d window)
    {
        using (new HalfOperands()) base.Conv2d16BackwardWeight(gy, x, gw, window);
    }

    // All gradients in launches of up to 64, one flag for all.
    public override bool Unscale(ReadOnlySpan<View> gradients, float factor)
    {
        if (gradients.IsEmpty) return true;
        using Temporary flag = new(gradients[0].Storage.Device, Layout.RowMajor([1]), DType.Int32);
        Fill(flag.View, 0);
        bool finite = true;
        StepList list = default;
        foreach (var g in gradients)
        {
            ExpectFloat("Unscale", g);
            if (!g.IsDense) finite &= base.Unscale([g], factor);
            else for (long done = 0; (done = list.Add(new StepTensors(g, g), done)) < g.Count; list = default) Launch(ref list);
        }
        Launch(ref list);
        int bad = 0;
        Download(flag.View.Storage, MemoryMarshal.AsBytes(new Span<int>(ref bad)));
        return finite && bad == 0;

        void Launch(ref StepList list)
        {
            if (list.Chunks > 0) this.Launch("unscale.ptx", "unscale", list.Chunks, BlockSize, [KernelArgument.Struct(ref list), factor, flag.View]);
        }
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
