using System.Numerics;

namespace Tessera.Emulator;

/// <summary>Counts what the blocks of one worker thread do; the launch adds these up.</summary>
sealed unsafe class Counter(Observers observers) : Observer
{
    readonly Launch launch = observers.Cluster.Launch;
    readonly long[] counts = new long[Enum.GetValues<Count>().Length];
    long[] warps = [], threads = [];
    Allocation? last;
    ulong[][] footprint = [];

    /// <summary>A warp comes to an instruction with <paramref name="mask"/>, and <paramref name="active"/> of these lanes run it.</summary>
    public void Step(Warp w, Op op, uint mask, uint active)
    {
        if (op.Site >= warps.Length)
        {
            Array.Resize(ref warps, observers.Cluster.Launch.Code.Image.Sites.Count);
            Array.Resize(ref threads, warps.Length);
        }
        warps[op.Site]++;
        threads[op.Site] += BitOperations.PopCount(active);
        if (op is Branch && active != 0 && active != mask) Add(Count.DivergentBranches, 1);
    }

    void Add(Count what, long number) => counts[(int)what] += number;

    public override void Touch(in Request q)
    {
        if (q.Op.Work.Kind == Count.GenericInstructions) Add(KindOf(q.Space), 1);
        switch (q.Space)
        {
            case Space.Shared:
                Add(q, Count.SharedBytesRead, Count.SharedBytesWritten);
                Add(Count.SharedRequests, 1);
                Add(Count.BankConflicts, Traffic.Conflicts(q));
                break;
            case Space.Local:
                Add(q, Count.LocalBytesRead, Count.LocalBytesWritten);
                break;
            case Space.Global when q.Op.Work.Kind != Count.ParameterInstructions:
                Add(q, Count.GlobalBytesRead, Count.GlobalBytesWritten);
                Global(q);
                break;
        }
    }

    static Count KindOf(Space space) => space switch
    {
        Space.Shared => Count.SharedInstructions,
        Space.Local => Count.LocalInstructions,
        Space.Param => Count.ParameterInstructions,
        _ => Count.GlobalInstructions,
    };

    void Add(in Request q, Count read, Count written)
    {
        long bytes = (long)q.Bytes * BitOperations.PopCount(q.Mask);
        if ((q.Access & Access.Read) != 0) Add(read, bytes);
        if ((q.Access & Access.Write) != 0) Add(written, bytes);
    }

    void Global(in Request q)
    {
        ulong* touched = stackalloc ulong[32];
        int count = Traffic.Sectors(q, touched);
        Add(Count.GlobalRequests, 1);
        Add(Count.GlobalSectors, count);
        for (int i = 0; i < count; i++)
        {
            ulong at = touched[i] * 32;
            if (last == null || !last.Holds(at, 1))
            {
                last = launch.Memory.Find(at, 1) ?? launch.Memory.Find(at + 31, 1)!;
                footprint = launch.Footprint.Of(last);
            }
            ulong sector = touched[i] - (last.Start / 32);
            if ((q.Access & Access.Read) != 0) Footprint.Mark(footprint[0], sector);
            if ((q.Access & Access.Write) != 0) Footprint.Mark(footprint[1], sector);
        }
    }

    /// <summary>Adds this thread's counts to those of the launch.</summary>
    public void AddTo(long[] sum)
    {
        for (int i = 0; i < warps.Length; i++)
        {
            Work work = launch.Code.Image.Sites[i].Work;
            Add(Count.WarpInstructions, warps[i]);
            Add(Count.ThreadInstructions, threads[i]);
            if (work.Kind != Count.GenericInstructions) Add(work.Kind, warps[i]);
            Add(work.Type, work.Flops * (work.Kind == Count.MatrixInstructions ? warps[i] : threads[i]));
        }
        for (int i = 0; i < sum.Length; i++) sum[i] += counts[i];
    }

    public override void Dispose()
    {
        base.Dispose();
        launch.Add(this);
    }
}
