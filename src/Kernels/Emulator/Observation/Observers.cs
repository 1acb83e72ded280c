namespace Tessera.Emulator;

/// <summary>The observers of one worker thread, and what they share. Where nothing is asked for there are none, and that costs nothing.</summary>
sealed class Observers : IDisposable
{
    readonly Observer[] all;
    readonly DefinedCheck? defined;
    readonly SharedRaceCheck? sharedRaces;
    readonly GlobalRaceCheck? globalRaces;
    readonly BarrierCheck? barriers;
    readonly MaskCheck? masks;
    readonly Counter? counter;

    public Observers(Cluster cluster, PtxChecks checks, bool count)
    {
        (Cluster, Clocks, Groups) = (cluster, new(cluster.Launch.ClusterSize), new(cluster.Launch.ClusterSize));
        if (checks.HasFlag(PtxChecks.Uninitialized)) defined = new(this);
        if (checks.HasFlag(PtxChecks.SharedRaces)) sharedRaces = new(this);
        if (checks.HasFlag(PtxChecks.GlobalRaces)) globalRaces = new(this);
        if ((sharedRaces != null || globalRaces != null) && Granule.Fences(cluster.Launch.Code)) Clocks.Handovers = new(this);
        if (checks.HasFlag(PtxChecks.Barriers)) barriers = new(this);
        if (checks.HasFlag(PtxChecks.Masks)) masks = new(this);
        if (count) counter = new(this);
        all = [.. new Observer?[] { defined, sharedRaces, globalRaces, counter }.OfType<Observer>()];
    }

    public Cluster Cluster { get; }

    public Clocks Clocks { get; }

    /// <summary>What threads hand over through flags; null where no kernel of the launch does that, or no races are looked for.</summary>
    public Handovers? Handovers => Clocks.Handovers;

    public AsyncGroups Groups { get; }

    public Findings Findings => Cluster.Launch.Findings;

    public void Start()
    {
        Clocks.Start();
        Handovers?.Start();
        Groups.Start();
        foreach (Observer o in all) o.Start();
    }

    /// <summary>Any operation is about to run.</summary>
    public void Step(Warp w, Op op, uint mask, uint active)
    {
        counter?.Step(w, op, mask, active);
        if (active != 0 && op.IsObserved) Step(w, op, active);
    }

    /// <summary>One that is to be looked at is about to run.</summary>
    public void Step(Warp w, Op op, uint active)
    {
        if (masks != null && op.Members is Slot64 members) masks.Step(w, op, members, active);
        if (op.Unwritten != null) defined?.Read(w, op, active);
        if (all.Length > 0) op.Observe(w, active);
    }

    public void Touch(in Request q)
    {
        Handovers?.Finish();
        if (q.Space is Space.Shared or Space.Global or Space.Local) defined?.Touch(q);
        if (q.Space == Space.Shared) sharedRaces?.Touch(q);
        else if (q.Space == Space.Global) globalRaces?.Touch(q);
        counter?.Touch(q);
        if ((q.Access & Access.Strong) != 0 && q.Op is not MbarrierUser && q.Space is Space.Shared or Space.Global) Handovers?.Touch(q);
    }

    /// <summary>A warp enters a function.</summary>
    public void Enter(Warp w, Code code) => defined?.Enter(w, code);

    public void Arrive(Warp w, BarrierOp op, int id, uint mask, int count, bool waits)
    {
        barriers?.Arrive(w, op, mask, count);
        if (!waits) Clocks.Arrive(w.Cta.Rank, id, w.Number);
    }

    /// <summary>A barrier lets those go on that wait there.</summary>
    public void Release(Cta block, Barrier b)
    {
        Span<int> warps = stackalloc int[b.Waiting.Count];
        uint waited = 0;
        for (int i = 0; i < warps.Length; i++)
        {
            warps[i] = b.Waiting[i].Warp.Number;
            waited |= 1u << b.Waiting[i].Warp.Index;
        }
        Clocks.Release(block.Rank, b.Id, warps);
        if (Cluster.Size == 1 && waited == uint.MaxValue >> (32 - block.Warps.Count)) sharedRaces?.Settle();
    }

    /// <summary>Lanes come to the cluster's barrier, or wait for it.</summary>
    public void ComeToCluster(Warp w, Op op, uint mask, bool aligned)
    {
        if (aligned) barriers?.Align(w, op, mask);
    }

    public void ArriveAtCluster(Warp w, bool releases) => Clocks.ArriveAtCluster(w.Number, releases);

    public void CompleteCluster() => Clocks.CompleteCluster();

    public void PassCluster(Warp w) => Clocks.PassCluster(w.Number);

    /// <summary>A warp waits for its asynchronous copies, but for the last groups of them.</summary>
    public void Wait(int warp, int keep) => Groups.Wait(warp, keep, Clocks.Now(warp));

    /// <summary>Lanes execute a fence; its scope is 0 for the block, 1 for the cluster, 2 for the device.</summary>
    public void Fence(Warp w, uint mask, int level)
    {
        if (level > 0) Clocks.Fence(w.Number);
        Handovers?.Fence(w.Number, mask, level);
    }

    /// <summary>A lane's address, some bytes further, as its owner sees it who is in a block.</summary>
    public unsafe string Place(in Request q, int lane, int offset, long block)
    {
        ulong at = q.At[lane] + (ulong)offset;
        if (q.Space == Space.Shared) return SharedPlace((int)at, block);
        if (q.Space == Space.Local) return q.Warp.LocalPlace((uint)(q.Warp.LocalOffset(at) % q.Warp.LocalStride));
        Allocation a = Cluster.Launch.Memory.Find(at, 1)!;
        return $"{a.Owner} + {at - a.Start} of {a.Bytes}";
    }

    string SharedPlace(int at, long block)
    {
        string name = Cluster.Launch.Code.Layout.NameOf(at % Cluster.Stride);
        long owner = Cluster.Block(at / Cluster.Stride).Index;
        return owner == block ? name : $"{name} in block {Cluster.Launch.BlockAt(owner)}";
    }

    public void Dispose()
    {
        foreach (Observer o in all) o.Dispose();
    }
}
