using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// x [N, C, H, W] lies as rows of C channels. The rows are cut into chunks that stay in the cache.
internal sealed unsafe partial class CpuBackend
{
    public override void BatchNormTrain(View x, View? w, View? b, View y, View mean, View invStd, float eps)
    {
        if (!x.IsDense || x.Shape.Rank != 4 || !y.IsDense)
        {
            base.BatchNormTrain(x, w, b, y, mean, invStd, eps);
            return;
        }
        var rows = new ChannelRows(x);
        if (rows.C == 0) return;
        float* m = Scratch.Floats(Scratch.Purpose.Partial, 4L * rows.C), s = m + rows.C, scale = s + rows.C, shift = scale + rows.C;
        ChannelMoments.Of(x.Float(), rows.Rows, rows.C, m, s, 1);
        for (int c = 0; c < rows.C; c++)
        {
            s[c] = (float)(1 / Math.Sqrt((double)s[c] + eps));
            scale[c] = s[c] * Channel(w, c, 1);
            shift[c] = Channel(b, c, 0);
            SetChannel(mean, c, m[c]);
            SetChannel(invStd, c, s[c]);
        }
        CpuThreads.For(rows.Chunks, new Normalize(rows, x.Float(), y.Float(), m, scale, shift));
    }

    public override void BatchNormInfer(View x, View? w, View? b, View mean, View var, View y, float eps)
    {
        if (!x.IsDense || x.Shape.Rank != 4 || !y.IsDense)
        {
            base.BatchNormInfer(x, w, b, mean, var, y, eps);
            return;
        }
        var rows = new ChannelRows(x);
        if (rows.C == 0) return;
        float* m = Scratch.Floats(Scratch.Purpose.Partial, 3L * rows.C), scale = m + rows.C, shift = scale + rows.C;
        for (int c = 0; c < rows.C; c++)
        {
            m[c] = Channel(mean, c, 0);
            scale[c] = (float)(Channel(w, c, 1) / Math.Sqrt((double)Channel(var, c, 1) + eps));
            shift[c] = Channel(b, c, 0);
        }
        CpuThreads.For(rows.Chunks, new Normalize(rows, x.Float(), y.Float(), m, scale, shift));
    }

    public override void BatchNormBackward(View gy, View x, View? w, View mean, View invStd, View? gx, View? gw, View? gb)
    {
        if (!x.IsDense || x.Shape.Rank != 4 || !gy.IsDense || gx is { IsDense: false })
        {
            base.BatchNormBackward(gy, x, w, mean, invStd, gx, gw, gb);
            return;
        }
        var rows = new ChannelRows(x);
        if (rows.C == 0) return;
        float* parts = Scratch.Floats(Scratch.Purpose.Partial, (2L * rows.Chunks * rows.C) + (4L * rows.C));
        float* m = parts + (2L * rows.Chunks * rows.C), scale = m + rows.C, offset = scale + rows.C, slope = offset + rows.C;
        for (int c = 0; c < rows.C; c++) m[c] = Channel(mean, c, 0);
        CpuThreads.For(rows.Chunks, new Products(rows, gy.Float(), x.Float(), m, parts));
        CpuThreads.For(rows.Blocks, new Totals(rows, parts, offset, slope)); // Σ gy, Σ gy·(x - mean)
        for (int c = 0; c < rows.C; c++)
        {
            float s = Channel(invStd, c, 1);
            if (gb is { } db) SetChannel(db, c, offset[c]);
            if (gw is { } dw) SetChannel(dw, c, slope[c] * s);
            scale[c] = Channel(w, c, 1) * s;
            offset[c] /= Math.Max(1, rows.Rows);
            slope[c] *= s * s / Math.Max(1, rows.Rows);
        }
        if (gx is { } dx) CpuThreads.For(rows.Chunks, new InputGradient(rows, gy.Float(), x.Float(), dx.Float(), m, scale, offset, slope));
    }

    static float Channel(View? view, int c, float missing) => view is { } v ? v.Float()[c * v.Layout.Strides[0]] : missing;

    static void SetChannel(View view, int c, float value) => view.Float()[c * view.Layout.Strides[0]] = value;

    /// <summary>How the rows of a channels-last tensor are cut into chunks of about 64 KB.</summary>
    readonly struct ChannelRows
    {
        public const int BlockChannels = 64;
        public readonly int C, Rows, Chunks;
        readonly int chunk;

        public ChannelRows(View x)
        {
            C = x.Shape[1];
            Rows = checked((int)(x.Count / Math.Max(1, C)));
            chunk = Math.Clamp(16384 / Math.Max(1, C), 8, 256);
            Chunks = (Rows + chunk - 1) / chunk;
        }

        public int Count(int i) => Math.Min(chunk, Rows - (i * chunk));

        /// <summary>Blocks of channels whose statistics one task combines.</summary>
        public int Blocks => (C + BlockChannels - 1) / BlockChannels;

        public nint Start(int i) => (nint)i * chunk * C;
    }

