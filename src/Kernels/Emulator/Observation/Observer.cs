using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <summary>
/// How memory is touched. Strong accesses (atomics, volatile, relaxed, acquire, release) do not race with each other; an asynchronous
/// write is only there once its group was waited for.
/// </summary>
[Flags]
enum Access : byte { Read = 1, Write = 2, Strong = 4, Asynchronous = 8, Atomic = Read | Write | Strong }

/// <summary>How the 16 lanes of half a warp lie: anyhow (also where only some take part), side by side in the order of the lanes, or all at the same place.</summary>
enum Pattern : byte { Any, Row, Same }

/// <summary>Finds patterns.</summary>
static unsafe class Patterns
{
    /// <summary>Of 16 offsets, each lane touching some bytes; <paramref name="mask"/> holds the lanes that take part in its lower half.</summary>
    public static Pattern Of(Vector512<uint> offsets, int bytes, uint mask)
    {
        if ((ushort)mask != ushort.MaxValue) return Pattern.Any;
        Vector512<uint> from = offsets - Vector512.Create(offsets.ToScalar());
        return from == Vector512<uint>.Zero ? Pattern.Same : from == Vector512<uint>.Indices * (uint)bytes ? Pattern.Row : Pattern.Any;
    }

    /// <summary>Of 16 addresses.</summary>
    public static Pattern Of(ulong* at, int bytes, uint mask)
    {
        if ((ushort)mask != ushort.MaxValue) return Pattern.Any;
        Vector512<ulong> first = Vector512.Create(*at), low = Vector512.Load(at) - first, high = Vector512.Load(at + 8) - first;
        if ((low | high) == Vector512<ulong>.Zero) return Pattern.Same;
        Vector512<ulong> row = Vector512<ulong>.Indices * (ulong)bytes;
        return low == row && high == row + Vector512.Create(8 * (ulong)bytes) ? Pattern.Row : Pattern.Any;
    }
}

/// <summary>What one instruction of a warp asks of memory: each lane of the mask touches some bytes at its address.</summary>
readonly unsafe ref struct Request(Warp warp, MemoryOp op, uint mask, Space space, int bytes, Access access, ulong* at, Pattern low, Pattern high)
{
    public readonly Warp Warp = warp;
    public readonly MemoryOp Op = op;
    public readonly uint Mask = mask;

    /// <summary>Global, shared, local or param.</summary>
    public readonly Space Space = space;

    /// <summary>A lane's bytes.</summary>
    public readonly int Bytes = bytes;

    public readonly Access Access = access;

    /// <summary>For each lane its offset into the cluster's shared memory, or its address.</summary>
    public readonly ulong* At = at;

    /// <summary>How lanes 0 to 15 lie, and 16 to 31.</summary>
    public readonly Pattern Low = low, High = high;

    /// <summary>The lanes of the mask among the 16 from this one on.</summary>
    public uint Half(int first) => Mask & (0xFFFFu << first);
}

/// <summary>Looks on at memory while the blocks of one worker thread run: a check, or a counter. It is told before something happens.</summary>
abstract class Observer : IDisposable
{
    /// <summary>A block starts.</summary>
    public virtual void Start() { }

    /// <summary>A warp touches memory.</summary>
    public abstract void Touch(in Request q);

    public virtual void Dispose() { }
}
