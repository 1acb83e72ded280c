using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tessera.Cpu;

// Loss and gradient of samples whose logits are adjacent, three of them under way: one loop takes the exponentials of a sample, writes the gradient of the one before and finds
// the largest logit of the next. So arithmetic, reading and writing go on together, and none waits for a sum or a maximum that is not there yet.
internal sealed unsafe partial class CpuBackend
{
    static void RunRows(Samples samples, float scale, View x, View loss, View gx)
    {
        int n = samples.Classes;
        bool around = Around.Pays(gx.Count * sizeof(float));
        long count = x.Count / n, perTask = Math.Clamp((around ? 65536 : 16384) / n, 1, count);
        CpuThreads.For(checked((int)((count + perTask - 1) / perTask)), new RowsLossAndGradient(samples, scale, x.Float(), loss.Float(), gx.Float(), count, perTask, around));
    }

    readonly struct RowsLossAndGradient(Samples samples, float scale, float* x, float* loss, float* gx, long count, long perTask, bool around) : ICpuTask
    {
        readonly Samples samples = samples;
        readonly float* x = x, loss = loss, gx = gx;
        readonly int n = samples.Classes;

        /// <summary>True where samples lie one after another, enough numbers each for vectors, and classes have no weights.</summary>
        public static bool Fits(View x, View gx, ClassTargets target)
            => x.IsDense && gx.IsDense && x.Layout.Strides[1] == 1 && gx.Layout.Strides[1] == 1 && x.Shape[1] >= GradientRow.Least && target.ClassWeights is null && Vector256.IsHardwareAccelerated;

        public void Run(int task)
        {
            long first = task * perTask, end = Math.Min(count, first + perTask);
            if (Vector512.IsHardwareAccelerated && around) Rows<Vec16, Around.Past>(first, end);
            else if (Vector512.IsHardwareAccelerated) Rows<Vec16, Around.Plainly>(first, end);
            else if (around) Rows<Vec8, Around.Past>(first, end);
            else Rows<Vec8, Around.Plainly>(first, end);
            if (around) Around.End();
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        void Rows<V, S>(long first, long end) where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            int room = (n + 31) & ~15;
            float* work = Scratch.Floats(Scratch.Purpose.BlockA, 3L * room), z = x + (first * n);
            var before = new GradientRow(n, work + room, work + (2 * room)); // none: what is written goes nowhere
            float m = Largest(z, n);
            for (long i = first; i < end; i++)
            {
                float* e = work + (room * ((i - first) & 1)), next = i + 1 < end ? z + n : z;
                float sum = before.Step<V, S>(z, m, e, next, out float largest);
                before = Gradient(i, z, m, sum, e);
                z = next;
                m = largest;
            }
            before.Write<V, S>();
        }

        /// <summary>The loss of sample i, whose exponentials are at e, and what its gradient will be.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        GradientRow Gradient(long i, float* z, float m, float sum, float* e)
        {
            var row = new GradientRow(n, e, gx + (i * n));
            if (!samples.Counts[i])
            {
                loss[i] = 0;
                new Span<float>(e, n).Clear();
                return row;
            }
            loss[i] = samples.Loss(i, z, m, sum);
            float spread = scale * samples.Spread;
            row.Hit = scale * samples.Hit * samples.Weight[i];
            row.Factor = (row.Hit + (spread * samples.WeightSum)) / sum;
            row.Shift = -spread;
            row.Class = (int)samples.Class[i];
            return row;
        }
    }

    /// <summary>The gradient of a sample that is still to be written: <c>Factor·e + Shift</c>, less Hit at the class.</summary>
    struct GradientRow(int n, float* e, float* y)
    {
        const int Block = Reducer.Partials, Ahead = 256;

        /// <summary>Fewest numbers of a row.</summary>
        public const int Least = 2 * Block;

        readonly int N = n;
        readonly float* e = e, y = y;

        public int Class;
        public float Factor, Shift, Hit;

        /// <summary>
        /// Writes this row while it takes the exponentials of the next sample, e ← eᶻ⁻ᵐ, and looks for the largest logit of the one after it. Gives Σ e, added up as
        /// <see cref="SumExp"/> is.
        /// </summary>
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly float Step<V, S>(float* z, float m, float* e, float* next, out float largest) where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            float* partial = stackalloc float[Block];
            new Span<float>(partial, Block).Clear();
            int head = Head<S>(), end = (N - head) & ~(Block - 1);
            Plain(0, head);
            V best = Blocks<V, S>(z, m, e, partial, next, this.e + head, y + head, end);
            for (int i = N - Block - 16; i < N; i += V.Lanes) best = V.Larger(Lanes.Load<V>(next + i), best); // the rest, and some of the others again
            largest = LargestLane(best);
            for (int i = end; i < N; i += Block) LastExponentials(z + i, m, Math.Min(Block, N - i), e + i, partial);
            Plain(head + end, N);
            Strike<V, S>(head, head + end);
            return Reducer.Fold(new Ops.Sum(), partial);
        }

