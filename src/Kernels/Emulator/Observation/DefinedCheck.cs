using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <summary>
/// Reads of bytes that nobody has written: of shared memory since the block started, of local variables since their function was entered, of global
/// memory that was allocated without content; and of registers that nothing can have written.
/// A map holds one byte for each byte of memory, 1 where it was written.
/// </summary>
sealed unsafe class DefinedCheck(Observers observers) : Observer
{
    readonly byte* shared = (byte*)NativeMemory.AllocZeroed((nuint)observers.Cluster.SharedBytes + 1);

    // Of each warp that has local variables, for the local memory of all lanes.
    readonly nint[] local = new nint[observers.Cluster.Size * 32];

    Allocation? last;

    public override void Start() => NativeMemory.Clear(shared, (nuint)observers.Cluster.SharedBytes);

    /// <summary>A warp enters a function: its local variables hold nothing, what it was called with does.</summary>
    public void Enter(Warp w, Code code)
    {
        code.FindUnwritten();
        ref nint map = ref local[w.Number];
        if (map == 0)
        {
            if (code.Locals.Length == 0) return;
            map = (nint)NativeMemory.AllocZeroed((nuint)w.LocalStride * 32);
        }
        for (int lane = 0; lane < 32; lane++)
        {
            byte* frame = (byte*)map + ((long)lane * w.LocalStride) + w.LocalBase;
            new Span<byte>(frame, code.LocalBytes).Fill(1);
            foreach (var (offset, bytes, name) in code.Locals)
                if (!IsStackFrame(name)) new Span<byte>(frame + offset, bytes).Clear();
        }
    }

    /// <summary>What compilers made of LLVM put all of a function's variables into; its code reads padding and halves of bit fields there, and uses none of it.</summary>
    static bool IsStackFrame(string local) => local.StartsWith("__local_depot", StringComparison.Ordinal);

    /// <summary>Lanes read a register that nobody has written.</summary>
    public void Read(Warp w, Op op, uint mask) =>
        observers.Findings.Add("uninitialized", op, 1, w.SpotOf(BitOperations.TrailingZeroCount(mask)), $"reads register {op.Unwritten}: nobody has written it");

    public override void Touch(in Request q)
    {
        if (q.Space == Space.Local)
        {
            if (local[q.Warp.Number] is not 0 and nint map)
                for (uint m = q.Mask; m != 0; m &= m - 1) Touch(q, BitOperations.TrailingZeroCount(m), (byte*)map + q.Warp.LocalOffset(q.At[BitOperations.TrailingZeroCount(m)]));
            return;
        }
        if (q.Space == Space.Shared)
        {
            Half(q, 0, q.Low);
            Half(q, 16, q.High);
        }
        else if (observers.Cluster.Launch.Memory.HasUndefined)
        {
            for (uint m = q.Mask; m != 0; m &= m - 1)
            {
                int lane = BitOperations.TrailingZeroCount(m);
                if (last == null || !last.Holds(q.At[lane], q.Bytes)) last = observers.Cluster.Launch.Memory.Find(q.At[lane], q.Bytes);
                if (last is { Defined: not null } a) Touch(q, lane, a.Defined + (q.At[lane] - a.Start));
            }
        }
    }

    /// <summary>16 lanes in shared memory: where they lie side by side their map is one piece, at the same place one is enough.</summary>
    void Half(in Request q, int first, Pattern pattern)
    {
        byte* map = shared + q.At[first];
        if (pattern == Pattern.Row && ((q.Access & Access.Read) == 0 || IsRowWritten(map, q.Bytes)))
        {
            if ((q.Access & Access.Write) != 0) for (int k = 0; k < q.Bytes; k++) Vector128<byte>.One.Store(map + (16 * k));
        }
        else if (pattern != Pattern.Same || !AllWritten(map, q.Bytes))
        {
            for (uint m = q.Half(first); m != 0; m &= m - 1) Touch(q, BitOperations.TrailingZeroCount(m), shared + q.At[BitOperations.TrailingZeroCount(m)]);
        }
    }

    /// <summary>Whether the map is full for 16 lanes side by side.</summary>
    static bool IsRowWritten(byte* map, int bytes)
    {
        Vector128<byte> all = Vector128<byte>.One;
        for (int k = 0; k < bytes; k++) all &= Vector128.Load(map + (16 * k));
        return all == Vector128<byte>.One;
    }

    void Touch(in Request q, int lane, byte* map)
    {
        if ((q.Access & Access.Read) != 0 && !AllWritten(map, q.Bytes))
        {
            int first = new ReadOnlySpan<byte>(map, q.Bytes).IndexOf((byte)0);
            string place = observers.Place(q, lane, 0, q.Warp.Cta.Index);
            observers.Findings.Add("uninitialized", q.Op, 0, q.Warp.SpotOf(lane), $"reads {q.Bytes} bytes at {place}: nobody has written byte {first} of them", place);
        }
        if ((q.Access & Access.Write) == 0) return;
        switch (q.Bytes)
        {
            case 4: *(uint*)map = 0x0101_0101; break;
            case 8: *(ulong*)map = 0x0101_0101_0101_0101; break;
            default: new Span<byte>(map, q.Bytes).Fill(1); break;
        }
    }

    static bool AllWritten(byte* map, int bytes) => bytes switch
    {
        1 => *map == 1,
        2 => *(ushort*)map == 0x0101,
        4 => *(uint*)map == 0x0101_0101,
        8 => *(ulong*)map == 0x0101_0101_0101_0101,
        _ => !new ReadOnlySpan<byte>(map, bytes).Contains((byte)0),
    };

    public override void Dispose()
    {
        base.Dispose();
        NativeMemory.Free(shared);
        foreach (nint map in local) NativeMemory.Free((void*)map);
    }
}
