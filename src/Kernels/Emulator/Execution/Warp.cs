using System.Numerics;
using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>A call in progress: which lanes run where.</summary>
sealed class Frame(Code code, int registers, int local, int returnBlock, CallValue[] results)
{
    public readonly Code Code = code;
    public readonly int Registers = registers, Local = local, ReturnBlock = returnBlock;

    /// <summary>What goes back to the caller.</summary>
    public readonly CallValue[] Results = results;

    /// <summary>The lanes that stand before each block.</summary>
    public readonly uint[] Pending = new uint[code.Blocks.Length];

    public int First = code.Blocks.Length;

    /// <summary>Lanes that have returned, and lanes that wait at a barrier.</summary>
    public uint Returned, Waiting;

    public void Add(int block, uint mask)
    {
        if (mask == 0) return;
        Pending[block] |= mask;
        if (block < First) First = block;
    }
}

/// <summary>
/// 32 threads that share a program counter. Of all lanes that can run, those at the lowest block run first, so that lanes that parted
/// meet again; a warp that waits at a barrier keeps its state and returns.
/// </summary>
sealed unsafe class Warp : IDisposable
{
    /// <summary>Blocks of code that a warp runs before the others have their turn, so that it may wait for what they write; fewer where its lanes seem to wait for each other.</summary>
    const int longest = 4096, shortest = 64;

    const int stackForCalls = 1 << 20, localForCalls = 1 << 15;

    public readonly Cta Cta;
    public readonly int Index;

    /// <summary>Its number among the warps of the cluster.</summary>
    public readonly int Number;

    readonly List<Frame> frames = [];
    readonly byte* registers;
    readonly byte* local;
    readonly int registerBytes;

    /// <summary>Where the current frame's registers start.</summary>
    public byte* Registers;

    /// <summary>Bytes of local memory a lane has.</summary>
    public readonly int LocalStride;

    /// <summary>Where the current frame's local variables start, the same for all lanes.</summary>
    public int LocalBase;

    /// <summary>Bytes of its registers and local memory.</summary>
    public long Bytes => registerBytes + (LocalStride * 32L);

    /// <summary>The lanes that exist.</summary>
    public uint Lanes;

    /// <summary>The lanes that have come to the cluster's barrier in this phase, and those whose phase is complete and who have not waited yet.</summary>
    public uint Arrived, Passed;

    uint exited;

    /// <summary>The lanes that have not ended.</summary>
    public uint Live => Lanes & ~exited;

    /// <summary>The lanes that stand before the end of the kernel, with no instruction between.</summary>
    public uint Ending
    {
        get
        {
            uint lanes = 0;
            for (int i = 0; i < frames[0].Pending.Length; i++)
                if (frames[0].Pending[i] is not 0 and uint here && frames[0].Code.Blocks[i] is { Body: [], End: Return { Guard: < 0 } or Exit { Guard: < 0 } }) lanes |= here;
            return lanes;
        }
    }

