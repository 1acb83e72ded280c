using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Tessera.Cpu;

/// <summary>
/// Stores that go around the caches. A plain store reads its line from memory before it changes it, and drives out another one; a result larger than the last cache
/// is not there any more when it is read. So such results are written in whole lines straight to memory. The same bits.
/// </summary>
internal static unsafe class Around
{
    /// <summary>Floats of a row from which on it is worth to end it.</summary>
    public const int Least = 2048;

    const int Ahead = 512; // floats

    /// <summary>True where results of so many bytes do not stay in the caches.</summary>
    public static bool Pays(long bytes) => bytes > Caches.Last;

    /// <summary>Floats from p to the next line of 64 bytes; more than any count where p is no multiple of 4.</summary>
    public static long ToLine(float* p) => ((nint)p & 3) != 0 ? long.MaxValue : (-(nint)p & 63) / sizeof(float);

    /// <summary>True where rows of so many floats from p on are whole vectors on their places.</summary>
    public static bool Fits<V>(float* p, nint row) where V : unmanaged, IVec<V> => row % V.Lanes == 0 && (nint)p % (V.Lanes * sizeof(float)) == 0;

    /// <summary>A vector to memory, whose address is a multiple of the vector's size.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V>(float* p, V x) where V : unmanaged, IVec<V>
    {
        if (V.Lanes == 16) Unsafe.BitCast<V, Vector512<float>>(x).StoreAlignedNonTemporal(p);
        else if (V.Lanes == 8) Unsafe.BitCast<V, Vector256<float>>(x).StoreAlignedNonTemporal(p);
        else *(V*)p = x;
    }

    /// <summary>How a kernel puts a vector of its result: known when it is compiled.</summary>
    public interface IStore
    {
        /// <summary>Around the caches.</summary>
        static abstract bool Passes { get; }
    }

    /// <summary>As always.</summary>
    public readonly struct Plainly : IStore
    {
        public static bool Passes => false;
    }

    /// <summary>Around the caches; addresses are multiples of the vector's size.</summary>
    public readonly struct Past : IStore
    {
        public static bool Passes => true;
    }

    /// <summary>A vector to memory as S says.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Put<V, S>(float* p, V x) where V : unmanaged, IVec<V> where S : struct, IStore
    {
        if (S.Passes) Store(p, x);
        else Lanes.Store(p, x);
    }

    /// <summary>Ends a task that stored around the caches: others see it all from here on.</summary>
    public static void End()
    {
        if (Sse.IsSupported) Sse.StoreFence();
    }

    /// <summary>y ← x, the loads asked for ahead and, like the stores, not kept in the outer caches; then <see cref="End"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* x, float* y, long n)
    {
        long i = Math.Min(n, ToLine(y));
        Buffer.MemoryCopy(x, y, i * sizeof(float), i * sizeof(float));
        for (; Vector256.IsHardwareAccelerated && i <= n - 16; i += 16)
        {
            AskAhead(x + i);
            if (Vector512.IsHardwareAccelerated) Vector512.Load(x + i).StoreAlignedNonTemporal(y + i);
            else
            {
                Vector256.Load(x + i).StoreAlignedNonTemporal(y + i);
                Vector256.Load(x + i + 8).StoreAlignedNonTemporal(y + i + 8);
            }
        }
        Buffer.MemoryCopy(x + i, y + i, (n - i) * sizeof(float), (n - i) * sizeof(float));
        End();
    }

    /// <summary>y ← f(x), y another memory than x; then <see cref="End"/>.</summary>
    public static void Unary<TOp>(TOp op, float* x, float* y, long n) where TOp : struct, IUnary
    {
        long head = Math.Min(n, ToLine(y)), whole = (n - head) & ~15L;
        Maps.Unary(op, x, y, head);
        if (Vector512.IsHardwareAccelerated) Lines<TOp, Vec16>(op, x + head, y + head, whole);
        else if (Vector256.IsHardwareAccelerated) Lines<TOp, Vec8>(op, x + head, y + head, whole);
        else Lines<TOp, Vec1>(op, x + head, y + head, whole);
        Maps.Unary(op, x + head + whole, y + head + whole, n - head - whole);
        End();
    }

    /// <summary>y ← f(a, b), y another memory than a and b; then <see cref="End"/>.</summary>
    public static void Binary<TOp>(TOp op, float* a, float* b, float* y, long n) where TOp : struct, IBinary
    {
        long head = Math.Min(n, ToLine(y)), whole = (n - head) & ~15L;
        Maps.Binary(op, a, b, y, head);
        if (Vector512.IsHardwareAccelerated) Lines<TOp, Vec16>(op, a + head, b + head, y + head, whole);
        else if (Vector256.IsHardwareAccelerated) Lines<TOp, Vec8>(op, a + head, b + head, y + head, whole);
        else Lines<TOp, Vec1>(op, a + head, b + head, y + head, whole);
        Maps.Binary(op, a + head + whole, b + head + whole, y + head + whole, n - head - whole);
        End();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Lines<TOp, V>(TOp op, float* x, float* y, long n) where TOp : struct, IUnary where V : unmanaged, IVec<V>
    {
        for (long i = 0; i < n; i += V.Lanes)
        {
            if (V.Lanes == 16 || (i & 15) == 0) AskAhead(x + i);
            Store(y + i, op.Apply(Lanes.Load<V>(x + i)));
        }
    }

    /// <summary>Asks for a line that is read soon and once: it is not kept in the outer caches.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    static void AskAhead(float* p)
    {
        if (Sse.IsSupported) Sse.PrefetchNonTemporal(p + Ahead);
    }

    /// <summary>The same for two places, 1 KB ahead: several are read side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AskPairAhead(float* p, nint distance)
    {
        if (!Sse.IsSupported) return;
        Sse.PrefetchNonTemporal(p + (Ahead / 2));
        Sse.PrefetchNonTemporal(p + distance + (Ahead / 2));
    }

    /// <summary>The same for <paramref name="count"/> adjacent numbers, 32 or 64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AskAhead(float* p, int count)
    {
        AskAhead(p);
        AskAhead(p + 16);
        if (count == 32) return;
        AskAhead(p + 32);
        AskAhead(p + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void Lines<TOp, V>(TOp op, float* a, float* b, float* y, long n) where TOp : struct, IBinary where V : unmanaged, IVec<V>
    {
        for (long i = 0; i < n; i += V.Lanes) Store(y + i, op.Apply(Lanes.Load<V>(a + i), Lanes.Load<V>(b + i)));
    }
}
