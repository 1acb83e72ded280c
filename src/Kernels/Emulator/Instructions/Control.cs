using System.Numerics;

namespace Tessera.Emulator;

sealed class Branch(Target target) : Op
{
    public override void Run(Warp w, uint mask) => w.Frame.Add(target.Block, mask);
}

/// <summary>A branch by a table.</summary>
sealed unsafe class IndexedBranch(Slot64 index, Target[] targets) : Op
{
    public override void Run(Warp w, uint mask)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            ulong k = index.Read(w.Registers, i);
            if (k >= (ulong)targets.Length) throw w.Fail(this, i, "branch", $"the index {k} is outside the table of {targets.Length} targets");
            w.Frame.Add(targets[k].Block, 1u << i);
        }
    }
}

sealed class Return : Op
{
    public override void Run(Warp w, uint mask) => w.Return(mask);
}

sealed class Exit : Op
{
    public override void Run(Warp w, uint mask) => w.Exit(mask);
}

sealed class Trap : Op
{
    public override void Run(Warp w, uint mask) => throw w.Fail(this, BitOperations.TrailingZeroCount(mask), "trap", "the kernel stopped itself");
}

sealed class Nothing : Op
{
    public override void Run(Warp w, uint mask) { }
}

/// <summary>bar.warp.sync: lanes run in step here, so only the order of their memory matters, to those who look on.</summary>
sealed class WarpBarrier : Op
{
    public override void Run(Warp w, uint mask) => w.Cta.Observers?.Clocks.Synchronise(w.Number);
}

/// <summary>membar and fence: memory is always up to date here, so only those who look on care.</summary>
sealed class Fence(int level) : Op
{
    public override void Run(Warp w, uint mask) => w.Cta.Observers?.Fence(w, mask, level);
}

/// <summary>A block barrier: sync, arrive, or a reduction of predicates.</summary>
sealed unsafe class BarrierOp(Slot64 id, Slot64? count, bool waits, int resume, string reduction, int result, int vote, bool negated) : Op
{
    /// <summary>All threads of a warp come to it together.</summary>
    public bool Aligned { get; init; }

    public override void Run(Warp w, uint mask)
    {
        int lane = BitOperations.TrailingZeroCount(mask);
        uint votes = vote < 0 ? 0 : negated ? ~*(uint*)(w.Registers + vote) & mask : *(uint*)(w.Registers + vote) & mask;
        if (!waits) w.Frame.Add(resume, mask);
        w.Cta.Arrive(w, this, (int)id.Read(w.Registers, lane), count is Slot64 c ? (int)c.Read(w.Registers, lane) : 0, mask, votes, waits, resume);
    }

    /// <summary>Gives the reduction's result to lanes that waited.</summary>
    public void Deliver(Frame frame, uint mask, Barrier b)
    {
        if (result < 0) return;
        byte* r = b.Waiting.First(x => x.Frame == frame).Warp.RegistersOf(frame);
        if (reduction == "popc")
        {
            for (; mask != 0; mask &= mask - 1) ((uint*)(r + result))[BitOperations.TrailingZeroCount(mask)] = (uint)b.True;
        }
        else SetPredicate(r, result, mask, (reduction == "and" ? b.True == b.Votes : b.True > 0) ? ~0u : 0);
    }
}

/// <summary>Calls a function: arguments go into the callee's parameters; the frame brings the results back when it returns.</summary>
sealed unsafe class Call(Func<Code> callee, CallValue[] arguments, CallValue[] results, int returnBlock) : Op
{
    public override void Run(Warp w, uint mask)
    {
        Code code = callee();
        int caller = w.LocalBase;
        int calleeLocal = caller + (w.Frame.Code.LocalBytes + 15 & ~15);
        byte* from = w.Registers;
        w.Push(code, mask, returnBlock, results);
        foreach (CallValue argument in arguments) argument.Move(w, this, mask, from, w.Registers, caller, calleeLocal);
    }
}

/// <summary>
/// Calls the function whose address a register holds. Lanes that want another one come to this block of code, which holds nothing else, again.
/// </summary>
sealed unsafe class IndirectCall(Slot64 target, Dictionary<ulong, Call> known, int here) : Op
{
    public override void Run(Warp w, uint mask)
    {
        int first = BitOperations.TrailingZeroCount(mask);
        ulong address = target.Read(w.Registers, first);
        uint same = 0;
        for (uint m = mask; m != 0; m &= m - 1)
            if (target.Read(w.Registers, BitOperations.TrailingZeroCount(m)) == address) same |= m & (0 - m);
        if (!known.TryGetValue(address, out Call? call)) throw w.Fail(this, first, "call", $"0x{address:X} is the address of no function that this call may reach");
        w.Frame.Add(here, mask & ~same);
        call.Run(w, same);
    }
}

/// <summary>A value on its way into or out of a function: from a register or local memory to a register or local memory.</summary>
readonly record struct CallValue(int Bytes, Slot64? FromRegister, int FromLocal, Slot64? ToRegister, int ToLocal)
{
    /// <summary>The value in the frame of the caller.</summary>
    public unsafe ulong Read(Warp w, Op op, int lane)
    {
        if (FromRegister is Slot64 source) return source.Read(w.Registers, lane);
        ulong value = 0;
        Buffer.MemoryCopy(w.Local(lane, (uint)(w.LocalBase + FromLocal), Bytes, op), &value, 8, Math.Min(8, Bytes));
        return value;
    }

    /// <summary>Gives the caller a result.</summary>
    public unsafe void Write(Warp w, Op op, int lane, ulong value)
    {
        if (ToRegister is Slot64 target) target.Write(w.Registers, lane, value);
        else Buffer.MemoryCopy(&value, w.Local(lane, (uint)(w.LocalBase + ToLocal), Bytes, op), Bytes, Math.Min(8, Bytes));
    }

    public unsafe void Move(Warp w, Op op, uint mask, byte* fromFrame, byte* toFrame, int fromBase, int toBase)
    {
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            ulong value = 0;
            byte* from = FromRegister == null ? w.Local(i, (uint)(fromBase + FromLocal), Bytes, op) : (byte*)&value;
            byte* to = ToRegister == null ? w.Local(i, (uint)(toBase + ToLocal), Bytes, op) : (byte*)&value;
            if (FromRegister is Slot64 source) value = source.Read(fromFrame, i);
            if (from != to) Buffer.MemoryCopy(from, to, Bytes, Bytes);
            if (ToRegister is Slot64 target) target.Write(toFrame, i, value);
        }
    }
}
