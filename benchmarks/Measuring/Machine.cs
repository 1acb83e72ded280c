using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tessera.Benchmarks;

/// <summary>
/// The machine and what it can do at most. A moment in which something else runs shows too little, so the peaks are the best of many short runs and
/// are measured again beside the work that is held against them.
/// </summary>
/// <param name="once">One short run: the figures mean nothing.</param>
sealed class Machine(bool once)
{
    const int Runs = 100;

    /// <summary>Threads of the measurement and of all engines.</summary>
    public static int Threads => CpuThreads.Count;

    /// <summary>Name of the processor.</summary>
    public static string Cpu { get; } = CpuName();

    /// <summary>Widest vectors the runtime uses, in bits.</summary>
    public static int VectorBits => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 32;

    /// <summary>Multiply-adds of one thread in registers, GFLOP/s.</summary>
    public double Fma1 { get; private set; }

    /// <summary>The same with all threads.</summary>
    public double FmaAll { get; private set; }

    /// <summary>Copy of four times the last cache with all threads (STREAM's rule), read and written bytes, GB/s.</summary>
    public double Copy { get; private set; }

    /// <summary>Measures all peaks.</summary>
    public static Machine Measure(bool once)
    {
        var machine = new Machine(once);
        machine.MeasureFma();
        machine.Fma1 = Best(once ? 1 : Runs, () => Fma(1, once));
        using var scope = Scope.Begin();
        var copy = new CopyPass(once ? 1 << 18 : 4 * Tessera.Cpu.Caches.Last);
        foreach (var way in copy.Ways)
        {
            way();
            machine.Copy = Math.Max(machine.Copy, Best(once ? 1 : Runs / 2, () => Rate(way, 2.0 * copy.Bytes)));
        }
        return machine;
    }

    /// <summary>Measures <see cref="FmaAll"/> again and gives the best figure so far.</summary>
    public double MeasureFma() => FmaAll = Math.Max(FmaAll, Best(once ? 1 : Runs, () => Fma(Threads, once)));

    /// <summary>The line under a table.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Cpu}, {Threads} threads, {VectorBits}-bit vectors: FMA peak {Fma1:0} GFLOP/s on one thread, {FmaAll:0} on {Threads}; copy {Copy:0.0} GB/s");

    static double Best(int runs, Func<double> measure) => Enumerable.Range(0, runs).Max(_ => measure());

    static double Fma(int threads, bool once)
    {
        int loops = once ? 10_000 : 400_000;
        return Rate(() => CpuThreads.For(threads, new Loops(loops)), threads * (double)loops * Peak.FlopsALoop);
    }

    /// <summary>Billions of something a second, of which a run does so many.</summary>
    static double Rate(Action run, double amount)
    {
        long start = Stopwatch.GetTimestamp();
        run();
        return amount / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e9;
    }

    readonly struct Loops(int count) : ICpuTask
    {
        public void Run(int task) => Peak.Fma(count);
    }

    static string CpuName()
    {
        string? line = File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?.Split(':')[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
