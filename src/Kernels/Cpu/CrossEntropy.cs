namespace Tessera.Cpu;

// A sample is a line of logits z, in its own memory or in a copy. Its maximum m and Σ eᶻ⁻ᵐ are taken while it is in the first-level cache and are all that
// is kept for the gradient, which is one pass.
internal sealed unsafe partial class CpuBackend
{
    public override void CrossEntropy(View x, ClassTargets target, View loss, View kept)
        => RunSamples(new SampleLoss(new Samples(x, target, kept), loss.Float()), x);

    public override void CrossEntropyWithGradient(View x, ClassTargets target, float scale, View loss, View gx)
    {
        var samples = new Samples(x, target, null);
        if (x.Count > 0 && RowsLossAndGradient.Fits(x, gx, target)) RunRows(samples, scale, x, loss, gx);
        else RunSamples(new SampleLossAndGradient(samples, scale, loss.Float(), gx.Float(), gx.Layout), x);
    }

    public override void CrossEntropyBackward(View x, ClassTargets target, View kept, View g, View gx)
        => RunSamples(new SampleGradient(new Samples(x, target, kept), g.Float(), gx.Float(), gx.Layout), x);

    /// <summary>What is done for sample number i.</summary>
    interface ISample
    {
        void Run(long i);
    }

    static void RunSamples<T>(T work, View x) where T : struct, ISample
    {
        if (x.Count == 0) return;
        int n = x.Shape[1];
        long samples = x.Count / n, perTask = Math.Clamp(16384 / n, 1, samples);
        CpuThreads.For(checked((int)((samples + perTask - 1) / perTask)), new SampleTask<T>(work, samples, perTask));
    }

    readonly struct SampleTask<T>(T work, long samples, long perTask) : ICpuTask where T : struct, ISample
    {
        readonly T work = work;

        public void Run(int task)
        {
            for (long i = task * perTask; i < Math.Min(samples, (task + 1) * perTask); i++) work.Run(i);
        }
    }

    /// <summary>The logits and targets, samples in row-major order of the dimensions beside the classes.</summary>
    readonly struct Samples
    {
        readonly float* x;
        readonly Layout layout;

        public Samples(View x, ClassTargets target, View? kept)
        {
            this.x = x.Float(nameof(CrossEntropy));
            layout = x.Layout;
            Max = kept is { } k ? k.Float(nameof(CrossEntropy)) : null;
            Sum = Max + (x.Count / Math.Max(1, Classes));
            Class = target.Classes.Pointer<long>(nameof(CrossEntropy));
            Counts = target.Counts.Pointer<bool>(nameof(CrossEntropy));
            Weight = target.Weights.Float(nameof(CrossEntropy));
            (Hit, Spread, WeightSum) = (1 - target.Smoothing, target.Smoothing / Classes, Classes);
            if (target.ClassWeights is not { } v) return;
            ClassWeight = v.Float(nameof(CrossEntropy));
            WeightSum = Total(new Ops.Sum(), ClassWeight, Classes);
        }

        public int Classes => layout.Shape[1];

        /// <summary>m of each sample.</summary>
        public float* Max { get; }

        /// <summary>Σ eᶻ⁻ᵐ of each sample.</summary>
        public float* Sum { get; }

        public long* Class { get; }

        public bool* Counts { get; }

        public float* Weight { get; }

        /// <summary>v, or null.</summary>
        public float* ClassWeight { get; }

        /// <summary>1 - ε.</summary>
        public float Hit { get; }

        /// <summary>ε/C.</summary>
        public float Spread { get; }

        /// <summary>Σ v.</summary>
        public float WeightSum { get; }

        /// <summary>The logits of sample i, adjacent.</summary>
        public float* Logits(long i)
        {
            float* from = x + LineStart(layout, 1, i);
            if (layout.Strides[1] == 1) return from;
            float* buffer = Scratch.Floats(Scratch.Purpose.Partial, Classes);
            for (int c = 0; c < Classes; c++) buffer[c] = from[c * layout.Strides[1]];
            return buffer;
        }

        /// <summary>(1 - ε)·w·(ln Σ eᶻ⁻ᵐ - (z_y - m)) + ε/C·(Σ v·ln Σ eᶻ⁻ᵐ - Σ v·(z - m)) for sample i, given its logits, m and Σ eᶻ⁻ᵐ.</summary>
        public float Loss(long i, float* z, float m, float sumExp)
        {
            float ln = MathF.Log(sumExp), loss = Hit * Weight[i] * (ln - (z[Class[i]] - m));
            if (Spread == 0) return loss;
            float sum = ClassWeight == null ? Total(new SumMinus(m), z, Classes) : Dot(ClassWeight, z, m, Classes);
            return loss + (Spread * ((WeightSum * ln) - sum));
        }
    }