    /// <summary>The chunks' two sums added up for a block of channels.</summary>
    readonly struct Totals(ChannelRows rows, float* parts, float* first, float* second) : ICpuTask
    {
        readonly float* parts = parts, first = first, second = second;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int task)
        {
            int c0 = task * ChannelRows.BlockChannels, n = Math.Min(ChannelRows.BlockChannels, rows.C - c0);
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

    /// <summary>y ← (x - mean) · scale + shift.</summary>
    readonly struct Normalize(ChannelRows rows, float* x, float* y, float* mean, float* scale, float* shift) : ICpuTask
    {
        readonly float* x = x, y = y, mean = mean, scale = scale, shift = shift;

        public void Run(int task)
        {
            var lane = new Lane { Mean = mean, Scale = scale, Shift = shift, X = x + rows.Start(task), Y = y + rows.Start(task) };
            for (int i = 0; i < rows.Count(task); i++, lane.X += rows.C, lane.Y += rows.C) Lanes.Run(0, rows.C, ref lane);
        }

        struct Lane : ILane
        {
            public float* X, Y, Mean, Scale, Shift;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
                => Lanes.Store(Y + c, V.Fma(Lanes.Load<V>(X + c) - Lanes.Load<V>(Mean + c), Lanes.Load<V>(Scale + c), Lanes.Load<V>(Shift + c)));
        }
    }

    /// <summary>Σ gy and Σ gy·(x - mean) of one chunk, in four partial sums: shorter chains round less and do not wait for one another.</summary>
    readonly struct Products(ChannelRows rows, float* gy, float* x, float* mean, float* parts) : ICpuTask
    {
        readonly float* gy = gy, x = x, mean = mean, parts = parts;

        public void Run(int task)
        {
            var lane = new Lane { N = rows.Count(task), C = rows.C, G = gy + rows.Start(task), X = x + rows.Start(task), Mean = mean, Sum = parts + (2L * task * rows.C) };
            Lanes.Run(0, rows.C, ref lane);
        }

        struct Lane : ILane
        {
            public int N, C;
            public float* G, X, Mean, Sum;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V mean = Lanes.Load<V>(Mean + c), zero = V.Create(0);
                V sum0 = zero, sum1 = zero, sum2 = zero, sum3 = zero, dot0 = zero, dot1 = zero, dot2 = zero, dot3 = zero;
                float* g = G + c, x = X + c;
                int i = 0;
                for (; i <= N - 4; i += 4, g += 4 * (nint)C, x += 4 * (nint)C)
                {
                    Add(g, x, mean, ref sum0, ref dot0);
                    Add(g + C, x + C, mean, ref sum1, ref dot1);
                    Add(g + (2 * (nint)C), x + (2 * (nint)C), mean, ref sum2, ref dot2);
                    Add(g + (3 * (nint)C), x + (3 * (nint)C), mean, ref sum3, ref dot3);
                }
                for (; i < N; i++, g += C, x += C) Add(g, x, mean, ref sum0, ref dot0);
                Lanes.Store(Sum + c, (sum0 + sum1) + (sum2 + sum3));
                Lanes.Store(Sum + C + c, (dot0 + dot1) + (dot2 + dot3));
            }

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Add<V>(float* g, float* x, V mean, ref V sum, ref V dot) where V : unmanaged, IVec<V>
            {
                V v = Lanes.Load<V>(g);
                sum += v;
                dot = V.Fma(v, Lanes.Load<V>(x) - mean, dot);
            }
        }
    }

    /// <summary>gx ← scale · (gy - offset - (x - mean) · slope).</summary>
    readonly struct InputGradient(ChannelRows rows, float* gy, float* x, float* gx, float* mean, float* scale, float* offset, float* slope) : ICpuTask
    {
        readonly float* gy = gy, x = x, gx = gx, mean = mean, scale = scale, offset = offset, slope = slope;

        public void Run(int task)
        {
            nint at = rows.Start(task);
            var lane = new Lane { G = gy + at, X = x + at, Y = gx + at, Mean = mean, Scale = scale, Offset = offset, Slope = slope };
            for (int i = 0; i < rows.Count(task); i++, lane.G += rows.C, lane.X += rows.C, lane.Y += rows.C) Lanes.Run(0, rows.C, ref lane);
        }

        struct Lane : ILane
        {
            public float* G, X, Y, Mean, Scale, Offset, Slope;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V centred = Lanes.Load<V>(X + c) - Lanes.Load<V>(Mean + c);
                V rest = V.Fma(-centred, Lanes.Load<V>(Slope + c), Lanes.Load<V>(G + c) - Lanes.Load<V>(Offset + c));
                Lanes.Store(Y + c, rest * Lanes.Load<V>(Scale + c));
            }
        }
    }
}