    public Warp(Cta cta, int index)
    {
        (Cta, Index, Number) = (cta, index, (cta.Rank * 32) + index);
        Code code = cta.Launch.Code;
        registerBytes = code.FrameBytes + (code.Calls ? stackForCalls : 0);
        LocalStride = (code.LocalBytes + 15 & ~15) + (code.Calls ? localForCalls : 0);
        registers = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(registerBytes, 64), 64);
        local = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(LocalStride * 32L, 64), 64);
    }

    public bool Done => frames.Count == 0;

    /// <summary>The innermost call.</summary>
    public Frame Frame { get; private set; } = null!;

    public byte* RegistersOf(Frame frame) => registers + frame.Registers;

    CodeBlock? at;
    int step;

    /// <summary>The operation being run, or the first of its block, for messages; null before the first one.</summary>
    public Op? Current => at == null ? null : step < at.Body.Length ? at.Body[step] : at.End ?? at.Body.LastOrDefault();

    /// <summary>Prepares the warp for the first block of a new kernel block.</summary>
    public void Start()
    {
        int threads = Cta.Launch.Threads - (Index * 32);
        Lanes = threads >= 32 ? ~0u : (1u << threads) - 1;
        exited = Arrived = Passed = 0;
        frames.Clear();
        Push(Cta.Launch.Code, Lanes, 0, []);
    }

    /// <summary>Enters a function with these lanes.</summary>
    public void Push(Code code, uint mask, int returnBlock, CallValue[] results)
    {
        Frame? caller = frames.Count > 0 ? Frame : null;
        int at = caller == null ? 0 : caller.Registers + caller.Code.FrameBytes;
        int localAt = caller == null ? 0 : caller.Local + (caller.Code.LocalBytes + 15 & ~15);
        if (at + code.FrameBytes > registerBytes || localAt + code.LocalBytes > LocalStride) throw Fail("memory", $"'{code.Function.Name}': calls are nested too deeply for the stack");
        frames.Add(Frame = new Frame(code, at, localAt, returnBlock, results));
        Registers = registers + at;
        LocalBase = localAt;
        NativeMemory.Clear(Registers, (nuint)code.FrameBytes);
        for (int lane = 0; lane < 32; lane++) NativeMemory.Clear(local + ((long)lane * LocalStride) + localAt, (nuint)code.LocalBytes);
        foreach (var (offset, bytes, value) in code.Constants)
            for (int lane = 0; lane < 32; lane++) Buffer.MemoryCopy(&value, Registers + offset + (lane * bytes), bytes, bytes);
        Cta.Observers?.Enter(this, code);
        Frame.Add(0, mask);
    }

    int turns, slice = longest;

    /// <summary>Lets the other warps have their turn after this block of code.</summary>
    public void Yield() => turns = 1;

    /// <summary>Runs until all lanes have exited or wait, or for a while. Returns whether they could go on: perhaps they wait for what others write.</summary>
    public bool Run()
    {
        if (slice < longest) RunFarthest();
        for (turns = slice; frames.Count > 0 && turns > 0; turns--)
        {
            Frame frame = Frame;
            int block = frame.First;
            while (block < frame.Pending.Length && frame.Pending[block] == 0) block++;
            frame.First = block;
            if (block < frame.Pending.Length) RunBlock(frame, block);
            else if (frame.Waiting != 0) break;
            else Pop(frame);
        }
        slice = turns > 0 || Farthest() < 0 ? longest : Math.Max(slice / 2, shortest);
        return turns == 0;
    }

    /// <summary>
    /// Lanes that run for long may wait for others of their warp that are farther on, such as the holder of a lock: these go on, up to what takes the whole warp.
    /// </summary>
    void RunFarthest()
    {
        for (int n = 0; n < 4 * shortest && Farthest() is >= 0 and int block && !Frame.Code.Blocks[block].TakesWarp; n++) RunBlock(Frame, block);
    }

    /// <summary>The last block that lanes stand before; -1 where all stand before one.</summary>
    int Farthest()
    {
        if (frames.Count == 0) return -1;
        uint[] pending = Frame.Pending;
        int last = Array.FindLastIndex(pending, lanes => lanes != 0);
        return last > 0 && pending.AsSpan(0, last).ContainsAnyExcept(0u) ? last : -1;
    }

    void Pop(Frame frame)
    {
        frames.RemoveAt(frames.Count - 1);
        if (frames.Count == 0) return;
        Frame = frames[^1];
        Registers = RegistersOf(Frame);
        LocalBase = Frame.Local;
        foreach (CallValue result in frame.Results) result.Move(this, Current!, frame.Returned, RegistersOf(frame), Registers, frame.Local, Frame.Local);
        Frame.Add(frame.ReturnBlock, frame.Returned);
    }

    void RunBlock(Frame frame, int index)
    {
        uint mask = frame.Pending[index];
        frame.Pending[index] = 0;
        CodeBlock block = frame.Code.Blocks[index];
        Op[] body = block.Body;
        (at, step) = (block, 0);
        Cta.Spend(this, body.Length + 1);
        if (Cta.IsWatched)
        {
            RunWatched(frame, block, mask, Cta.Observers, Cta.Launch.Watch is { } w && w.Follows(this) ? w : null);
            return;
        }
        byte* r = Registers;
        Observers? observers = Cta.Observers;
        if (observers != null && block.IsObserved)
        {
            foreach (Op op in body)
            {
                if (op.Active(r, mask) is not (not 0 and var active)) continue;
                if (op.IsObserved) observers.Step(this, op, active);
                op.Run(this, active);
            }
        }
        else if (block.IsGuarded)
        {
            foreach (Op op in body)
                if (op.Active(r, mask) is not 0 and var active) op.Run(this, active);
        }
        else
        {
            foreach (Op op in body) op.Run(this, mask);
        }
        step = body.Length;
        if (block.End is not Op end)
        {
            GoOn(frame, index + 1, mask);
            return;
        }
        uint leaving = end.Active(r, mask);
        GoOn(frame, index + 1, mask & ~leaving);
        if (leaving == 0) return;
        if (end.IsObserved) observers?.Step(this, end, leaving);
        end.Run(this, leaving);
    }

    /// <summary>The same, telling observers before each operation, so that they can count it, and a watcher after it.</summary>
    void RunWatched(Frame frame, CodeBlock block, uint mask, Observers? observers, PtxWatch? watch)
    {
        byte* r = Registers;
        foreach (Op op in block.Body)
        {
            uint active = op.Active(r, mask);
            observers?.Step(this, op, mask, active);
            if (active != 0) op.Run(this, active);
            watch?.Tell(this, op, active, r);
        }
        step = block.Body.Length;
        uint leaving = block.End?.Active(r, mask) ?? 0;
        GoOn(frame, block.Index + 1, mask & ~leaving);
        if (block.End is not Op end) return;
        observers?.Step(this, end, mask, leaving);
        if (leaving != 0) end.Run(this, leaving);
        watch?.Tell(this, end, leaving, r);
    }

    /// <summary>Lanes go on to a block; behind the last one they return.</summary>
    void GoOn(Frame frame, int block, uint mask)
    {
        if (block < frame.Pending.Length) frame.Add(block, mask);
        else if (mask != 0) Return(mask);
    }

    /// <summary>Lanes return to the caller; from the kernel itself they end.</summary>
    public void Return(uint mask)
    {
        Frame.Returned |= mask;
        if (frames.Count == 1) End(mask);
    }

    /// <summary>Lanes end for good: in a called function they are simply never pending again.</summary>
    public void Exit(uint mask)
    {
        if (frames.Count == 1) Return(mask);
        else End(mask);
    }

    void End(uint mask)
    {
        exited |= mask;
        Cta.Exited(this, mask);
    }

    public Spot SpotOf(int lane) => new(Cta.Index, (Index * 32) + lane);

    /// <summary>One lane's local memory, at an offset.</summary>
    public byte* Local(int lane, uint offset, int bytes, Op op)
    {
        if (offset > (uint)(LocalStride - bytes) || bytes > LocalStride)
            throw Fail(op, lane, "memory", $"local address {offset} is outside the {LocalStride} bytes of local memory", LocalPlace(offset));
        return local + ((long)lane * LocalStride) + offset;
    }

    /// <summary>Where an address in local memory lies behind the start of that of lane 0.</summary>
    public long LocalOffset(ulong address) => (long)(address - (ulong)local);

    /// <summary>An offset in local memory as the running function sees it: <c>local variable 'a' + 4 of 16</c>.</summary>
    public string LocalPlace(uint offset)
    {
        foreach (var (at, bytes, name) in Frame.Code.Locals)
            if (offset - (uint)(LocalBase + at) < bytes) return $"local variable '{name}' + {offset - (uint)(LocalBase + at)} of {bytes}";
        return $"local memory + {offset} of {LocalStride}";
    }

    /// <summary>The state space of memory that an access to a space, perhaps a generic one, came to.</summary>
    public Space SpaceOf(byte* p, Space space)
    {
        if (space is Space.Shared or Space.Cluster) return Space.Shared;
        if (space is Space.Local or Space.Param) return space;
        if (p >= Cta.Cluster.Shared && p < Cta.Cluster.Shared + Cta.Cluster.SharedBytes) return Space.Shared;
        return p >= local && p < local + (LocalStride * 32L) ? Space.Local : Space.Global;
    }

    /// <summary>An error at the operation being run; before the first one, at the kernel.</summary>
    public PtxException Fail(string rule, string message)
    {
        if (Current is Op op) return Fail(op, BitOperations.TrailingZeroCount(Lanes), rule, message);
        Function kernel = Cta.Launch.Code.Function;
        return new(Cta.Launch.File, kernel.Position.Line, kernel.Position.Column, rule, $"{message} (kernel '{kernel.Name}')");
    }

    /// <summary>An error at an operation: kernel, block, thread and line, and perhaps the address as its owner sees it.</summary>
    public PtxException Fail(Op op, int lane, string rule, string message, string place = "")
    {
        Launch launch = Cta.Launch;
        if (launch.Checks != PtxChecks.None) launch.Findings.End(rule, op, SpotOf(lane), message, place);
        return new(launch.File, op.Position.Line, op.Position.Column, rule,
            $"{message} (kernel '{launch.Code.Function.Name}', block {launch.BlockAt(Cta.Index)}, thread {launch.ThreadAt((Index * 32) + lane)})");
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(registers);
        NativeMemory.AlignedFree(local);
    }
}