        /// <summary>Writes this row.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Write<V, S>() where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            int head = Head<S>(), end = head + ((N - head) & ~(Block - 1));
            Plain(0, head);
            for (int i = head; i < end; i += V.Lanes) Around.Put<V, S>(y + i, At<V>(i));
            Plain(end, N);
            Strike<V, S>(head, end);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        readonly V Blocks<V, S>(float* z, float m, float* e, float* partial, float* next, float* old, float* y, int end) where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            int w = V.Lanes;
            V max = V.Create(m), factor = V.Create(Factor), shift = V.Create(Shift), best0 = V.Create(float.NegativeInfinity), best1 = best0, s0 = V.Create(0), s1 = s0, s2 = s0, s3 = s0;
            for (int i = 0; i < end; i += Block)
                for (int j = i; j < i + Block; j += 4 * w)
                {
                    float* p = z + j, q = e + j, l = next + j, o = old + j, to = y + j;
                    if (S.Passes) Around.AskAhead(l, 4 * w);
                    else Lanes.Prefetch(to + Ahead, 4 * w);
                    V a = Lanes.Load<V>(p) - max, b = Lanes.Load<V>(p + w) - max, c = Lanes.Load<V>(p + (2 * w)) - max, d = Lanes.Load<V>(p + (3 * w)) - max;
                    VMath.ExpOfNegative(ref a, ref b, ref c, ref d);
                    Lanes.Store(q, a);
                    Lanes.Store(q + w, b);
                    Lanes.Store(q + (2 * w), c);
                    Lanes.Store(q + (3 * w), d);
                    if (w == 16)
                    {
                        s0 += a; // in registers: stores to the caches would wait behind those to memory
                        s1 += b;
                        s2 += c;
                        s3 += d;
                    }
                    else
                    {
                        float* s = partial + (j - i);
                        Lanes.Store(s, Lanes.Load<V>(s) + a);
                        Lanes.Store(s + w, Lanes.Load<V>(s + w) + b);
                        Lanes.Store(s + (2 * w), Lanes.Load<V>(s + (2 * w)) + c);
                        Lanes.Store(s + (3 * w), Lanes.Load<V>(s + (3 * w)) + d);
                    }
                    best0 = V.Larger(Lanes.Load<V>(l + w), V.Larger(Lanes.Load<V>(l), best0));
                    best1 = V.Larger(Lanes.Load<V>(l + (3 * w)), V.Larger(Lanes.Load<V>(l + (2 * w)), best1));
                    Around.Put<V, S>(to, V.Fma(Lanes.Load<V>(o), factor, shift));
                    Around.Put<V, S>(to + w, V.Fma(Lanes.Load<V>(o + w), factor, shift));
                    Around.Put<V, S>(to + (2 * w), V.Fma(Lanes.Load<V>(o + (2 * w)), factor, shift));
                    Around.Put<V, S>(to + (3 * w), V.Fma(Lanes.Load<V>(o + (3 * w)), factor, shift));
                }
            if (w == 16)
            {
                Lanes.Store(partial, s0);
                Lanes.Store(partial + w, s1);
                Lanes.Store(partial + (2 * w), s2);
                Lanes.Store(partial + (3 * w), s3);
            }
            return V.Larger(best0, best1);
        }

        /// <summary>Numbers before the first whole line of y, where stores go around the caches.</summary>
        readonly int Head<S>() where S : struct, Around.IStore => S.Passes ? (int)Around.ToLine(y) : 0;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        readonly V At<V>(int i) where V : unmanaged, IVec<V> => V.Fma(Lanes.Load<V>(e + i), V.Create(Factor), V.Create(Shift));

        readonly void Plain(int first, int end)
        {
            int i = first;
            for (; i <= end - 8; i += 8) Lanes.Store(y + i, At<Vec8>(i));
            for (; i < end; i++) Lanes.Store(y + i, At<Vec1>(i));
        }

        /// <summary>y of the class less Hit: where it went around the caches, its vector is written once more, for it cannot be read soon.</summary>
        readonly void Strike<V, S>(int first, int end) where V : unmanaged, IVec<V> where S : struct, Around.IStore
        {
            if (!S.Passes || Class < first || Class >= end)
            {
                y[Class] -= Hit;
                return;
            }
            int begin = first + ((Class - first) / V.Lanes * V.Lanes);
            V vector = At<V>(begin);
            ((float*)&vector)[Class - begin] -= Hit;
            Around.Store(y + begin, vector);
        }
    }
}
