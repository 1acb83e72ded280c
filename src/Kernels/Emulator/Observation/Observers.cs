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

    public Observers(Cta cta, PtxChecks checks, bool count)
    {
        Cta = cta;
        if (checks.HasFlag(PtxChecks.Uninitialized)) defined = new(this);
        if (checks.HasFlag(PtxChecks.SharedRaces)) sharedRaces = new(this);
        if (checks.HasFlag(PtxChecks.GlobalRaces)) globalRaces = new(this);
        if (checks.HasFlag(PtxChecks.Barriers)) barriers = new(this);
        if (checks.HasFlag(PtxChecks.Masks)) masks = new(this);
        if (count) counter = new(this);
        all = [.. new Observer?[] { defined, sharedRaces, globalRaces, counter }.OfType<Observer>()];
    }

    public Cta Cta { get; }

    public Clocks Clocks { get; } = new();

    public AsyncGroups Groups { get; } = new();

    public Findings Findings => Cta.Launch.Findings;

    public void Start()
    {
        Clocks.Start();
        Groups.Start();
        foreach (Observer o in all) o.Start();
    }

    public void Step(Warp w, Op op, uint mask, uint active)
    {
        counter?.Step(w, op, mask, active);
        if (active == 0 || !op.IsObserved) return;
        if (masks != null && op.Members is Slot64 members) masks.Step(w, op, members, active);
        op.Observe(w, active);
    }

    public void Touch(in Request q)
    {
        if (q.Space is Space.Shared or Space.Global) defined?.Touch(q);
        if (q.Space == Space.Shared) sharedRaces?.Touch(q);
        else if (q.Space == Space.Global) globalRaces?.Touch(q);
        counter?.Touch(q);
    }

    public void Arrive(Warp w, BarrierOp op, int id, uint mask, int count, bool waits)
    {
        barriers?.Arrive(w, op, mask, count);
        if (!waits) Clocks.Arrive(id, w.Index);
    }

    /// <summary>A barrier lets those go on that wait there.</summary>
    public void Release(Barrier b)
    {
        Span<int> warps = stackalloc int[b.Waiting.Count];
        uint waited = 0;
        for (int i = 0; i < warps.Length; i++) waited |= 1u << (warps[i] = b.Waiting[i].Warp.Index);
        Clocks.Release(b.Id, warps);
        if (waited == uint.MaxValue >> (32 - Cta.Warps)) sharedRaces?.Settle();
    }

    /// <summary>A warp waits for its asynchronous copies, but for the last groups of them.</summary>
    public void Wait(int warp, int keep) => Groups.Wait(warp, keep, Clocks.Now(warp));

    public void Fence()
    {
        foreach (Observer o in all) o.Fence();
    }

    /// <summary>A lane's address as its owner sees it, some bytes further.</summary>
    public unsafe string Place(in Request q, int lane, int offset = 0)
    {
        ulong at = q.At[lane] + (ulong)offset;
        if (q.Space == Space.Shared) return Cta.Launch.Code.Layout.NameOf((int)at);
        Allocation a = Cta.Launch.Memory.Find(at, 1)!;
        return $"{a.Owner} + {at - a.Start} of {a.Bytes}";
    }

    public void Dispose()
    {
        foreach (Observer o in all) o.Dispose();
    }
}
