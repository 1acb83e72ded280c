using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// Everything behind the statistics is one pass: read x and the residual, write y.
internal sealed unsafe partial class CpuBackend
{
    public override void BatchNorm(View x, ChannelNorm norm, View? residual, bool relu, View y)
    {
        var rows = new ChannelRows(x);
        if (!ChannelRows.Fit(x, residual, y))
        {
            base.BatchNorm(x, norm, residual, relu, y);
            return;
        }
        if (rows.C == 0) return;
        var line = new ChannelLine(norm, Scratch.Floats(Scratch.Purpose.Partial, 3L * rows.C));
        float* from = x.Float(), to = y.Float(), more = residual is { } r ? r.Float() : null;
        // Whole vectors of channels only, and another memory: what is read is soon needed no more.
        bool around = Around.Pays(y.Count * sizeof(float)) && rows.C % 16 == 0 && Around.ToLine(to) == 0 && from != to && more != to;
        if (around) CpuThreads.For(rows.Chunks, new Normalized<Around.Past>(rows, from, more, relu, to, line));
        else CpuThreads.For(rows.Chunks, new Normalized<Around.Plainly>(rows, from, more, relu, to, line));
    }

    static float Channel(View? view, int c, float missing) => view is { } v ? v.Float()[c * v.Layout.Strides[0]] : missing;

    static void SetChannel(View view, int c, float value) => view.Float()[c * view.Layout.Strides[0]] = value;

    /// <summary>A batch norm as y = (x - mean) · scale + shift, three numbers a channel.</summary>
    readonly struct ChannelLine
    {
        public readonly float* Mean, Scale, Shift;

        /// <param name="norm">The batch norm.</param>
        /// <param name="memory">Room for 3·C numbers.</param>
        public ChannelLine(ChannelNorm norm, float* memory)
        {
            int C = norm.Mean.Shape[0];
            Mean = memory;
            Scale = memory + C;
            Shift = memory + (2 * C);
            for (int c = 0; c < C; c++)
            {
                Mean[c] = Channel(norm.Mean, c, 0);
                Scale[c] = (float)(Channel(norm.W, c, 1) / Math.Sqrt((double)Channel(norm.Var, c, 1) + norm.Eps));
                Shift[c] = Channel(norm.B, c, 0);
            }
        }
    }

    /// <summary>y ← (x - mean) · scale + shift + residual, or its positive part, of one chunk.</summary>
    readonly struct Normalized<S>(ChannelRows rows, float* x, float* residual, bool relu, float* y, ChannelLine line) : ICpuTask where S : struct, Around.IStore
    {
        readonly float* x = x, residual = residual, y = y;

        public void Run(int task)
        {
            rows.RunRows(task, new Lane { X = x, R = residual, Y = y, Relu = relu, Line = line });
            if (S.Passes) Around.End();
        }

        struct Lane : IRowLane
        {
            public float* X, R, Y;
            public bool Relu;
            public ChannelLine Line;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint i, nint c) where V : unmanaged, IVec<V>
            {
                V v = V.Fma(Lanes.Load<V>(X + i) - Lanes.Load<V>(Line.Mean + c), Lanes.Load<V>(Line.Scale + c), Lanes.Load<V>(Line.Shift + c));
                if (R != null) v += Lanes.Load<V>(R + i);
                if (Relu) v = Lanes.Map<Ops.Relu, V>(v);
                Around.Put<V, S>(Y + i, v);
            }
        }
    }
}