    readonly struct SampleLoss(Samples samples, float* loss) : ISample
    {
        readonly Samples samples = samples;
        readonly float* loss = loss;

        public void Run(long i)
        {
            loss[i] = 0;
            if (!samples.Counts[i]) return;
            int n = samples.Classes;
            float* z = samples.Logits(i);
            float m = samples.Max[i] = Largest(z, n);
            Lanes.Prefetch(z + n, n); // the next sample comes while this one's exponentials are taken
            loss[i] = samples.Loss(i, z, m, samples.Sum[i] = Total(new SumExp(m), z, n));
        }
    }

    // gx = g·(eᶻ⁻ᵐ·(Σ q / Σ eᶻ⁻ᵐ) - q)
    readonly struct SampleGradient(Samples samples, float* g, float* gx, Layout layout) : ISample
    {
        readonly Samples samples = samples;
        readonly float* g = g, gx = gx;

        public void Run(long i)
        {
            int n = samples.Classes;
            float* z = samples.Logits(i), to = gx + LineStart(layout, 1, i);
            bool adjacent = layout.Strides[1] == 1;
            float* y = adjacent ? to : z;
            if (adjacent)
            {
                Lanes.Prefetch(z + n, n);
                Lanes.Prefetch(to + n, n);
            }
            if (samples.Counts[i]) Gradient(i, z, y, n);
            else new Span<float>(y, n).Clear();
            for (int c = 0; c < n && !adjacent; c++) to[c * layout.Strides[1]] = y[c];
        }

        void Gradient(long i, float* z, float* y, int n)
        {
            float hit = g[i] * samples.Hit * samples.Weight[i], spread = g[i] * samples.Spread;
            float scale = (hit + (spread * samples.WeightSum)) / samples.Sum[i];
            var softmax = new ScaledExp(samples.Max[i], scale, spread);
            if (samples.ClassWeight == null) Maps.Unary(softmax, z, y, n);
            else Maps.Binary(softmax, z, samples.ClassWeight, y, n);
            y[samples.Class[i]] -= hit;
        }
    }

    /// <summary>Σ (x - m).</summary>
    readonly struct SumMinus(float m) : IReduction
    {
        static string IReduction.Name => "sum_minus";
        static float IReduction.Identity => 0;
        V IReduction.Map<V>(V x) => x - V.Create(m);
        V IReduction.Combine<V>(V a, V b) => a + b;
    }

    /// <summary>a·eᶻ⁻ᵐ - b·v; v is 1 where there is one operand.</summary>
    readonly struct ScaledExp(float m, float a, float b) : IUnary, IBinary
    {
        static string IUnary.Name => "scaled_exp";
        static string IBinary.Name => "scaled_exp";
        V IUnary.Apply<V>(V z) => V.Fma(VMath.ExpOfNegative(z - V.Create(m)), V.Create(a), V.Create(-b));
        V IBinary.Apply<V>(V z, V v) => V.Fma(VMath.ExpOfNegative(z - V.Create(m)), V.Create(a), v * V.Create(-b));
    }
}
