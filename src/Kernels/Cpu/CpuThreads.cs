using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Tessera;

/// <summary>A piece of work that is cut into numbered tasks, which may run in any order and at the same time.</summary>
internal interface ICpuTask
{
    /// <summary>Does task number <paramref name="task"/>.</summary>
    void Run(int task);
}

/// <summary>
/// The compute threads of the CPU device: they live as long as the process, spin a moment for more work, then sleep. The tasks of a job are
/// dealt out in ranges, each with an atomic counter: a thread begins with its own, in every job the same part, so that it reads what it has written
/// itself, and then helps with the others', so that a slow thread takes fewer. The calling thread works too. Nested calls, and calls made while
/// another thread has the workers, run on the calling thread alone: nothing ever waits for a free worker.
/// </summary>
public static unsafe class CpuThreads
{
    static readonly long SpinTicks = Stopwatch.Frequency / 20_000; // 50 µs
    static Worker[] workers = [];
    static int count;

    // The job: written while the door is shut and nobody is inside.
    static delegate*<void*, int, void> drain;
    static void* body;
    static Exception? error;
    static Counters job;
    static readonly TaskRange[] ranges = new TaskRange[8];
    static int dealt;
    static int owned;

    [ThreadStatic]
    static bool working;

    /// <summary>Starts a worker's thread; tests let it fail.</summary>
    internal static Action<Thread> Launch { get; set; } = static thread => thread.Start();

