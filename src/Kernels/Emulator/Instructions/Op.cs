using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <summary>
/// A decoded instruction. Registers lie in the warp's frame, 32 lanes side by side: 4 bytes a lane up to 32 bits, 8 for 64, 16 for 128;
/// a predicate is one mask of 32 bits. Constants are registers too.
/// </summary>
abstract unsafe class Op
{
    public Position Position;

    /// <summary>The offset of the guard's mask; -1 for none.</summary>
    public int Guard = -1;

    public bool Negated;

    /// <summary>The registers it writes, for who watches.</summary>
    public NamedRegister[] Results = [];

    /// <summary>The number of the instruction in its image, in the order of the text.</summary>
    public int Site;

    /// <summary>What it counts as.</summary>
    public Work Work;

    /// <summary>The register with the member mask of a warp instruction.</summary>
    public Slot64? Members;

    /// <summary>A register it reads that nobody can have written; known once somebody looks for such.</summary>
    public string? Unwritten;

    /// <summary>Whether those who look on are told of it.</summary>
    public bool IsObserved;

    /// <summary>The lanes of <paramref name="mask"/> whose guard is true.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Active(byte* r, uint mask) => Guard < 0 ? mask : Negated ? mask & ~*(uint*)(r + Guard) : mask & *(uint*)(r + Guard);

    public abstract void Run(Warp w, uint mask);

    /// <summary>Tells those who look on which memory these lanes are about to touch.</summary>
    public virtual void Observe(Warp w, uint mask) { }

    /// <summary>Puts the lanes of <paramref name="mask"/> into a predicate.</summary>
    protected static void SetPredicate(byte* r, int at, uint mask, uint value)
    {
        if (at >= 0) *(uint*)(r + at) = (*(uint*)(r + at) & ~mask) | (value & mask);
    }
}

/// <summary>A formula over one value, for all vector lanes at once and for one.</summary>
interface IFormula1<T> where T : unmanaged
{
    static abstract Vector512<T> Invoke(Vector512<T> a);
}

/// <summary>A formula over two values.</summary>
interface IFormula2<T> where T : unmanaged
{
    static abstract Vector512<T> Invoke(Vector512<T> a, Vector512<T> b);
}

/// <summary>A formula over three values.</summary>
interface IFormula3<T> where T : unmanaged
{
    static abstract Vector512<T> Invoke(Vector512<T> a, Vector512<T> b, Vector512<T> c);
}

/// <summary>Writes whole vectors, or only the lanes of a mask.</summary>
static unsafe class Lanes
{
    static readonly Vector512<uint> bit0 = Vector512.Create(1u, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768);
    static readonly Vector512<ulong> bit64 = Vector512.Create(1ul, 2, 4, 8, 16, 32, 64, 128);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<T>(T* d, int at, Vector512<T> value, uint mask) where T : unmanaged
    {
        if (mask == uint.MaxValue) { value.Store(d + at); return; }
        Select(mask, at, value, Vector512.Load(d + at)).Store(d + at);
    }

    /// <summary>For the lanes from <paramref name="at"/> on: a value where the mask has the lane, the other where not.</summary>
    public static Vector512<T> Select<T>(uint mask, int at, Vector512<T> value, Vector512<T> other) where T : unmanaged
    {
        Vector512<T> select = sizeof(T) == 4
            ? Vector512.Equals(Vector512.Create(mask >> at) & bit0, bit0).As<uint, T>()
            : Vector512.Equals(Vector512.Create((ulong)(mask >> at)) & bit64, bit64).As<ulong, T>();
        return Vector512.ConditionalSelect(select, value, other);
    }
}

sealed unsafe class Vector1<T, TFormula>(int d, int a) : Op where T : unmanaged where TFormula : IFormula1<T>
{
    public override void Run(Warp w, uint mask)
    {
        T* pd = (T*)(w.Registers + d), pa = (T*)(w.Registers + a);
        for (int i = 0; i < 32; i += Vector512<T>.Count) Lanes.Store(pd, i, TFormula.Invoke(Vector512.Load(pa + i)), mask);
    }
}

sealed unsafe class Vector2<T, TFormula>(int d, int a, int b) : Op where T : unmanaged where TFormula : IFormula2<T>
{
    public override void Run(Warp w, uint mask)
    {
        T* pd = (T*)(w.Registers + d), pa = (T*)(w.Registers + a), pb = (T*)(w.Registers + b);
        for (int i = 0; i < 32; i += Vector512<T>.Count) Lanes.Store(pd, i, TFormula.Invoke(Vector512.Load(pa + i), Vector512.Load(pb + i)), mask);
    }
}

