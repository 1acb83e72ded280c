namespace Tessera.Benchmarks;

/// <summary>
/// A copy of floats by all threads: what any pass over memory is held against. There are two ways, the faster of which counts: the runtime's, and that of a tensor, which
/// goes around the caches where they are smaller.
/// </summary>
sealed class CopyPass
{
    const int Tasks = 64;

    readonly float[] from, to;
    readonly Tensor x, y;

    /// <summary>A copy of so many bytes; twice as many pass through memory.</summary>
    public CopyPass(long bytes)
    {
        int count = checked((int)(bytes / sizeof(float)));
        (from, to) = (new float[count], new float[count]);
        (x, y) = (Tensor.Zeros([count]), Tensor.Zeros([count]));
    }

    /// <summary>Bytes copied; twice as many pass through memory.</summary>
    public long Bytes => from.LongLength * sizeof(float);

    /// <summary>Each does it once.</summary>
    public Action[] Ways => [() => CpuThreads.For(Tasks, new Slices(from, to)), () => y.CopyFrom(x)];

    /// <summary>Reads as many bytes as a copy reads and writes.</summary>
    public void Read()
    {
        using Tensor a = x.Sum(), b = y.Sum();
    }

    readonly struct Slices(float[] x, float[] y) : ICpuTask
    {
        public void Run(int task)
        {
            int from = (int)((long)x.Length * task / Tasks), to = (int)((long)x.Length * (task + 1) / Tasks);
            x.AsSpan(from, to - from).CopyTo(y.AsSpan(from));
        }
    }
}
