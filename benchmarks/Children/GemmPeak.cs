using System.Diagnostics;

namespace Tessera.Benchmarks;

/// <summary>The matrix product beside the FMA peak, in a process whose vectors are as its environment says.</summary>
static class GemmPeak
{
    /// <summary>In the child: prints GFLOP/s of the product, GFLOP/s of the peak, and the width of the vectors in bits.</summary>
    public static void Print(int n, double milliseconds)
    {
        using Tensor a = Tensor.Normal([n, n], new Philox(1)), b = Tensor.Normal([n, n], new Philox(2));
        var watch = Stopwatch.StartNew();
        double best = double.MaxValue;
        bool once = milliseconds <= 0;
        var machine = new Machine(once);
        do
        {
            machine.MeasureFma();
            long turn = Stopwatch.GetTimestamp();
            do
            {
                long start = Stopwatch.GetTimestamp();
                a.MatMul(b).Dispose();
                best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            while (!once && Stopwatch.GetElapsedTime(turn).TotalMilliseconds < milliseconds / 20);
        }
        while (watch.ElapsedMilliseconds < milliseconds);
        Child.Answer(2.0 * n * n * n / best / 1e9, machine.FmaAll, Machine.VectorBits);
    }
}
