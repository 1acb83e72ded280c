using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// One pass over parameter, gradient and state.
internal sealed unsafe partial class CpuBackend
{
    public override void SgdStep(View w, View g, View? m, StepOptions options)
    {
        if (!SameDense(w, g) || (m is { } state && !SameDense(w, state))) base.SgdStep(w, g, m, options);
        else RunStep(w.Count, new Sgd(w.Float(), g.Float(), m is { } v ? v.Float() : null, options));
    }

    public override void AdamStep(View w, View g, View m, View v, StepOptions options)
    {
        if (!SameDense(w, g) || !SameDense(w, m) || !SameDense(w, v)) base.AdamStep(w, g, m, v, options);
        else RunStep(w.Count, new Adam(w.Float(), g.Float(), m.Float(), v.Float(), options));
    }

    public override void RmsPropStep(View w, View g, View v, View? m, View? a, StepOptions options)
    {
        if (!SameDense(w, g) || !SameDense(w, v) || !SameDense(w, m ?? w) || !SameDense(w, a ?? w)) base.RmsPropStep(w, g, v, m, a, options);
        else RunStep(w.Count, new RmsProp(w.Float(), g.Float(), v.Float(), m is { } buffer ? buffer.Float() : null, a is { } mean ? mean.Float() : null, options));
    }

    static bool SameDense(View a, View b) => a.IsDense && b.IsDense && a.Shape == b.Shape;

    static void RunStep<T>(long count, T lane) where T : struct, ILane
        => CpuThreads.For(checked((int)((count + StepChunk<T>.Size - 1) / StepChunk<T>.Size)), new StepChunk<T>(lane, count));

    readonly struct StepChunk<T>(T lane, long count) : ICpuTask where T : struct, ILane
    {
        public const int Size = 8192;

        public void Run(int task)
        {
            var body = lane;
            Lanes.Run((nint)task * Size, (nint)Math.Min(count, ((long)task + 1) * Size), ref body);
        }
    }

    readonly struct Sgd(float* w, float* g, float* m, StepOptions o) : ILane
    {
        readonly float* W = w, G = g, M = m;
        readonly float lr = o.Lr, l2 = o.L2, momentum = (float)o.Momentum, kept = 1 - (o.Lr * o.Decay);
        readonly bool first = o.First, nesterov = o.Nesterov;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVec<V>
        {
            V w = Lanes.Load<V>(W + i), g = Lanes.Load<V>(G + i);
            if (l2 != 0) g = V.Fma(V.Create(l2), w, g);
            V step = g;
            if (M != null)
            {
                V m = first ? g : V.Fma(V.Create(momentum), Lanes.Load<V>(M + i), g);
                Lanes.Store(M + i, m);
                step = nesterov ? V.Fma(V.Create(momentum), m, g) : m;
            }
            Lanes.Store(W + i, V.Fma(V.Create(-lr), step, w * V.Create(kept)));
        }
    }

    readonly struct Adam(float* w, float* g, float* m, float* v, StepOptions o) : ILane
    {
        readonly float* W = w, G = g, M = m, S = v;
        readonly float step = (float)(o.Lr / o.Correction1), rootCorrection = (float)(1 / Math.Sqrt(o.Correction2));
        readonly float l2 = o.L2, kept = 1 - (o.Lr * o.Decay), eps = o.Eps, newest1 = (float)(1 - o.Momentum), beta2 = (float)o.Beta2, newest2 = (float)(1 - o.Beta2);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVec<V>
        {
            V w = Lanes.Load<V>(W + i), g = Lanes.Load<V>(G + i), m = Lanes.Load<V>(M + i), s = Lanes.Load<V>(S + i);
            if (l2 != 0) g = V.Fma(V.Create(l2), w, g);
            m = V.Fma(V.Create(newest1), g - m, m);
            s = V.Fma(V.Create(newest2), g * g, s * V.Create(beta2));
            Lanes.Store(M + i, m);
            Lanes.Store(S + i, s);
            V denominator = V.Fma(V.Sqrt(s), V.Create(rootCorrection), V.Create(eps));
            Lanes.Store(W + i, V.Fma(V.Create(-step), m / denominator, w * V.Create(kept)));
        }
    }

    readonly struct RmsProp(float* w, float* g, float* v, float* m, float* a, StepOptions o) : ILane
    {
        readonly float* W = w, G = g, S = v, M = m, A = a;
        readonly float lr = o.Lr, l2 = o.L2, kept = 1 - (o.Lr * o.Decay), eps = o.Eps, momentum = (float)o.Momentum, alpha = (float)o.Beta2, newest = (float)(1 - o.Beta2);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void At<V>(nint i) where V : unmanaged, IVec<V>
        {
            V w = Lanes.Load<V>(W + i), g = Lanes.Load<V>(G + i);
            if (l2 != 0) g = V.Fma(V.Create(l2), w, g);
            V s = V.Fma(V.Create(newest), g * g, Lanes.Load<V>(S + i) * V.Create(alpha)), variance = s;
            Lanes.Store(S + i, s);
            if (A != null)
            {
                V a = Lanes.Load<V>(A + i);
                a = V.Fma(V.Create(newest), g - a, a);
                Lanes.Store(A + i, a);
                variance = V.Relu(s - (a * a));
            }
            V step = g / (V.Sqrt(variance) + V.Create(eps));
            if (M != null)
            {
                step = V.Fma(V.Create(momentum), Lanes.Load<V>(M + i), step);
                Lanes.Store(M + i, step);
            }
            Lanes.Store(W + i, V.Fma(V.Create(-lr), step, w * V.Create(kept)));
        }
    }
}