    /// <summary>Threads that compute together, the caller included; at least 1. Default: <c>TESSERA_THREADS</c>, or one a processor. Results do not depend on it.</summary>
    /// <exception cref="TesseraException">Not within 1..1024.</exception>
    public static int Count
    {
        get => count != 0 ? count : count = FromEnvironment();
        set => count = value is >= 1 and <= 1024
            ? value
            : throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"CpuThreads.Count: out of range: got {value}, expected 1..1024."));
    }

    /// <summary>Runs tasks 0..<paramref name="tasks"/>-1 of <paramref name="work"/> and returns when all are done. Allocates nothing.</summary>
    /// <exception cref="Exception">The first exception of a task; tasks not begun by then are skipped.</exception>
    internal static void For<TBody>(int tasks, in TBody work) where TBody : struct, ICpuTask
    {
        TBody local = work;
        if (tasks > 1 && Count > 1 && !working && Interlocked.CompareExchange(ref owned, 1, 0) == 0)
            RunShared(tasks, ref local);
        else
            for (int i = 0; i < tasks; i++) local.Run(i);
    }

    static void RunShared<TBody>(int tasks, ref TBody local) where TBody : struct, ICpuTask
    {
        Exception? failure;
        try
        {
            working = true;
            int helpers = Math.Min(Count, tasks) - 1;
            if (helpers > workers.Length) Grow(helpers);
            failure = Share(tasks, helpers, ref local);
        }
        finally
        {
            working = false;
            Volatile.Write(ref owned, 0);
        }
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
    }

    // `local` lives on the caller's stack, so its address is fixed and its references are seen by the collector while the caller waits here.
    static Exception? Share<TBody>(int tasks, int helpers, ref TBody local) where TBody : struct, ICpuTask
    {
        drain = &Drain<TBody>;
        body = Unsafe.AsPointer(ref local);
        error = null;
        Deal(tasks, helpers + 1);
        Flip();
        Interlocked.Increment(ref job.Epoch);
        Wake(helpers);
        Drain<TBody>(body, 0);
        Flip();
        var spin = default(SpinWait);
        while (Volatile.Read(ref job.Inside) != int.MinValue) spin.SpinOnce(sleep1Threshold: -1);
        var failure = error;
        error = null;
        return failure;
    }

    // Opens or shuts the door. Inside = number of workers at the job, with the sign bit set while the door is shut.
    static void Flip() => Interlocked.Add(ref job.Inside, int.MinValue);

    static bool Enter()
    {
        if (Interlocked.Increment(ref job.Inside) > 0) return true;
        Interlocked.Decrement(ref job.Inside);
        return false;
    }

    static void Deal(int tasks, int threads)
    {
        dealt = Math.Min(threads, ranges.Length);
        for (int r = 0; r < dealt; r++) ranges[r] = new TaskRange { Next = (long)tasks * r / dealt, End = (long)tasks * (r + 1) / dealt };
    }

    // Looking at a counter before adding to it leaves its line with those who work there.
    static void Drain<TBody>(void* address, int thread) where TBody : struct, ICpuTask
    {
        ref TBody work = ref Unsafe.AsRef<TBody>(address);
        try
        {
            for (int r = 0; r < dealt; r++)
            {
                ref var range = ref ranges[(thread + r) % dealt];
                long i;
                while (Volatile.Read(ref range.Next) < range.End && (i = Interlocked.Increment(ref range.Next) - 1) < range.End) work.Run((int)i);
            }
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref error, e, null);
            for (int r = 0; r < dealt; r++) Interlocked.Exchange(ref ranges[r].Next, ranges[r].End);
        }
    }

    static void Wake(int helpers)
    {
        var all = workers;
        for (int i = 0; i < Math.Min(helpers, all.Length); i++) all[i].Wake();
    }

    // Where the system refuses a thread, the others do the work. Only the owner of the job comes here.
    static void Grow(int needed)
    {
        var more = workers.ToList();
        try
        {
            while (more.Count < needed) more.Add(new Worker(more.Count));
        }
        catch (Exception e) when (e is OutOfMemoryException or ThreadStartException)
        {
        }
        workers = [.. more];
    }

    static int FromEnvironment()
    {
        string? text = Environment.GetEnvironmentVariable("TESSERA_THREADS");
        if (string.IsNullOrWhiteSpace(text)) return Math.Clamp(Environment.ProcessorCount, 1, 1024);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int n) && n is >= 1 and <= 1024
            ? n
            : throw new TesseraException($"TESSERA_THREADS: not a number of threads: got '{text}', expected 1..1024.");
    }

    sealed class Worker
    {
        readonly SemaphoreSlim signal = new(0);
        readonly int index;
        int asleep;

        public Worker(int index)
        {
            this.index = index;
            Launch(new Thread(Loop) { IsBackground = true, Name = "Tessera compute " + (index + 1).ToString(CultureInfo.InvariantCulture) });
        }

        public void Wake()
        {
            if (Volatile.Read(ref asleep) == 1 && Interlocked.Exchange(ref asleep, 0) == 1) signal.Release();
        }

        void Loop()
        {
            working = true;
            // Not the current epoch: the job that made this worker has begun already.
            for (int seen = Volatile.Read(ref job.Epoch) - 1; ;)
            {
                seen = AwaitJob(seen);
                if (index >= count - 1 || !Enter()) continue;
                drain(body, index + 1);
                Interlocked.Decrement(ref job.Inside);
            }
        }

        int AwaitJob(int seen)
        {
            long start = Stopwatch.GetTimestamp();
            int epoch;
            while ((epoch = Volatile.Read(ref job.Epoch)) == seen)
            {
                if (Stopwatch.GetTimestamp() - start < SpinTicks)
                {
                    Thread.SpinWait(4);
                    continue;
                }
                Interlocked.Exchange(ref asleep, 1);
                // Sleep, unless a job came in between; a waker that cleared the flag first has released the signal, which must be taken.
                if (Volatile.Read(ref job.Epoch) == seen || Interlocked.Exchange(ref asleep, 0) == 0) signal.Wait();
                start = Stopwatch.GetTimestamp();
            }
            return epoch;
        }
    }

    // Each on a cache line of its own.
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    struct Counters
    {
        [FieldOffset(64)]
        public int Inside;

        [FieldOffset(192)]
        public int Epoch;

        public Counters() => Inside = int.MinValue;
    }

    /// <summary>Tasks that nobody has begun: <c>Next .. End - 1</c>.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    struct TaskRange
    {
        [FieldOffset(0)]
        public long Next;

        [FieldOffset(8)]
        public long End;
    }

    static CpuThreads() => job = new Counters();
}
