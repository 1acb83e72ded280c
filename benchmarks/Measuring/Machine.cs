using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tessera.Benchmarks;

/// <summary>The machine and what it can do at most, measured in this run.</summary>
/// <param name="Fma1">Multiply-adds of one thread in registers, GFLOP/s.</param>
/// <param name="FmaAll">The same with all threads.</param>
/// <param name="Copy">Copy of 64 MiB with all threads, read and written bytes, GB/s.</param>
sealed record Machine(double Fma1, double FmaAll, double Copy)
{
    /// <summary>Threads of the measurement and of all engines.</summary>
    public static int Threads => CpuThreads.Count;

    /// <summary>Name of the processor.</summary>
    public static string Cpu { get; } = CpuName();

    /// <summary>Widest vectors the runtime uses, in bits.</summary>
    public static int VectorBits => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 32;

    /// <summary>Measures the peaks: the best of several short runs.</summary>
    public static Machine Measure(bool once)
    {
        int runs = once ? 1 : 7;
        return new(Best(runs, () => Fma(1, once)), Best(runs, () => Fma(Threads, once)), Best(runs, () => CopyBandwidth(once)));
    }

    /// <summary>The line under a table.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Cpu}, {Threads} threads, {VectorBits}-bit vectors: FMA peak {Fma1:0} GFLOP/s on one thread, {FmaAll:0} on {Threads}; copy {Copy:0.0} GB/s");

    static double Best(int runs, Func<double> measure) => Enumerable.Range(0, runs).Max(_ => measure());

    static double Fma(int threads, bool once)
    {
        int loops = once ? 10_000 : 30_000_000;
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Together(threads, _ => Peak.Fma(loops));
        return threads * (double)loops * Peak.FlopsALoop / watch.Elapsed.TotalSeconds / 1e9;
    }

    static double CopyBandwidth(bool once)
    {
        var copy = new CopyPass(once ? 1 << 18 : 64 << 20);
        copy.Run();
        int repeats = once ? 1 : 4;
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (int i = 0; i < repeats; i++) copy.Run();
        return 2.0 * copy.Bytes * repeats / watch.Elapsed.TotalSeconds / 1e9;
    }

    static void Together(int threads, Action<int> work)
    {
        Thread[] helpers = [.. Enumerable.Range(1, threads - 1).Select(t => new Thread(() => work(t)))];
        foreach (var h in helpers) h.Start();
        work(0);
        foreach (var h in helpers) h.Join();
    }

    static string CpuName()
    {
        string? line = File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) : null;
        return line?.Split(':')[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }
}
