using System.Runtime.CompilerServices;

namespace Tessera.Cpu;

/// <summary>Operands in pieces of adjacent float32, so that every inner loop reads and writes plain vectors whatever the strides and element types.</summary>
internal static unsafe class Pieces
{
    /// <summary>Elements of one piece: a few pieces stay in the first-level cache.</summary>
    public const int Length = 512;

    /// <summary>The address of n adjacent floats equal to the operand's: its own memory, or <paramref name="buffer"/> after a copy.</summary>
    public static float* Read(nint p, long step, float* buffer, int n)
    {
        if (step == sizeof(float)) return (float*)p;
        if (step == 0) new Span<float>(buffer, n).Fill(*(float*)p);
        else for (int i = 0; i < n; i++) buffer[i] = *(float*)(p + (i * (nint)step));
        return buffer;
    }

    /// <summary>The same for any element type that a float holds.</summary>
    public static float* Read(DType dtype, nint p, long step, float* buffer, int n)
    {
        if (dtype == DType.Float32) return Read(p, step, buffer, n);
        CpuBackend.Cast(dtype, p, step, DType.Float32, (nint)buffer, sizeof(float), n);
        return buffer;
    }

    /// <summary>Puts n adjacent floats where the operand's elements lie.</summary>
    public static void Write(float* buffer, nint p, long step, int n)
    {
        if ((nint)buffer == p) return;
        for (int i = 0; i < n; i++) *(float*)(p + (i * (nint)step)) = buffer[i];
    }

    /// <summary>A vector from memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load<V>(float* p) where V : struct => Unsafe.ReadUnaligned<V>(p);

    /// <summary>A vector to memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store<V>(float* p, V v) where V : struct => Unsafe.WriteUnaligned(p, v);
}
