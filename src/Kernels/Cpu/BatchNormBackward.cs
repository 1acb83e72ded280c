using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// Two passes where the statistics are the batch's own: the sums over the batch, then gx from them. One where they are given.
// Where there is no residual, the ReLU's mask is computed again from x, in the forward pass's own arithmetic: y is not read.
internal sealed unsafe partial class CpuBackend
{
    public override void BatchNormBackward(View gy, View x, View? y, ChannelNorm norm, bool relu, bool given, View? gx, View? gresidual, View? gw, View? gb)
    {
        var rows = new ChannelRows(x);
        if (!ChannelRows.Fit(gy, x, y, gx, gresidual))
        {
            base.BatchNormBackward(gy, x, y, norm, relu, given, gx, gresidual, gw, gb);
            return;
        }
        if (rows.C == 0) return;
        bool sums = gw is not null || gb is not null || (gx is not null && !given);
        float* memory = Scratch.Floats(Scratch.Purpose.Partial, (5L * rows.C) + (sums ? 2L * rows.Chunks * rows.C : 0)), parts = memory + (5L * rows.C);
        var line = new ChannelLine(norm, memory);
        float* offset = memory + (3 * rows.C), slope = offset + rows.C;
        var pass = new PassedGradient(gy.Float(), x.Float(), y is { } output ? output.Float() : null, relu, line);
        if (sums || gx is not null || gresidual is not null)
            CpuThreads.For(rows.Chunks, new Sums(rows, pass, given && gx is { } direct ? direct.Float() : null, gresidual is { } r ? r.Float() : null, sums ? parts : null));
        if (!sums) return;
        CpuThreads.For(rows.Blocks, new Totals(rows, parts, offset, slope)); // Σ g, Σ g·(x - mean)
        for (int c = 0; c < rows.C; c++)
        {
            double inverse = 1 / Math.Sqrt((double)Channel(norm.Var, c, 1) + norm.Eps);
            if (gb is { } db) SetChannel(db, c, offset[c]);
            if (gw is { } dw) SetChannel(dw, c, (float)(slope[c] * inverse));
            offset[c] /= Math.Max(1, rows.Rows);
            slope[c] = (float)(slope[c] * inverse * inverse / Math.Max(1, rows.Rows));
        }
        if (given || gx is not { } dx) return;
        if (gresidual is { } masked) pass = new PassedGradient(masked.Float(), x.Float(), null, false, line);
        CpuThreads.For(rows.Chunks, new InputGradient(rows, pass, dx.Float(), offset, slope));
    }

    /// <summary>The gradient behind the ReLU: 0 where y, or without it (x - mean) · scale + shift, is at most 0, else gy.</summary>
    readonly struct PassedGradient(float* gy, float* x, float* y, bool relu, ChannelLine line)
    {
        public readonly float* Gy = gy, X = x, Y = y;
        public readonly bool Relu = relu;
        public readonly ChannelLine Line = line;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V At<V>(nint i, V centred, V scale, V shift) where V : unmanaged, IVec<V>
        {
            V g = Lanes.Load<V>(Gy + i);
            if (!Relu) return g;
            V output = Y != null ? Lanes.Load<V>(Y + i) : V.Fma(centred, scale, shift);
            return Lanes.Map<Ops.ReluGrad, V>(g, output);
        }
    }

    /// <summary>Σ g and Σ g·(x - mean) of one chunk, and in the same pass the masked gradient and, with given statistics, gx = scale·g.</summary>
    readonly struct Sums(ChannelRows rows, PassedGradient pass, float* gx, float* masked, float* parts) : ICpuTask
    {
        readonly float* gx = gx, masked = masked, parts = parts;

        public void Run(int task)
        {
            float* sum = parts == null ? null : parts + (2L * task * rows.C);
            if (sum != null) new Span<float>(sum, 2 * rows.C).Clear();
            rows.Run(task, new Lane { Pass = pass, Gx = gx, Masked = masked, Sum = sum });
        }

        struct Lane : IStrip
        {
            public PassedGradient Pass;
            public float* Gx, Masked, Sum;
            Strip strip;

            public void Begin(nint at, int n, nint channels) => strip.Begin(at, n, channels);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V mean = Lanes.Load<V>(Pass.Line.Mean + c), scale = Lanes.Load<V>(Pass.Line.Scale + c), shift = Lanes.Load<V>(Pass.Line.Shift + c), sum = V.Create(0), dot = sum;
                nint i = strip.At + c;
                for (int row = 0; row < strip.Rows; row++, i += strip.C)
                {
                    V centred = Lanes.Load<V>(Pass.X + i) - mean, g = Pass.At(i, centred, scale, shift);
                    sum += g;
                    dot = V.Fma(g, centred, dot);
                    if (Masked != null) Lanes.Store(Masked + i, g);
                    if (Gx != null) Lanes.Store(Gx + i, g * scale);
                }
                if (Sum == null) return;
                Lanes.Store(Sum + c, Lanes.Load<V>(Sum + c) + sum);
                Lanes.Store(Sum + strip.C + c, Lanes.Load<V>(Sum + strip.C + c) + dot);
            }
        }
    }

    /// <summary>The chunks' two sums added up for a block of channels.</summary>
    readonly struct Totals(ChannelRows rows, float* parts, float* first, float* second) : ICpuTask
    {
        readonly float* parts = parts, first = first, second = second;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int task)
        {
            var (c0, n) = rows.Block(task);
            double* a = stackalloc double[n], b = stackalloc double[n];
            for (int c = 0; c < n; c++) a[c] = b[c] = 0;
            for (int i = 0; i < rows.Chunks; i++)
            {
                float* part = parts + (2L * i * rows.C) + c0;
                for (int c = 0; c < n; c++)
                {
                    a[c] += part[c];
                    b[c] += part[rows.C + c];
                }
            }
            for (int c = 0; c < n; c++) (first[c0 + c], second[c0 + c]) = ((float)a[c], (float)b[c]);
        }
    }

    /// <summary>gx ← scale · (g - offset - (x - mean) · slope) of one chunk.</summary>
    readonly struct InputGradient(ChannelRows rows, PassedGradient pass, float* gx, float* offset, float* slope) : ICpuTask
    {
        readonly float* gx = gx, offset = offset, slope = slope;

        public void Run(int task) => rows.Run(task, new Lane { Pass = pass, Gx = gx, Offset = offset, Slope = slope });

        struct Lane : IStrip
        {
            public PassedGradient Pass;
            public float* Gx, Offset, Slope;
            Strip strip;

            public void Begin(nint at, int n, nint channels) => strip.Begin(at, n, channels);

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V mean = Lanes.Load<V>(Pass.Line.Mean + c), scale = Lanes.Load<V>(Pass.Line.Scale + c), shift = Lanes.Load<V>(Pass.Line.Shift + c);
                V offset = Lanes.Load<V>(Offset + c), slope = Lanes.Load<V>(Slope + c);
                nint i = strip.At + c;
                for (int row = 0; row < strip.Rows; row++, i += strip.C)
                {
                    V centred = Lanes.Load<V>(Pass.X + i) - mean, g = Pass.At(i, centred, scale, shift);
                    Lanes.Store(Gx + i, V.Fma(-centred, slope, g - offset) * scale);
                }
            }
        }
    }
}