sealed unsafe class Vector3<T, TFormula>(int d, int a, int b, int c) : Op where T : unmanaged where TFormula : IFormula3<T>
{
    public override void Run(Warp w, uint mask)
    {
        T* pd = (T*)(w.Registers + d), pa = (T*)(w.Registers + a), pb = (T*)(w.Registers + b), pc = (T*)(w.Registers + c);
        for (int i = 0; i < 32; i += Vector512<T>.Count) Lanes.Store(pd, i, TFormula.Invoke(Vector512.Load(pa + i), Vector512.Load(pb + i), Vector512.Load(pc + i)), mask);
    }
}

/// <summary>A register as the general operations see it: where it lies and how wide its lanes are.</summary>
readonly record struct Slot64(int Offset, int Bytes)
{
    public unsafe ulong Read(byte* r, int lane) => Bytes == 8 ? ((ulong*)(r + Offset))[lane] : Bytes == 4 ? ((uint*)(r + Offset))[lane] : ((ulong*)(r + Offset))[lane * 2];

    public unsafe void Write(byte* r, int lane, ulong value)
    {
        if (Bytes == 8) ((ulong*)(r + Offset))[lane] = value;
        else if (Bytes == 4) ((uint*)(r + Offset))[lane] = (uint)value;
        else ((UInt128*)(r + Offset))[lane] = value;
    }
}

/// <summary>Any function of up to three values, lane by lane: for what is rare.</summary>
sealed unsafe class Map(Slot64 d, Slot64 a, Slot64 b, Slot64 c, Func<ulong, ulong, ulong, ulong> f) : Op
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            d.Write(r, i, f(a.Read(r, i), b.Read(r, i), c.Read(r, i)));
        }
    }
}

/// <summary>A comparison, perhaps joined with a predicate: p = (a ? b) op c, q = !(a ? b) op c.</summary>
sealed unsafe class Compare(int p, int q, Slot64 a, Slot64 b, Func<ulong, ulong, bool> f, Func<uint, uint, uint>? join, int c, bool negated) : Op
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        uint value = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            if (f(a.Read(r, i), b.Read(r, i))) value |= 1u << i;
        }
        Join(r, p, q, mask, value, join, c, negated);
    }

    public static void Join(byte* r, int p, int q, uint mask, uint value, Func<uint, uint, uint>? join, int c, bool negated)
    {
        uint other = c < 0 ? 0 : negated ? ~*(uint*)(r + c) : *(uint*)(r + c);
        SetPredicate(r, p, mask, join == null ? value : join(value, other));
        SetPredicate(r, q, mask, join == null ? ~value : join(~value, other));
    }
}

/// <summary>A comparison of whole vectors.</summary>
sealed unsafe class VectorCompare<T, TFormula>(int p, int q, int a, int b, Func<uint, uint, uint>? join, int c, bool negated) : Op where T : unmanaged where TFormula : IFormula2<T>
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        T* pa = (T*)(r + a), pb = (T*)(r + b);
        uint value = 0;
        for (int i = 0; i < 32; i += Vector512<T>.Count) value |= (uint)TFormula.Invoke(Vector512.Load(pa + i), Vector512.Load(pb + i)).ExtractMostSignificantBits() << i;
        Compare.Join(r, p, q, mask, value, join, c, negated);
    }
}

/// <summary>Predicates as masks: d = f(a, b).</summary>
sealed unsafe class PredicateOp(int d, int a, bool notA, int b, bool notB, Func<uint, uint, uint> f) : Op
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        uint x = *(uint*)(r + a), y = *(uint*)(r + b);
        SetPredicate(r, d, mask, f(notA ? ~x : x, notB ? ~y : y));
    }
}

/// <summary>d = p ? a : b.</summary>
sealed unsafe class Select(Slot64 d, Slot64 a, Slot64 b, int p, bool negated) : Op
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        uint choose = negated ? ~*(uint*)(r + p) : *(uint*)(r + p);
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask);
            d.Write(r, i, (choose >> i & 1) != 0 ? a.Read(r, i) : b.Read(r, i));
        }
    }
}
