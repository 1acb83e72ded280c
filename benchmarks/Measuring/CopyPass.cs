namespace Tessera.Benchmarks;

/// <summary>A copy of floats by all threads: what any pass over memory is held against.</summary>
sealed class CopyPass(long bytes)
{
    const int Tasks = 64;

    readonly float[] x = new float[bytes / sizeof(float)], y = new float[bytes / sizeof(float)];

    /// <summary>Bytes copied; twice as many pass through memory.</summary>
    public long Bytes => x.LongLength * sizeof(float);

    /// <summary>Does it once.</summary>
    public void Run() => CpuThreads.For(Tasks, new Slices(x, y));

    readonly struct Slices(float[] x, float[] y) : ICpuTask
    {
        public void Run(int task)
        {
            int from = (int)((long)x.Length * task / Tasks), to = (int)((long)x.Length * (task + 1) / Tasks);
            x.AsSpan(from, to - from).CopyTo(y.AsSpan(from));
        }
    }
}
