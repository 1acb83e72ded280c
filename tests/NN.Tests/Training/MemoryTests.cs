using System.Diagnostics;
using Tessera.NN;

namespace Tessera.Tests;

[NonParallelizable]
public sealed class MemoryTests
{
    [Test]
    [CancelAfter(120_000)]
    public void TenThousandStepsTakeNoMoreMemoryThanAHundred()
    {
        const int Steps = 10_000, Early = 100;
        var learn = Toy.Learner(Toy.Data(batchSize: 10, items: 1000, validItems: 0));
        var memory = Device.Cpu.Memory;
        long[] live = new long[Steps], blocks = new long[Steps];
        long early = 0;
        var probe = new Probe
        {
            Event = (e, s) =>
            {
                if (e is not "batch_begin") return;
                if (s.Iteration == Early)
                {
                    Collect(); // what earlier tests and the model's initialisation left
                    early = PeakResidentBytes();
                }
                (live[s.Iteration], blocks[s.Iteration]) = (memory.LiveBlocks, memory.Allocations);
            }
        };
        learn.Fit(Steps / learn.Data.Train.BatchCount, 1e-3f, callbacks: [probe]);

        Assert.That(learn.Recorder.Losses, Has.Count.EqualTo(Steps));
        // A finalizer may have begun to give a block back and not be done yet: what counts is that nothing stays.
        Assert.That(live[Early..].Chunk(1000).Select(c => c.Min()), Is.All.EqualTo(live[Early]), "live blocks at the begin of a batch");
        Assert.That(blocks[^1], Is.LessThanOrEqualTo(blocks[Early] + 4), "blocks taken from the system");
        const int Runtime = 16 << 20; // code compiled again for speed, stacks: in a small process more than a twentieth
        Assert.That(PeakResidentBytes(), Is.LessThan((1.05 * early) + Runtime), "peak resident memory");
    }

    [Test]
    public void AFitCallGivesEverythingBackButGradientsAndMoments()
    {
        var learn = Toy.Learner();
        learn.FitOneCycle(1);
        Collect();
        long live = Device.Cpu.Memory.Live;
        learn.FitOneCycle(2);
        learn.Validate();
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(live));
    }

    static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    static long PeakResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        process.Refresh();
        return process.PeakWorkingSet64;
    }
}
