using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera.Cpu;

// Loss and gradient of a sample while its logits are in the first-level cache: m, then e = eᶻ⁻ᵐ once, whose sum gives the loss, then e·(Σ q / Σ e) - q. Eight bytes a
// number pass through memory: a logit read, a gradient written.
internal sealed unsafe partial class CpuBackend
{
    readonly struct SampleLossAndGradient(Samples samples, float scale, float* loss, float* gx, Layout layout) : ISample
    {
        readonly Samples samples = samples;
        readonly Layout layout = layout;
        readonly float* loss = loss, gx = gx;

        public void Run(long i)
        {
            int n = samples.Classes;
            float* to = gx + LineStart(layout, 1, i), e = Scratch.Floats(Scratch.Purpose.BlockA, n);
            bool adjacent = layout.Strides[1] == 1;
            float* y = adjacent ? to : e;
            if (samples.Counts[i]) loss[i] = Gradient(i, n, e, y);
            else
            {
                loss[i] = 0;
                new Span<float>(y, n).Clear();
            }
            for (nint c = 0; c < n && !adjacent; c++) to[c * (nint)layout.Strides[1]] = y[c];
        }

        float Gradient(long i, int n, float* e, float* y)
        {
            float* z = samples.Logits(i), v = samples.ClassWeight;
            float m = Largest(z, n), sum = Exponentials(z, m, n, e, y), loss = samples.Loss(i, z, m, sum);
            float hit = scale * samples.Hit * samples.Weight[i], spread = scale * samples.Spread;
            var gradient = new Scaled((hit + (spread * samples.WeightSum)) / sum, spread);
            if (v == null) Maps.Unary(gradient, e, y, n);
            else Maps.Binary(gradient, e, v, y, n);
            y[samples.Class[i]] -= hit;
            return loss;
        }
    }

    /// <summary>The largest of n numbers as <see cref="Highest"/> finds it, in fewer steps for a line: the last numbers are looked at twice.</summary>
    static float Largest(float* z, int n)
    {
        if (n < Reducer.Partials) return Total(new Highest(), z, n);
        return Vector512.IsHardwareAccelerated ? Largest<Vec16>(z, n) : Vector256.IsHardwareAccelerated ? Largest<Vec8>(z, n) : Total(new Highest(), z, n);
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static float Largest<V>(float* z, int n) where V : unmanaged, IVec<V>
    {
        int w = V.Lanes, last = n - (4 * w);
        V a = V.Create(float.NegativeInfinity), b = a, c = a, d = a;
        for (int i = 0; ; i = Math.Min(i + (4 * w), last))
        {
            float* p = z + i;
            a = V.Larger(Lanes.Load<V>(p), a);
            b = V.Larger(Lanes.Load<V>(p + w), b);
            c = V.Larger(Lanes.Load<V>(p + (2 * w)), c);
            d = V.Larger(Lanes.Load<V>(p + (3 * w)), d);
            if (i == last) break;
        }
        return LargestLane(V.Larger(V.Larger(a, b), V.Larger(c, d)));
    }

    static float LargestLane<V>(V best) where V : unmanaged, IVec<V>
    {
        float* lanes = (float*)&best;
        if (V.Lanes == 16) Lanes.Store(lanes, Vec8.Larger(Lanes.Load<Vec8>(lanes), Lanes.Load<Vec8>(lanes + 8)));
        for (int half = 4; half > 0; half /= 2)
            for (int k = 0; k < half; k++) Lanes.Store(lanes + k, Vec1.Larger(Lanes.Load<Vec1>(lanes + k), Lanes.Load<Vec1>(lanes + k + half)));
        return lanes[0];
    }

    /// <summary>e ← eᶻ⁻ᵐ of n numbers; gives Σ e, added up as <see cref="SumExp"/> is. The next n logits, and y, are asked for on the way.</summary>
    [SkipLocalsInit]
    static float Exponentials(float* z, float m, int n, float* e, float* y)
    {
        float* partial = stackalloc float[Reducer.Partials];
        int whole = n & ~(Reducer.Partials - 1);
        if (Vector512.IsHardwareAccelerated) Exponentials<Vec16>(z, m, n, e, y, partial);
        else if (Vector256.IsHardwareAccelerated) Exponentials<Vec8>(z, m, n, e, y, partial);
        else Exponentials<Vec1>(z, m, n, e, y, partial);
        if (whole < n) LastExponentials(z + whole, m, n - whole, e + whole, partial);
        return Reducer.Fold(new Ops.Sum(), partial);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Exponentials<V>(float* z, float m, int n, float* e, float* y, float* partial) where V : unmanaged, IVec<V>
    {
        int w = V.Lanes, whole = n & ~(Reducer.Partials - 1);
        V max = V.Create(m);
        for (int j = 0; j < Reducer.Partials; j += 4 * w)
        {
            V a = V.Create(0), b = a, c = a, d = a;
            for (int i = j; i < whole; i += Reducer.Partials)
            {
                float* p = z + i, q = e + i;
                if (j == 0)
                {
                    PrefetchBlock(p + n);
                    PrefetchBlock(y + i);
                }
                V x = VMath.ExpOfNegative(Lanes.Load<V>(p) - max);
                a += x;
                Lanes.Store(q, x);
                x = VMath.ExpOfNegative(Lanes.Load<V>(p + w) - max);
                b += x;
                Lanes.Store(q + w, x);
                x = VMath.ExpOfNegative(Lanes.Load<V>(p + (2 * w)) - max);
                c += x;
                Lanes.Store(q + (2 * w), x);
                x = VMath.ExpOfNegative(Lanes.Load<V>(p + (3 * w)) - max);
                d += x;
                Lanes.Store(q + (3 * w), x);
            }
            Lanes.Store(partial + j, a);
            Lanes.Store(partial + j + w, b);
            Lanes.Store(partial + j + (2 * w), c);
            Lanes.Store(partial + j + (3 * w), d);
        }
    }

    /// <summary>Asks for 64 adjacent floats.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void PrefetchBlock(float* p)
    {
        if (!Sse.IsSupported) return;
        Sse.Prefetch0(p);
        Sse.Prefetch0(p + 16);
        Sse.Prefetch0(p + 32);
        Sse.Prefetch0(p + 48);
    }

    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    static void LastExponentials(float* z, float m, int n, float* e, float* partial)
    {
        int i = 0;
        if (Vector256.IsHardwareAccelerated)
            for (; i <= n - 8; i += 8) Exponential<Vec8>(z + i, m, e + i, partial + i);
        for (; i < n; i++) Exponential<Vec1>(z + i, m, e + i, partial + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void Exponential<V>(float* z, float m, float* e, float* sum) where V : unmanaged, IVec<V>
    {
        V x = VMath.ExpOfNegative(Lanes.Load<V>(z) - V.Create(m));
        Lanes.Store(e, x);
        Lanes.Store(sum, Lanes.Load<V>(sum) + x);
    }

    /// <summary>a·e - b·v; v is 1 where there is one operand.</summary>
    readonly struct Scaled(float a, float b) : IUnary, IBinary
    {
        static string IUnary.Name => "scaled";
        static string IBinary.Name => "scaled";
        V IUnary.Apply<V>(V e) => V.Fma(e, V.Create(a), V.Create(-b));
        V IBinary.Apply<V>(V e, V v) => V.Fma(e, V.Create(a), v * V.Create(-b));
    }
}
