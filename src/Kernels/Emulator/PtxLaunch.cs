using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tessera.Emulator;

namespace Tessera;

/// <summary>How a kernel is launched.</summary>
/// <param name="Grid">Blocks in x, y and z.</param>
/// <param name="Block">Threads of a block in x, y and z; 1024 in all at most.</param>
public sealed record PtxLaunch((int X, int Y, int Z) Grid, (int X, int Y, int Z) Block)
{
    /// <summary>Bytes of dynamic shared memory, beside what the kernel declares.</summary>
    public int SharedBytes { get; init; }

    /// <summary>Decides in which order the warps of a block take turns.</summary>
    public long Seed { get; init; }

    /// <summary>CPU threads that run blocks; 0: as many as compute threads.</summary>
    public int Threads { get; init; }

    /// <summary>The most warp instructions of the launch; with more it ends with an error, so that nothing hangs.</summary>
    public long StepLimit { get; init; } = 10_000_000_000;
}

/// <summary>An argument of a kernel: a value, or memory that the kernel gets a pointer to.</summary>
public sealed class PtxArgument
{
    readonly byte[]? value;
    readonly Array? data;
    readonly int bytes;
    Allocation? allocation;

    PtxArgument(byte[]? value, Array? data, int bytes) => (this.value, this.data, this.bytes) = (value, data, bytes);

    /// <summary>A number, or a structure passed by value.</summary>
    public static PtxArgument Value<T>(T value) where T : unmanaged => new(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)).ToArray(), null, 0);

    /// <summary>The bytes of a parameter as they are.</summary>
    public static PtxArgument Bytes(ReadOnlySpan<byte> value) => new(value.ToArray(), null, 0);

    /// <summary>A pointer to memory with the array's content; after the launch the array holds the memory's content.</summary>
    public static PtxArgument Buffer<T>(T[] data) where T : unmanaged => new(null, data, checked(data.Length * Unsafe.SizeOf<T>()));

    /// <summary>The bytes of the parameter; a buffer is copied into the device's memory first.</summary>
    internal unsafe byte[] Enter(DeviceMemory memory)
    {
        if (data == null) return value!;
        allocation = memory.Allocate(bytes, "a buffer argument");
        fixed (byte* p = &MemoryMarshal.GetArrayDataReference(data)) System.Buffer.MemoryCopy(p, (void*)allocation.Start, bytes, bytes);
        return BitConverter.GetBytes(allocation.Start);
    }

    /// <summary>Brings a buffer's content back.</summary>
    internal unsafe void Leave()
    {
        if (data == null || allocation == null) return;
        fixed (byte* p = &MemoryMarshal.GetArrayDataReference(data)) System.Buffer.MemoryCopy((void*)allocation.Start, p, allocation.Bytes, allocation.Bytes);
        allocation = null;
    }
}
