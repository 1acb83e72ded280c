using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera.Emulator;

/// <summary>Where the 32 lanes of a request lie: an origin, inside one piece of memory, and the offsets from it.</summary>
unsafe struct Reach
{
    public byte* Origin;

    /// <summary>Offsets of lanes 0 to 15 and 16 to 31; below 2^31.</summary>
    public Vector512<uint> Low, High;
}

/// <summary>Words of 16 lanes: side by side, or one word for all.</summary>
readonly unsafe struct Row(uint* at, bool same)
{
    public readonly uint* At = at;

    public readonly bool Same = same;

    public Pattern Pattern => Same ? Pattern.Same : Pattern.Row;

    /// <summary>Where the lanes' words lie, counted from a place.</summary>
    public void Places(byte* from, ulong* places)
    {
        Vector512<ulong> first = Vector512.Create((ulong)At - (ulong)from), steps = Same ? default : Vector512<ulong>.Indices * 4;
        (first + steps).Store(places);
        (first + steps + (Same ? default : Vector512.Create(32ul))).Store(places + 8);
    }

    public Vector512<uint> Read() => Same ? Vector512.Create(*At) : Vector512.Load(At);
}

/// <summary>Words of lanes 0 to 15, and of 16 to 31.</summary>
readonly struct Rows(Row low, Row high)
{
    public readonly Row Low = low, High = high;
}

/// <summary>The common case of an access, for all lanes at once: an address in a register, and all lanes that take part inside one piece of memory.</summary>
abstract unsafe partial class MemoryOp
{
    readonly int register = address.Register?.Offset ?? 0, registerBytes = address.Register?.Bytes ?? 0;

    /// <summary>
    /// The places of all lanes, checked together. False where lanes reach into different allocations, where one is wrong, and for rarer kinds of
    /// addresses: then each lane is looked at by itself. Lanes outside of <paramref name="mask"/> get the place of one inside.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected bool Gathered(Warp w, uint mask, int bytes, out Reach reach)
    {
        byte* r = w.Registers + register;
        ulong limit;
        Vector512<uint> low, high;
        if (address.Space is Space.Shared or Space.Cluster && registerBytes == 4)
        {
            Vector512<uint> offset = Vector512.Create((uint)address.Offset);
            (low, high) = (Vector512.Load((uint*)r) + offset, Vector512.Load((uint*)r + 16) + offset);
            reach.Origin = w.Cta.Shared;
            limit = (ulong)(w.Cta.SharedBytes - bytes);
        }
        else if (address.Space is Space.Global or Space.Generic && registerBytes == 8 && last is { } known)
        {
            Vector512<ulong> start = Vector512.Create(unchecked(known.Start - (ulong)address.Offset));
            Vector512<ulong> a = Vector512.Load((ulong*)r) - start, b = Vector512.Load((ulong*)r + 8) - start, c = Vector512.Load((ulong*)r + 16) - start, d = Vector512.Load((ulong*)r + 24) - start;
            if (mask != uint.MaxValue)
            {
                Vector512<ulong> one = Vector512.Create(unchecked(((ulong*)r)[BitOperations.TrailingZeroCount(mask)] - known.Start + (ulong)address.Offset));
                (a, b) = (Lanes.Select(mask, 0, a, one), Lanes.Select(mask, 8, b, one));
                (c, d) = (Lanes.Select(mask, 16, c, one), Lanes.Select(mask, 24, d, one));
            }
            reach = default;
            if (((a | b | c | d) & Vector512.Create(0xFFFF_FFFF_8000_0000)) != Vector512<ulong>.Zero) return false;
            (low, high) = (Vector512.Narrow(a, b), Vector512.Narrow(c, d));
            reach.Origin = (byte*)known.Start;
            limit = (ulong)(known.Bytes - bytes);
        }
        else
        {
            reach = default;
            return false;
        }
        if (mask != uint.MaxValue && registerBytes == 4)
        {
            Vector512<uint> one = Vector512.Create(((uint*)r)[BitOperations.TrailingZeroCount(mask)] + (uint)address.Offset);
            (low, high) = (Lanes.Select(mask, 0, low, one), Lanes.Select(mask, 16, high, one));
        }
        (reach.Low, reach.High) = (low, high);
        Vector512<uint> most = Vector512.Create((uint)Math.Min(limit, int.MaxValue));
        return (long)limit >= 0 && (((low | high) & Vector512.Create((uint)bytes - 1)) == Vector512<uint>.Zero) && ((ulong)reach.Origin & (uint)(bytes - 1)) == 0
            && Vector512.LessThanOrEqualAll(low, most) && Vector512.LessThanOrEqualAll(high, most);
    }

