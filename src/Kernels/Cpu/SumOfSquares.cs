using System.Runtime.Intrinsics;

namespace Tessera.Cpu;

/// <content>Sums of squares in double: the square of a float is exact there and does not overflow.</content>
internal sealed unsafe partial class CpuBackend
{
    public override double SumOfSquares(ReadOnlySpan<View> tensors)
    {
        double sum = 0;
        foreach (var x in tensors) sum += SumOfSquares(x);
        return sum;
    }

    double SumOfSquares(View x)
    {
        if (!x.IsDense)
        {
            using Temporary dense = new(x);
            Copy(x, dense.View);
            return SumOfSquares(dense.View);
        }
        int chunks = checked((int)((x.Count + SquaresChunk.Size - 1) / SquaresChunk.Size));
        double* partials = (double*)Scratch.Floats(Scratch.Purpose.Partial, 2L * chunks);
        CpuThreads.For(chunks, new SquaresChunk(x.Float("SumOfSquares"), x.Count, partials));
        double sum = 0;
        for (int i = 0; i < chunks; i++) sum += partials[i];
        return sum;
    }

    /// <summary>The sum of a chunk: four chains of four doubles, then the elements left over.</summary>
    readonly struct SquaresChunk(float* x, long count, double* partials) : ICpuTask
    {
        public const int Size = 8192;

        public void Run(int task)
        {
            long i = (long)task * Size, end = Math.Min(count, i + Size);
            Vector256<double> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
            for (; i + 16 <= end; i += 16)
            {
                var (a, b) = Vector256.Widen(Vector256.Load(x + i));
                var (c, d) = Vector256.Widen(Vector256.Load(x + i + 8));
                sum0 += a * a;
                sum1 += b * b;
                sum2 += c * c;
                sum3 += d * d;
            }
            double sum = Vector256.Sum((sum0 + sum1) + (sum2 + sum3));
            for (; i < end; i++) sum += (double)x[i] * x[i];
            partials[task] = sum;
        }
    }
}
