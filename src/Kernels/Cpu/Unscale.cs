using System.Numerics;

namespace Tessera.Cpu;

/// <content>Gradients of a scaled loss.</content>
internal sealed unsafe partial class CpuBackend
{
    public override bool Unscale(ReadOnlySpan<View> gradients, float factor)
    {
        bool finite = true;
        foreach (var g in gradients)
        {
            if (!g.IsDense)
            {
                finite &= base.Unscale([g], factor);
                continue;
            }
            bool bad = false;
            CpuThreads.For(checked((int)((g.Count + UnscaleChunk.Size - 1) / UnscaleChunk.Size)), new UnscaleChunk(g.Float(), g.Count, factor, &bad));
            finite &= !bad;
        }
        return finite;
    }

    /// <summary>Multiplies a chunk, and notes where the products, times 0, do not add up to 0: infinity and NaN do not.</summary>
    readonly struct UnscaleChunk(float* g, long count, float factor, bool* bad) : ICpuTask
    {
        public const int Size = 8192;

        public void Run(int task)
        {
            long i = (long)task * Size, end = Math.Min(count, i + Size);
            var sum = Vector<float>.Zero;
            for (; i + Vector<float>.Count <= end; i += Vector<float>.Count)
            {
                var y = Vector.Load(g + i) * factor;
                y.Store(g + i);
                sum += y * Vector<float>.Zero;
            }
            float rest = Vector.Sum(sum);
            for (; i < end; i++) rest += (g[i] *= factor) * 0;
            if (rest != 0) *bad = true;
        }
    }
}
