using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

// Maxima with their positions.
internal sealed unsafe partial class CpuBackend
{
    readonly struct MaxPool(Image x, Image y, int* indices, Window2d window, bool around) : ICpuTask
    {
        readonly int* indices = indices;

        public void Run(int task)
        {
            int n = task / y.H, i = task % y.H;
            var rows = Span1d.Rows(window, i, x.H);
            bool plain = window is { R: 3, S: 3, DilationW: 1 } && rows.Inside == 3;
            var lane = new Lane { C = x.C, W = x.W, StepH = window.DilationH, StepW = window.DilationW, Rows = rows.Inside };
            for (int j = 0; j < y.W;)
            {
                int first = (j * window.StrideW) - window.Left, whole = plain && first >= 0 && first + 3 <= x.W ? Math.Min(y.W - j, ((x.W - 3 - first) / window.StrideW) + 1) : 0;
                if (whole > 0 && Whole(n, i, j, rows.At(0), first, whole))
                {
                    j += whole;
                    continue;
                }
                plain &= whole == 0;
                var columns = Span1d.Columns(window, j, x.W);
                lane.Columns = columns.Inside;
                lane.Pixel = (rows.At(rows.First) * x.W) + columns.At(columns.First);
                lane.X = x.At(n, 0, 0);
                lane.Y = y.At(n, i, j);
                lane.Index = (float*)indices + (lane.Y - y.At(0, 0, 0));
                Lanes.Run(0, y.C, ref lane);
                j++;
            }
            if (around) Around.End();
        }

        /// <summary>Windows of row i from column j on, all of whose nine elements are on the image; false where one of those is no number, and then they are done with care.</summary>
        bool Whole(int n, int i, int j, int row, int column, int windows)
        {
            var nine = new Nine
            {
                X = x.At(n, row, column),
                Y = y.At(n, i, j),
                Column = x.C,
                Row = window.DilationH * (nint)x.W * x.C,
                Step = window.StrideW * (nint)x.C,
                Pixel = (row * x.W) + column,
                PixelRow = window.DilationH * x.W,
                PixelStep = window.StrideW,
            };
            nine.Index = (float*)indices + (nine.Y - y.At(0, 0, 0));
            nint wide = x.C - (x.C % GemmKernel.Lanes);
            bool numbers = GemmKernel.Lanes == 16 ? Wide<Vec16>(nine, windows, wide) : GemmKernel.Lanes == 8 ? Wide<Vec8>(nine, windows, wide) : Wide<Vec1>(nine, windows, wide);
            return nine.Run<Vec1, Around.Plainly>(windows, wide, x.C) && numbers;
        }

        bool Wide<V>(in Nine nine, int windows, nint end) where V : unmanaged, IVec<V>
            => around && Around.Fits<V>(nine.Y, x.C) && Around.Fits<V>(nine.Index, x.C) ? nine.Run<V, Around.Past>(windows, 0, end) : nine.Run<V, Around.Plainly>(windows, 0, end);

        /// <summary>Windows of 3x3 elements, one after another in a row.</summary>
        struct Nine
        {
            // Floats that x is asked for ahead.
            const int Ahead = 1024;

            public float* X, Y, Index;
            public nint Column, Row, Step;
            public int Pixel, PixelRow, PixelStep;

            [MethodImpl(MethodImplOptions.AggressiveOptimization)]
            public readonly bool Run<V, S>(int windows, nint first, nint end) where V : unmanaged, IVec<V> where S : struct, Around.IStore
            {
                V zero = V.Create(0), sum = zero; // v·0 of all numbers
                nint next = Column, next2 = 2 * next;
                float* x = X, y = Y, index = Index;
                int pixel = Pixel;
                for (; windows > 0; windows--, x += Step, y += next, index += next, pixel += PixelStep)
                    for (nint c = first; c < end; c += V.Lanes)
                    {
                        float* p = x + c, q = p + Row, r = q + Row;
                        Lanes.Prefetch(q + Ahead);
                        Lanes.Prefetch(q + next + Ahead);
                        Lanes.Prefetch(r + Ahead);
                        Lanes.Prefetch(r + next + Ahead);
                        V best = Lanes.Load<V>(p), at = V.FromBits((uint)pixel);
                        sum = V.Fma(best, zero, sum);
                        Take(p + next, pixel + 1, zero, ref best, ref at, ref sum);
                        Take(p + next2, pixel + 2, zero, ref best, ref at, ref sum);
                        Take(q, pixel + PixelRow, zero, ref best, ref at, ref sum);
                        Take(q + next, pixel + PixelRow + 1, zero, ref best, ref at, ref sum);
                        Take(q + next2, pixel + PixelRow + 2, zero, ref best, ref at, ref sum);
                        Take(r, pixel + (2 * PixelRow), zero, ref best, ref at, ref sum);
                        Take(r + next, pixel + (2 * PixelRow) + 1, zero, ref best, ref at, ref sum);
                        Take(r + next2, pixel + (2 * PixelRow) + 2, zero, ref best, ref at, ref sum);
                        Around.Put<V, S>(y + c, best);
                        Around.Put<V, S>(index + c, at);
                    }
                return !V.Any(V.Equal(sum, sum) ^ V.FromBits(uint.MaxValue));
            }

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            static void Take<V>(float* p, int pixel, V zero, ref V best, ref V at, ref V sum) where V : unmanaged, IVec<V>
            {
                V v = Lanes.Load<V>(p), wins = V.Less(best, v);
                sum = V.Fma(v, zero, sum);
                at = V.Select(wins, V.FromBits((uint)pixel), at);
                best = V.Larger(v, best);
            }
        }

        struct Lane : ILane
        {
            public int Rows, Columns, StepH, StepW, C, W, Pixel;
            public float* X, Y, Index;

            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            public readonly void At<V>(nint c) where V : unmanaged, IVec<V>
            {
                V best = V.Create(float.NegativeInfinity), index = V.FromBits(Rows * Columns > 0 ? (uint)Pixel : uint.MaxValue), zero = V.Create(0);
                for (int r = 0; r < Rows; r++)
                {
                    int pixel = Pixel + (r * StepH * W);
                    float* p = X + ((nint)pixel * C) + c;
                    for (int s = 0; s < Columns; s++, pixel += StepW, p += StepW * (nint)C)
                    {
                        V v = Lanes.Load<V>(p), wins = V.Select(V.LessEqual(v, best), zero, V.Equal(best, best)); // greater, or the first NaN
                        best = V.Select(wins, v, best);
                        index = V.Select(wins, V.FromBits((uint)pixel), index);
                    }
                }
                Lanes.Store(Y + c, best);
                Lanes.Store(Index + c, index);
            }
        }
    }
}
