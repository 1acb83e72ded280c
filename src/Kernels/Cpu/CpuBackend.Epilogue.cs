using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>The addresses of an <see cref="Epilogue"/> as kernels apply it to a tile, and the statistics they collect.</summary>
internal unsafe struct TileEpilogue
{
    /// <summary>One number a channel, <see cref="BiasStep"/> floats apart; null for none.</summary>
    public float* Bias;

    public nint BiasStep;

    /// <summary>Floats from an element of y to the residual's; 0 for none.</summary>
    public nint Residual;

    public bool Relu;

    public TileEpilogue(in Epilogue e, float* y)
    {
        if (e.Bias is { } bias)
        {
            Bias = bias.Float("Epilogue");
            BiasStep = (nint)bias.Layout.Strides[0];
        }
        if (e.Residual is { } residual) Residual = (nint)(residual.Float("Epilogue") - y);
        Relu = e.Relu;
    }
}

// Kernels that do not apply an epilogue to their tiles are followed by one pass over the result.
internal sealed unsafe partial class CpuBackend
{
    public override void Moments(View x, View moments, int channel)
    {
        if (x.Count == 0 || !x.IsDense || channel != (x.Shape.Rank == 4 ? 1 : x.Shape.Rank - 1))
        {
            base.Moments(x, moments, channel);
            return;
        }
        int C = x.Shape[channel];
        float* mean = moments.Float();
        ChannelMoments.Of(x.Float(), checked((int)(x.Count / C)), C, mean, mean + moments.Layout.Strides[0], (nint)moments.Layout.Strides[1]);
    }

    private protected override void Finish(View y, in Epilogue epilogue, int channel)
    {
        if (epilogue is { Bias: null, Residual: null, Relu: false, Moments: null }) return;
        if (y.Count == 0 || !y.IsDense || channel != (y.Shape.Rank == 4 ? 1 : y.Shape.Rank - 1) || epilogue.Residual is { } r && !r.Layout.SameStrides(y.Layout))
        {
            base.Finish(y, epilogue, channel);
            return;
        }
        int C = y.Shape[channel];
        var pass = new EpiloguePass(y.Float(), checked((int)(y.Count / C)), C, new TileEpilogue(epilogue, y.Float()), epilogue.Moments is not null);
        CpuThreads.For(pass.Parts, pass);
        if (epilogue.Moments is { } m) pass.Moments.Combine(m.Float(), m.Float() + m.Layout.Strides[0], (nint)m.Layout.Strides[1]);
    }

    /// <summary>y ← relu(y + bias + residual), and the statistics of y, a part a task.</summary>
    readonly struct EpiloguePass : ICpuTask
    {
        readonly float* y, bias;
        readonly int rows, C, part;
        readonly TileEpilogue epilogue;
        public readonly ChannelMoments Moments;

        public EpiloguePass(float* y, int rows, int C, TileEpilogue epilogue, bool moments)
        {
            this.y = y;
            (this.rows, this.C, this.epilogue) = (rows, C, epilogue);
            part = Math.Clamp(8192 / C, 8, 256);
            if (moments) Moments = new ChannelMoments(C, Parts);
            if (epilogue.Bias == null) return;
            bias = Scratch.Floats(Scratch.Purpose.Partial, C);
            for (int c = 0; c < C; c++) bias[c] = epilogue.Bias[c * epilogue.BiasStep];
        }

        public int Parts => (rows + part - 1) / part;

        public void Run(int task)
        {
            int n = Math.Min(part, rows - (task * part));
            float* p = y + ((nint)task * part * C);
            if (bias != null || epilogue.Residual != 0 || epilogue.Relu)
                for (int i = 0; i < n; i++)
                {
                    var row = new Row { Y = p + ((nint)i * C), Bias = bias, Residual = epilogue.Residual, Relu = epilogue.Relu };
                    Lanes.Run(0, C, ref row);
                }
            if (Moments.Wanted) Moments.Set(task, p, C, n, 0, C);
        }
    }

    struct Row : ILane
    {
        public float* Y, Bias;
        public nint Residual;
        public bool Relu;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V y = Lanes.Load<V>(Y + c);
            if (Bias != null) y += Lanes.Load<V>(Bias + c);
            if (Residual != 0) y += Lanes.Load<V>(Y + Residual + c);
            if (Relu) y = Lanes.Map<Ops.Relu, V>(y);
            Lanes.Store(Y + c, y);
        }
    }
}
