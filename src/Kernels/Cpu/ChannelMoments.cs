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
        var lane = new Lane { N = rows, C = C, Stride = stride, X = x, Mean = means + (2L * part * C) + c0 };
        Lanes.Run(0, columns, ref lane);
    }

    /// <summary>All parts into one.</summary>
    public void Combine(float* mean, float* variance, nint step)
        => CpuThreads.For((C + BlockChannels - 1) / BlockChannels, new Combination(this, mean, variance, step));

    struct Lane : ILane
    {
        public int N, C;
        public nint Stride;
        public float* X, Mean;

        // Four partial sums: the additions do not wait for one another, and shorter chains round less.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
        {
            V zero = V.Create(0), inverse = V.Create(1f / N);
            V s0 = zero, s1 = zero, s2 = zero, s3 = zero;
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
            V mean = ((s0 + s1) + (s2 + s3)) * inverse;
            V q0 = zero, q1 = zero, q2 = zero, q3 = zero;
            s0 = s1 = s2 = s3 = zero;
            p = X + c;
            for (i = 0; i <= N - 4; i += 4, p += 4 * d)
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
