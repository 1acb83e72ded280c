using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <summary>
/// How memory is touched. Strong accesses (atomics, volatile, relaxed, acquire, release) do not race with each other; an asynchronous
/// write is only there once its group was waited for.
/// </summary>
[Flags]
enum Access : byte { Read = 1, Write = 2, Strong = 4, Asynchronous = 8, Atomic = Read | Write | Strong }

/// <summary>How the 16 lanes of half a warp lie: anyhow, side by side in the order of the lanes, or all at the same place.</summary>
enum Pattern : byte { Any, Row, Same }

/// <summary>What one instruction of a warp asks of memory: each lane of the mask touches some bytes at its address.</summary>
readonly unsafe ref struct Request(Warp warp, MemoryOp op, uint mask, Space space, int bytes, Access access, ulong* at)
{
    public readonly Warp Warp = warp;
    public readonly MemoryOp Op = op;
    public readonly uint Mask = mask;

    /// <summary>Global, shared, local or param.</summary>
    public readonly Space Space = space;

    /// <summary>A lane's bytes.</summary>
    public readonly int Bytes = bytes;

    public readonly Access Access = access;

    /// <summary>For each lane its offset into shared memory, or its address.</summary>
    public readonly ulong* At = at;

    /// <summary>How the 16 lanes from this one on lie; <see cref="Pattern.Any"/> where only some of them take part.</summary>
    public Pattern PatternFrom(int lane)
    {
        if ((Mask >> lane & 0xFFFF) != 0xFFFF) return Pattern.Any;
        Vector512<ulong> first = Vector512.Create(At[lane]), low = Vector512.Load(At + lane) - first, high = Vector512.Load(At + lane + 8) - first;
        if ((low | high) == Vector512<ulong>.Zero) return Pattern.Same;
        Vector512<ulong> row = Vector512<ulong>.Indices * (ulong)Bytes;
        return low == row && high == row + Vector512.Create(8 * (ulong)Bytes) ? Pattern.Row : Pattern.Any;
    }
}

/// <summary>Looks on at memory while the blocks of one worker thread run: a check, or a counter. It is told before something happens.</summary>
abstract class Observer : IDisposable
{
    /// <summary>A block starts.</summary>
    public virtual void Start() { }

    /// <summary>A warp touches memory.</summary>
    public abstract void Touch(in Request q);

    /// <summary>A fence of the device's memory.</summary>
    public virtual void Fence() { }

    public virtual void Dispose() { }
}
