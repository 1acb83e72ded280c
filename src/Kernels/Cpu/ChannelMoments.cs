using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>
/// Mean and variance of every channel of a tensor whose rows hold C channels. The rows come in parts, each handled while it is in the cache;
/// the parts' statistics are combined in double precision in a fixed order (Chan, Golub, LeVeque 1979), so that a mean far from zero costs no digits.
/// </summary>
internal readonly unsafe struct ChannelMoments
{
    const int BlockChannels = 64, PartFloats = 16384;

    readonly int C, parts;
    readonly float* means; // [parts, 2, C]: mean and sum of squared deviations
    readonly int* counts;  // [parts]: rows

    /// <summary>Room for the statistics of <paramref name="parts"/> parts, in the calling thread's scratch memory.</summary>
    public ChannelMoments(int channels, int parts)
    {
        (C, this.parts) = (channels, parts);
        means = Scratch.Floats(Scratch.Purpose.Moments, parts * ((2L * channels) + 1));
        counts = (int*)(means + (2L * parts * channels));
    }

    /// <summary>False for the default value: nobody asked for statistics.</summary>
    public bool Wanted => means != null;

    /// <summary>Mean and variance of <paramref name="rows"/> adjacent rows; channel c goes to <c>mean[c·step]</c> and <c>variance[c·step]</c>.</summary>
    public static void Of(float* x, int rows, int C, float* mean, float* variance, nint step)
    {
        int part = Math.Clamp(PartFloats / Math.Max(1, C), 8, 256);
        var moments = new ChannelMoments(C, (rows + part - 1) / part);
        CpuThreads.For(moments.parts, new Parts(moments, x, rows, part));
        moments.Combine(mean, variance, step);
    }

    /// <summary>Statistics of one part: <paramref name="rows"/> rows, <paramref name="stride"/> floats apart, of channels <paramref name="c0"/> to c0 + <paramref name="columns"/> - 1, the first of which is at x.</summary>
    public void Set(int part, float* x, nint stride, int rows, int c0, int columns)
    {
        counts[part] = rows;
        float* mean = means + (2L * part * C) + c0;
        int wide = GemmKernel.Lanes == 16 ? columns & ~63 : 0;
        if (wide > 0) SumRows(x, stride, rows, wide, mean);
        var sums = new Sums { N = rows, Stride = stride, X = x, Sum = mean };
        Lanes.Run(wide, columns, ref sums);
        var squares = new Squares { N = rows, C = C, Stride = stride, X = x, Mean = mean };
        Lanes.Run(0, columns, ref squares);
    }

    // The sums of 64 channels at once: x is read as it lies. The same partial sums as below.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void SumRows(float* x, nint stride, int rows, int columns, float* sum)
    {
        for (int c = 0; c < columns; c += 64)
        {
            float* p = x + c;
            Vec16 zero = Vec16.Create(0);
            Vec16 a0 = zero, b0 = zero, c0 = zero, d0 = zero, a1 = zero, b1 = zero, c1 = zero, d1 = zero;
            Vec16 a2 = zero, b2 = zero, c2 = zero, d2 = zero, a3 = zero, b3 = zero, c3 = zero, d3 = zero;
            int i = 0;
            for (; i <= rows - 4; i += 4, p += 4 * stride)
            {
                AddRow(p, ref a0, ref b0, ref c0, ref d0);
                AddRow(p + stride, ref a1, ref b1, ref c1, ref d1);
                AddRow(p + (2 * stride), ref a2, ref b2, ref c2, ref d2);
                AddRow(p + (3 * stride), ref a3, ref b3, ref c3, ref d3);
            }
            for (; i < rows; i++, p += stride) AddRow(p, ref a0, ref b0, ref c0, ref d0);
            Lanes.Store(sum + c, (a0 + a1) + (a2 + a3));
            Lanes.Store(sum + c + 16, (b0 + b1) + (b2 + b3));
            Lanes.Store(sum + c + 32, (c0 + c1) + (c2 + c3));
            Lanes.Store(sum + c + 48, (d0 + d1) + (d2 + d3));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AddRow(float* p, ref Vec16 a, ref Vec16 b, ref Vec16 c, ref Vec16 d)
    {
        a += Lanes.Load<Vec16>(p);
        b += Lanes.Load<Vec16>(p + 16);
        c += Lanes.Load<Vec16>(p + 32);
        d += Lanes.Load<Vec16>(p + 48);
    }

    /// <summary>All parts into one.</summary>
    public void Combine(float* mean, float* variance, nint step)
        => CpuThreads.For((C + BlockChannels - 1) / BlockChannels, new Combination(this, mean, variance, step));

    /// <summary>sum ← Σ x, in four partial sums: the additions do not wait for one another, and shorter chains round less.</summary>
    struct Sums : ILane
    {
        public int N;
        public nint Stride;
        public float* X, Sum;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0;
            nint d = Stride;
            float* p = X + c;
            int i = 0;
            for (; i <= N - 4; i += 4, p += 4 * d)
            {
                s0 += Lanes.Load<V>(p);
                s1 += Lanes.Load<V>(p + d);
                s2 += Lanes.Load<V>(p + (2 * d));
                s3 += Lanes.Load<V>(p + (3 * d));
            }
            for (; i < N; i++, p += d) s0 += Lanes.Load<V>(p);
            Lanes.Store(Sum + c, (s0 + s1) + (s2 + s3));
        }
    }

    /// <summary>Mean and Σ (x - mean)² from Σ x, which lies where the mean goes.</summary>
    struct Squares : ILane
    {
        public int N, C;
        public nint Stride;
        public float* X, Mean;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V inverse = V.Create(1f / N), mean = Lanes.Load<V>(Mean + c) * inverse;
            V s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0, q0 = s0, q1 = s0, q2 = s0, q3 = s0;
            nint d = Stride;
            float* p = X + c;
            int i = 0;
            for (; i <= N - 4; i += 4, p += 4 * d)
            {
                Add(Lanes.Load<V>(p) - mean, ref s0, ref q0);
                Add(Lanes.Load<V>(p + d) - mean, ref s1, ref q1);
                Add(Lanes.Load<V>(p + (2 * d)) - mean, ref s2, ref q2);
                Add(Lanes.Load<V>(p + (3 * d)) - mean, ref s3, ref q3);
            }
            for (; i < N; i++, p += d) Add(Lanes.Load<V>(p) - mean, ref s0, ref q0);
            V rest = ((s0 + s1) + (s2 + s3)) * inverse; // what rounding left of the mean
            Lanes.Store(Mean + c, mean + rest);
            Lanes.Store(Mean + C + c, V.Fma(rest * V.Create(-N), rest, (q0 + q1) + (q2 + q3)));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void Add<V>(V deviation, ref V sum, ref V square) where V : unmanaged, IVec<V>
        {
            sum += deviation;
            square = V.Fma(deviation, deviation, square);
        }
    }

    readonly struct Parts(ChannelMoments moments, float* x, int rows, int part) : ICpuTask
    {
        readonly float* x = x;

        public void Run(int task) => moments.Set(task, x + ((nint)task * part * moments.C), moments.C, Math.Min(part, rows - (task * part)), 0, moments.C);
    }

    // With n = Σ n_p: mean = Σ n_p·mean_p / n and variance = Σ (m2_p + n_p·(mean_p - mean)²) / n.
    readonly struct Combination(ChannelMoments moments, float* mean, float* variance, nint step) : ICpuTask
    {
        readonly float* mean = mean, variance = variance;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Run(int task)
        {
            int C = moments.C, c0 = task * BlockChannels, n = Math.Min(BlockChannels, C - c0);
            double* mu = stackalloc double[n], m2 = stackalloc double[n];
            for (int c = 0; c < n; c++) mu[c] = m2[c] = 0;
            double total = 0;
            for (int p = 0; p < moments.parts; p++) total += moments.counts[p];
            for (int p = 0; p < moments.parts; p++)
            {
                float* part = moments.means + (2L * p * C) + c0;
                double weight = moments.counts[p] / total;
                for (int c = 0; c < n; c++) mu[c] += weight * part[c];
            }
            for (int p = 0; p < moments.parts; p++)
            {
                float* part = moments.means + (2L * p * C) + c0;
                for (int c = 0; c < n; c++) m2[c] += part[C + c] + (moments.counts[p] * (part[c] - mu[c]) * (part[c] - mu[c]));
            }
            for (int c = 0; c < n; c++) (mean[(c0 + c) * step], variance[(c0 + c) * step]) = ((float)mu[c], (float)(m2[c] / total));
        }
    }
}
