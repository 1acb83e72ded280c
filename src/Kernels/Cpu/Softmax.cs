using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// A line is the elements along the softmax dimension. It is worked on as adjacent floats, in its own memory or in a copy that stays in the cache.
// Sums are taken in 64 partial results, element i in partial i mod 64: the same bits at every vector width.
internal sealed unsafe partial class CpuBackend
{
    public override void Softmax(View x, View y, int dim, bool log) => RunLines(new SoftmaxLine(log), dim, x, x, y);

    public override void SoftmaxBackward(View gy, View y, View gx, int dim, bool log) => RunLines(new SoftmaxGradientLine(log), dim, gy, y, gx);

    /// <summary>A function of one or two lines of n adjacent floats; y may be a or b.</summary>
    interface ILine
    {
        void Run(float* a, float* b, float* y, int n);
    }

    static void RunLines<T>(T line, int dim, View a, View b, View y) where T : struct, ILine
    {
        int n = y.Shape[dim];
        if (y.Count == 0) return;
        long lines = y.Count / n;
        int perTask = (int)Math.Clamp(16384 / n, 1, lines);
        CpuThreads.For(checked((int)((lines + perTask - 1) / perTask)), new LineTask<T>(line, dim, a, b, y, lines, perTask));
    }

    readonly struct LineTask<T>(T line, int dim, View a, View b, View y, long lines, int perTask) : ICpuTask where T : struct, ILine
    {
        public void Run(int task)
        {
            float* x = a.Float("Softmax"), z = b.Float("Softmax"), to = y.Float("Softmax");
            nint sa = (nint)a.Layout.Strides[dim], sb = (nint)b.Layout.Strides[dim], sy = (nint)y.Layout.Strides[dim];
            int n = y.Shape[dim];
            bool copied = sa != 1 || sb != 1 || sy != 1;
            float* buffer = copied ? Scratch.Floats(Scratch.Purpose.Partial, 2L * n) : null;
            for (long i = (long)task * perTask; i < Math.Min(lines, (long)(task + 1) * perTask); i++)
            {
                var (oa, ob, oy) = (LineStart(a.Layout, dim, i), LineStart(b.Layout, dim, i), LineStart(y.Layout, dim, i));
                if (!copied)
                {
                    line.Run(x + oa, z + ob, to + oy, n);
                    continue;
                }
                float* second = buffer + n;
                for (nint k = 0; k < n; k++) (buffer[k], second[k]) = (x[oa + (k * sa)], z[ob + (k * sb)]);
                line.Run(buffer, second, buffer, n);
                for (nint k = 0; k < n; k++) to[oy + (k * sy)] = buffer[k];
            }
        }
    }

    /// <summary>Offset of line <paramref name="i"/> along a dimension: the other dimensions in row-major order.</summary>
    static long LineStart(Layout layout, int dim, long i)
    {
        long at = 0;
        for (int d = layout.Shape.Rank - 1; d >= 0; d--)
        {
            if (d == dim) continue;
            if (i < layout.Shape[d]) return at + (i * layout.Strides[d]);
            at += i % layout.Shape[d] * layout.Strides[d];
            i /= layout.Shape[d];
        }
        return at;
    }

    // y = eˣ⁻ᵐ / Σ eˣ⁻ᵐ with m = max x, or its logarithm (x - m) - ln Σ eˣ⁻ᵐ.
    readonly struct SoftmaxLine(bool log) : ILine
    {
        public void Run(float* x, float* unused, float* y, int n)
        {
            float max = Total(new Highest(), x, n);
            if (log)
            {
                Maps.Unary(new MinusTwo(max, MathF.Log(Total(new SumExp(max), x, n))), x, y, n);
                return;
            }
            Maps.Unary(new ExpMinus(max), x, y, n);
            Maps.Unary(new Ops.MulScalar(1 / Total(new Ops.Sum(), y, n)), y, y, n);
        }
    }

    // gx = y·(g - Σ g·y), or for the logarithm g - eʸ·Σ g.
    readonly struct SoftmaxGradientLine(bool log) : ILine
    {
        public void Run(float* g, float* y, float* gx, int n)
        {
            if (log)
            {
                Maps.Binary(new MinusExp(Total(new Ops.Sum(), g, n)), g, y, gx, n);
                return;
            }
            Maps.Binary(new TimesMinus(Dot(g, y, 0, n)), g, y, gx, n);
        }
    }

    static float Total<TOp>(TOp op, float* x, int n) where TOp : struct, IReduction
    {
        float* partial = stackalloc float[Reducer.Partials];
        new Span<float>(partial, Reducer.Partials).Fill(TOp.Identity);
        Reducer.Row(op, x, n, partial);
        return Reducer.Fold(op, partial);
    }

    /// <summary>Σ a·(b - m).</summary>
    static float Dot(float* a, float* b, float m, int n)
    {
        float* partial = stackalloc float[Reducer.Partials];
        new Span<float>(partial, Reducer.Partials).Clear();
        var dot = new DotLane { A = a, B = b, M = m, Partial = partial };
        Lanes.Run(0, n, ref dot);
        return Reducer.Fold(new Ops.Sum(), partial);
    }

    struct DotLane : ILane
    {
        public float* A, B, Partial;
        public float M;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : unmanaged, IVec<V>
        {
            float* sum = Partial + (i & (Reducer.Partials - 1));
            Lanes.Store(sum, V.Fma(Lanes.Load<V>(A + i), Lanes.Load<V>(B + i) - V.Create(M), Lanes.Load<V>(sum)));
        }
    }

    /// <summary>The largest; NaN is passed over, and comes back with e^(x - m).</summary>
    readonly struct Highest : IReduction
    {
        static string IReduction.Name => "highest";
        static float IReduction.Identity => float.NegativeInfinity;
        V IReduction.Map<V>(V x) => x;
        V IReduction.Combine<V>(V a, V b) => V.Larger(b, a);
    }

    /// <summary>e^(x - m), m the largest.</summary>
    readonly struct ExpMinus(float m) : IUnary
    {
        static string IUnary.Name => "exp_minus";
        V IUnary.Apply<V>(V x) => VMath.ExpOfNegative(x - V.Create(m));
    }

    /// <summary>(x - a) - b.</summary>
    readonly struct MinusTwo(float a, float b) : IUnary
    {
        static string IUnary.Name => "minus_two";
        V IUnary.Apply<V>(V x) => x - V.Create(a) - V.Create(b);
    }

    /// <summary>Σ e^(x - m), m the largest.</summary>
    readonly struct SumExp(float m) : IReduction
    {
        static string IReduction.Name => "sum_exp";
        static float IReduction.Identity => 0;
        V IReduction.Map<V>(V x) => VMath.ExpOfNegative(x - V.Create(m));
        V IReduction.Combine<V>(V a, V b) => a + b;
    }

    /// <summary>g - eʸ·sum.</summary>
    readonly struct MinusExp(float sum) : IBinary
    {
        static string IBinary.Name => "minus_exp";
        V IBinary.Apply<V>(V g, V y) => V.Fma(VMath.Exp(y), V.Create(-sum), g);
    }

    /// <summary>y·(g - sum).</summary>
    readonly struct TimesMinus(float sum) : IBinary
    {
        static string IBinary.Name => "times_minus";
        V IBinary.Apply<V>(V g, V y) => y * (g - V.Create(sum));
    }
}
