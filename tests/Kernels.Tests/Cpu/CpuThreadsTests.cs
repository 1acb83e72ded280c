namespace Tessera.Tests;

[NonParallelizable]
public sealed class CpuThreadsTests
{
    int before;

    [SetUp]
    public void Remember() => before = CpuThreads.Count;

    [TearDown]
    public void Restore() => CpuThreads.Count = before;

    readonly struct Mark(int[] hits) : ICpuTask
    {
        public void Run(int task) => Interlocked.Increment(ref hits[task]);
    }

    readonly struct Nested(int[] hits, int inner) : ICpuTask
    {
        public void Run(int task)
        {
            var row = new int[inner];
            CpuThreads.For(inner, new Mark(row));
            Interlocked.Add(ref hits[task], row.Sum());
        }
    }

    readonly struct Fail(int at) : ICpuTask
    {
        public void Run(int task)
        {
            if (task == at) throw new InvalidOperationException($"task {task}");
        }
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(7)]
    public void EveryTaskRunsOnce(int threads)
    {
        CpuThreads.Count = threads;
        foreach (int tasks in (int[])[0, 1, 2, 5, 64, 1000])
            for (int repeat = 0; repeat < 50; repeat++)
            {
                int[] hits = new int[tasks];
                CpuThreads.For(tasks, new Mark(hits));
                Assert.That(hits, Is.All.EqualTo(1), $"{tasks} tasks");
            }
    }

    [Test]
    public void NestedCallsComplete()
    {
        CpuThreads.Count = 3;
        int[] hits = new int[40];
        CpuThreads.For(hits.Length, new Nested(hits, 17));
        Assert.That(hits, Is.All.EqualTo(17));
    }

    [Test]
    public void ManyCallersComplete()
    {
        CpuThreads.Count = 3;
        int failures = 0;
        var callers = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 2000; i++)
            {
                int[] hits = new int[13];
                CpuThreads.For(hits.Length, new Mark(hits));
                if (hits.Any(h => h != 1)) Interlocked.Increment(ref failures);
                if (i % 500 == 0) Thread.Sleep(1);
            }
        })).ToList();
        callers.ForEach(t => t.Start());
        Assert.That(callers.TrueForAll(t => t.Join(TimeSpan.FromSeconds(60))), Is.True, "a caller hangs");
        Assert.That(failures, Is.Zero);
    }

    [TestCase(1)]
    [TestCase(3)]
    public void ExceptionReachesTheCallerAndTheNextJobRuns(int threads)
    {
        CpuThreads.Count = threads;
        for (int repeat = 0; repeat < 100; repeat++)
        {
            var e = Assert.Throws<InvalidOperationException>(() => CpuThreads.For(50, new Fail(repeat % 50)));
            Assert.That(e!.Message, Is.EqualTo($"task {repeat % 50}"));
            int[] hits = new int[20];
            CpuThreads.For(hits.Length, new Mark(hits));
            Assert.That(hits, Is.All.EqualTo(1));
        }
    }

    [TestCase(typeof(ThreadStartException), false)]
    [TestCase(typeof(OutOfMemoryException), false)]
    [TestCase(typeof(NotSupportedException), true)]
    public void AThreadThatDoesNotStartLeavesTheOthersAtWork(Type failure, bool isThrown)
    {
        CpuThreads.Count = 1024; // more than any other test has started
        var launch = CpuThreads.Launch;
        try
        {
            CpuThreads.Launch = _ => throw (Exception)System.Runtime.CompilerServices.RuntimeHelpers.GetUninitializedObject(failure);
            Action job = () => EveryTask(1024);
            if (isThrown) Assert.That(() => job(), Throws.TypeOf(failure));
            else job();
        }
        finally
        {
            CpuThreads.Launch = launch;
        }
        CpuThreads.Count = 3;
        Assert.That(SharingThreads(), Is.GreaterThan(1), "the workers are not free again");
    }

    /// <summary>How many threads worked at a job that waits for a second one, if need be for a second.</summary>
    static int SharingThreads()
    {
        var seen = new System.Collections.Concurrent.ConcurrentDictionary<int, int>();
        CpuThreads.For(200, new Meet(seen));
        return seen.Count;
    }

    readonly struct Meet(System.Collections.Concurrent.ConcurrentDictionary<int, int> seen) : ICpuTask
    {
        public void Run(int task)
        {
            seen[Environment.CurrentManagedThreadId] = task;
            for (int i = 0; seen.Count < 2 && i < 5; i++) Thread.Sleep(1);
        }
    }

    static void EveryTask(int tasks)
    {
        int[] hits = new int[tasks];
        CpuThreads.For(tasks, new Mark(hits));
        Assert.That(hits, Is.All.EqualTo(1), $"{tasks} tasks");
    }

    [Test]
    public void SleepingWorkersWakeUp()
    {
        CpuThreads.Count = 2;
        for (int repeat = 0; repeat < 20; repeat++)
        {
            Thread.Sleep(2);
            int[] hits = new int[100];
            CpuThreads.For(hits.Length, new Mark(hits));
            Assert.That(hits, Is.All.EqualTo(1));
        }
    }

    [Test]
    public void CallsAllocateNothing()
    {
        CpuThreads.Count = 2;
        int[] hits = new int[100];
        CpuThreads.For(hits.Length, new Mark(hits));
        long start = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) CpuThreads.For(hits.Length, new Mark(hits));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - start, Is.Zero);
    }

    [TestCase(0)]
    [TestCase(1025)]
    public void CountOutsideItsRangeIsRefused(int threads)
        => Assert.That(() => CpuThreads.Count = threads, Throws.TypeOf<TesseraException>().With.Message.Contains("expected 1..1024"));
}
