using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>y ← Σ_s partial[s], a chunk a task, in the order of s; y may be the first of them.</summary>
internal readonly unsafe struct AddPartials(float* partial, float* y, long size, int count) : ICpuTask
{
    const int Chunk = 4096;

    readonly float* partial = partial, y = y;

    public static void Run(float* partial, float* y, long size, int count)
        => CpuThreads.For((int)((size + Chunk - 1) / Chunk), new AddPartials(partial, y, size, count));

    public void Run(int task)
    {
        var lane = new Lane { Partial = partial, Y = y, Size = (nint)size, Count = count };
        Lanes.Run((nint)task * Chunk, (nint)Math.Min(size, (task + 1L) * Chunk), ref lane);
    }

    struct Lane : ILane
    {
        public float* Partial, Y;
        public nint Size;
        public int Count;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void At<V>(nint i) where V : unmanaged, IVec<V>
        {
            V sum = Lanes.Load<V>(Partial + i);
            for (int s = 1; s < Count; s++) sum += Lanes.Load<V>(Partial + (s * Size) + i);
            Lanes.Store(Y + i, sum);
        }
    }
}
