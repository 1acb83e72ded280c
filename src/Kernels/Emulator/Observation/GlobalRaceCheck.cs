using System.Numerics;

namespace Tessera.Emulator;

/// <summary>Who touched global memory, for all blocks of a launch; cells are made when an allocation is first touched.</summary>
sealed class GlobalShadow(int granule, bool shared) : IDisposable
{
    readonly Dictionary<Allocation, Cells> cells = [];
    readonly Lock[] locks = [.. Enumerable.Range(0, shared ? 64 : 1).Select(_ => new Lock())];

    public int Granule => granule;

    public Events Events { get; } = new();

    /// <summary>The cells of an allocation or its arena, from the start of that rounded down to 16 bytes.</summary>
    public Cells Of(Allocation a)
    {
        a = a.Home ?? a;
        lock (cells) return cells.TryGetValue(a, out Cells? known) ? known : cells[a] = new((a.Bytes + 32) / granule + 1);
    }

    /// <summary>Memory is another thread's from now on: what was done to it before does not count.</summary>
    public void Forget(Allocation taken) => Of(taken).Clear((long)(taken.Start - (taken.Home ?? taken).Start) / granule, (taken.Bytes + granule - 1) / granule);

    /// <summary>Whoever looks at cells of a page of memory holds its lock.</summary>
    public Lock LockOf(ulong address) => locks[address >> 12 & (uint)(locks.Length - 1)];

    public void Dispose()
    {
        foreach (Cells c in cells.Values) c.Dispose();
        Events.Dispose();
    }
}

/// <summary>Races on global memory, inside of a block and between blocks. A launch of more than 2^27 events is watched up to there.</summary>
sealed unsafe class GlobalRaceCheck(Observers observers) : RaceCheck(observers, observers.Cluster.Launch.Shadow!.Events, observers.Cluster.Launch.Shadow!.Granule)
{
    readonly Launch launch = observers.Cluster.Launch;
    readonly GlobalShadow shadow = observers.Cluster.Launch.Shadow!;

    /// <summary>For an instruction, by its number, whose memory it touched last: kernels read several arrays by turns.</summary>
    readonly (Allocation Memory, Cells Cells)[] places = new (Allocation, Cells)[64];

    Allocation last = null!;
    Cells cells = null!;

    public override void Touch(in Request q)
    {
        if (q.Op.Order.IsNonCoherent) LookForWrites(q);
        if (!Begin(q)) return;
        (last, cells) = places[q.Op.Site & (places.Length - 1)];
        if (PageOf(q) is Lock page)
        {
            lock (page)
            {
                if (!TogetherAt(q, 0, q.Low)) Each(q, q.Half(0), page);
                if (!TogetherAt(q, 16, q.High)) Each(q, q.Half(16), page);
            }
        }
        else
        {
            Half(q, 0, q.Low);
            Half(q, 16, q.High);
        }
        places[q.Op.Site & (places.Length - 1)] = (last, cells);
    }

    /// <summary>A non-coherent load is for memory that nobody writes while the kernel runs, whatever orders the two.</summary>
    void LookForWrites(in Request q)
    {
        for (uint m = q.Mask; m != 0; m &= m - 1)
        {
            int lane = BitOperations.TrailingZeroCount(m);
            Find(q.At[lane], q.Bytes);
            if (!cells.HasWrite) continue;
            long first = Index(q.At[lane]);
            for (long i = first; i < first + (q.Bytes >> Shift); i++)
            {
                if (cells.Write[i] == 0) continue;
                ReportStale(q, lane, cells.Write[i], (int)(i - first) << Shift);
                break;
            }
        }
    }

    /// <summary>The lock for all lanes of a request that lie in patterns, within a page; null where one is not enough.</summary>
    Lock? PageOf(in Request q) => PageOf(q, 0, q.Low) is Lock page && page == PageOf(q, 16, q.High) ? page : null;

    Lock? PageOf(in Request q, int first, Pattern pattern)
    {
        if (pattern == Pattern.Any) return null;
        Lock page = shadow.LockOf(q.At[first]);
        return page == shadow.LockOf(q.At[first + 15]) ? page : null;
    }

    void Half(in Request q, int first, Pattern pattern)
    {
        if (PageOf(q, first, pattern) is Lock page) lock (page) if (TogetherAt(q, first, pattern)) return;
        Each(q, q.Half(first), null);
    }

    bool TogetherAt(in Request q, int first, Pattern pattern)
    {
        Find(q.At[first], q.Bytes);
        return last.Holds(q.At[first + 15], q.Bytes) && Together(q, first, pattern, cells, Index(q.At[first]));
    }

    /// <summary>Lane by lane; whose lock is held already is not locked again.</summary>
    void Each(in Request q, uint mask, Lock? page)
    {
        Lock? held = page;
        for (; mask != 0; mask &= mask - 1)
        {
            int lane = BitOperations.TrailingZeroCount(mask);
            ulong at = q.At[lane];
            Find(at, q.Bytes);
            Lock needed = shadow.LockOf(at);
            if (needed != held)
            {
                held?.Exit();
                (held = needed).Enter();
            }
            Touch(q, lane, cells, Index(at));
        }
        if (held != page) held?.Exit();
    }

    void Find(ulong at, int bytes)
    {
        if (last != null && last.Holds(at, bytes)) return;
        last = launch.Memory.Find(at, bytes)!;
        cells = shadow.Of(last);
    }

    long Index(ulong at) => (long)(at - ((last.Home ?? last).Start & ~15ul)) >> Shift;
}

/// <summary>What the text of a kernel says about its accesses before it runs.</summary>
static class Granule
{
    /// <summary>The bytes of the smallest access to a space that the kernel, or a function it may call, can make: a power of two.</summary>
    public static int Of(Code code, Space space)
    {
        int least = 16;
        foreach (Instruction i in Instructions(code)) if (Bytes(i, space) is int bytes and > 0) least = Math.Min(least, bytes);
        return least;
    }

    /// <summary>Whether the kernel orders memory by fences, or by accesses that acquire or release.</summary>
    public static bool Fences(Code code) => Instructions(code).Any(i => (i.Opcode is "membar" or "fence" && !i.Has("proxy"))
        || (i.Opcode is "ld" or "st" or "atom" or "red" && (i.Has("acquire") || i.Has("release") || i.Has("acq_rel"))));

    static IEnumerable<Instruction> Instructions(Code code) =>
        code.Image.Module.Functions.Where(f => f == code.Function || !f.IsEntry).SelectMany(f => f.Body ?? []).OfType<Instruction>();

    static int Bytes(Instruction i, Space space)
    {
        if (i.Opcode is not ("ld" or "ldu" or "st" or "atom" or "red" or "wmma" or "cp")) return 0;
        if (i.Opcode != "cp" && space != Space.Generic && i.Has(space == Space.Shared ? "global" : "shared")) return 0;
        PtxType type = i.Modifiers.Select(PtxTypes.Parse).FirstOrDefault(t => t != PtxType.None);
        int many = i.Has("v2") ? 2 : i.Has("v4") ? 4 : i.Has("v8") ? 8 : 1;
        if (i.Opcode == "cp") return i.Operands.Length > 2 && i.Operands[2] is ConstantOperand c ? (int)c.Value.Bits : 0;
        return type.Bits() / 8 * many;
    }
}