    /// <summary>
    /// The places of all lanes' words where each half of the warp has its own side by side, or at one place. False where they lie otherwise, and where one is wrong.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected bool Aligned(Warp w, out Rows rows)
    {
        byte* r = w.Registers + register;
        rows = default;
        if (registerBytes == 4 && address.Space == Space.Shared)
        {
            ulong low = (uint)(*(int*)r + (int)address.Offset), high = (uint)(((int*)r)[16] + (int)address.Offset), bytes = (uint)w.Cta.SharedBytes;
            if (((low | high) & 3) != 0 || low + 64 > bytes || high + 64 > bytes) return false;
            Vector512<uint> a = Vector512.Load((uint*)r) - Vector512.Create(*(uint*)r), b = Vector512.Load((uint*)r + 16) - Vector512.Create(((uint*)r)[16]);
            bool sameA = a == Vector512<uint>.Zero, sameB = b == Vector512<uint>.Zero;
            rows = new(new((uint*)(w.Cta.Shared + low), sameA), new((uint*)(w.Cta.Shared + high), sameB));
            return (sameA || a == Vector512<uint>.Indices * 4) && (sameB || b == Vector512<uint>.Indices * 4);
        }
        if (registerBytes == 8 && address.Space is Space.Global or Space.Generic && last is { } known)
        {
            ulong* at = (ulong*)r;
            ulong low = at[0] + (ulong)address.Offset, high = at[16] + (ulong)address.Offset;
            if (((low | high) & 3) != 0 || !known.Holds(low, 64) || !known.Holds(high, 64)) return false;
            rows = new(new((uint*)low, false), new((uint*)high, false));
            Vector512<ulong> a = Vector512.Create(at[0]), b = Vector512.Create(at[16]), wordsLow = Vector512<ulong>.Indices * 4, wordsHigh = wordsLow + Vector512.Create(32ul);
            return (((Vector512.Load(at) - a) ^ wordsLow) | ((Vector512.Load(at + 8) - a) ^ wordsHigh) | ((Vector512.Load(at
                + 16) - b) ^ wordsLow) | ((Vector512.Load(at + 24) - b) ^ wordsHigh)) == Vector512<ulong>.Zero;
        }
        return false;
    }

    /// <summary>A word from each of 16 places.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    protected static Vector512<uint> Words(byte* origin, Vector512<uint> at)
    {
        uint first = at.ToScalar();
        Vector512<uint> from = at - Vector512.Create(first);
        if (from == Vector512<uint>.Indices * 4) return Vector512.Load((uint*)(origin + first));
        if (from == Vector512<uint>.Zero) return Vector512.Create(*(uint*)(origin + first));
        if (Avx2.IsSupported)
            return Vector512.Create(
                Avx2.GatherVector256((uint*)origin, at.GetLower().AsInt32(), 1), Avx2.GatherVector256((uint*)origin, at.GetUpper().AsInt32(), 1));
        return EachWord(origin, at);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static Vector512<uint> EachWord(byte* origin, Vector512<uint> at)
    {
        Unsafe.SkipInit(out Vector512<uint> result);
        for (int i = 0; i < 16; i++) ((uint*)&result)[i] = *(uint*)(origin + ((uint*)&at)[i]);
        return result;
    }

    /// <summary>A word to each of 16 places, in the order of the lanes.</summary>
    protected static void PutWords(byte* origin, Vector512<uint> at, Vector512<uint> value)
    {
        uint first = at.ToScalar();
        if (at - Vector512.Create(first) == Vector512<uint>.Indices * 4) value.Store((uint*)(origin + first));
        else PutEachWord(origin, at, value);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void PutEachWord(byte* origin, Vector512<uint> at, Vector512<uint> value)
    {
        for (int i = 0; i < 16; i++) *(uint*)(origin + ((uint*)&at)[i]) = ((uint*)&value)[i];
    }
}
