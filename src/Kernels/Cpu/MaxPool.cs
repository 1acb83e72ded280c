using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// Maxima without their positions.
internal sealed unsafe partial class CpuBackend
{
    /// <summary>Windows that overlap share their columns: first the maxima of the window's rows at every column of x, then of their neighbours.</summary>
    readonly struct MaxOfColumns(Image x, Image y, Window2d window) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / y.H, i = task % y.H;
            var rows = Span1d.Rows(window, i, x.H);
            nint width = (nint)x.W * x.C;
            var lane = new LargestOf { X = x.At(n, rows.At(rows.First), 0), Y = Scratch.Floats(Scratch.Purpose.Partial, width), Count = rows.Inside, Step = rows.Step * width };
            float* line = lane.Y;
            Lanes.Run(0, width, ref lane);
            lane.Step = window.DilationW * (nint)x.C;
            for (int j = 0; j < y.W; j++)
            {
                int at = (j * window.StrideW) - window.Left;
                if (at >= 0 && at + (window.DilationW * (window.S - 1)) < x.W) lane.Count = window.S;
                else
                {
                    var columns = Span1d.Columns(window, j, x.W);
                    (at, lane.Count) = (columns.At(columns.First), columns.Inside);
                }
                lane.X = line + (at * (nint)x.C);
                lane.Y = y.At(n, i, j);
                Lanes.Run(0, y.C, ref lane);
            }
        }
    }

    /// <summary>y ← the largest of so many numbers, a step apart; NaN wins.</summary>
    struct LargestOf : ILane
    {
        public float* X, Y;
        public nint Step;
        public int Count;

        // A NaN is passed over here; v·0 tells that there was one, or an infinity.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : unmanaged, IVec<V>
        {
            float* p = X + i;
            nint step = Step;
            V best, sum, zero = V.Create(0);
            if (Count == 3)
            {
                V v0 = Lanes.Load<V>(p), v1 = Lanes.Load<V>(p + step), v2 = Lanes.Load<V>(p + (2 * step));
                best = V.Larger(v2, V.Larger(v1, v0));
                sum = V.Fma(v2, zero, V.Fma(v1, zero, v0 * zero));
            }
            else
            {
                (best, sum) = (V.Create(float.NegativeInfinity), zero);
                for (int k = Count; k > 0; k--, p += step)
                {
                    V v = Lanes.Load<V>(p);
                    best = V.Larger(v, best);
                    sum = V.Fma(v, zero, sum);
                }
            }
            if (V.Any(V.Equal(sum, sum) ^ V.FromBits(uint.MaxValue))) best = WithNaN<V>(i);
            Lanes.Store(Y + i, best);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        readonly V WithNaN<V>(nint i) where V : unmanaged, IVec<V>
        {
            V best = V.Create(float.NegativeInfinity);
            for (nint k = 0; k < Count; k++) best = V.Max(best, Lanes.Load<V>(X + i + (k * Step)));
            return best;
        }
    }

    /// <summary>Windows that do not overlap are read as they lie.</summary>
    readonly struct MaxOfRows(Image x, Image y, Window2d window) : ICpuTask
    {
        public void Run(int task)
        {
            int n = task / y.H, i = task % y.H;
            var rows = Span1d.Rows(window, i, x.H);
            for (int j = 0; j < y.W; j++) Over(new Ops.Max(), x, n, rows, Span1d.Columns(window, j, x.W), y.At(n, i, j));
        }
    }
}
