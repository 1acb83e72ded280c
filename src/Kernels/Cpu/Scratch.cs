using System.Runtime.InteropServices;

namespace Tessera.Cpu;

/// <summary>
/// Work memory of CPU kernels: a few buffers a thread, kept and grown, 64-byte aligned, with undefined content. Each purpose has a buffer of
/// its own, so kernels that call one another do not meet.
/// </summary>
internal sealed unsafe class Scratch
{
    [ThreadStatic]
    static Scratch? mine;

    static long given;

    readonly nint[] buffers = new nint[(int)Purpose.Count];
    readonly long[] sizes = new long[(int)Purpose.Count];
    readonly long[] contents = new long[(int)Purpose.Count];

    /// <summary>What a buffer is for.</summary>
    public enum Purpose
    {
        /// <summary>Packed right operand of a product.</summary>
        PackedB,

        /// <summary>A task's block of the left operand.</summary>
        BlockA,

        /// <summary>A task's block of the right operand.</summary>
        BlockB,

        /// <summary>Partial sums.</summary>
        Partial,

        /// <summary>Packed weights of a convolution.</summary>
        Weights,

        /// <summary>Offsets of a kernel's taps.</summary>
        Taps,

        /// <summary>Transformed input of a Winograd convolution.</summary>
        Tiles,

        /// <summary>Products of a Winograd convolution.</summary>
        Products,

        /// <summary>Statistics of the parts of a tensor.</summary>
        Moments,

        /// <summary>Number of purposes.</summary>
        Count,
    }

    ~Scratch()
    {
        foreach (nint p in buffers) NativeMemory.AlignedFree((void*)p);
    }

    /// <summary>This thread's buffer for <paramref name="purpose"/>, of at least <paramref name="count"/> floats and 16 more that may be read.</summary>
    /// <exception cref="OutOfDeviceMemoryException">The system has no more memory.</exception>
    public static float* Floats(Purpose purpose, long count)
    {
        var scratch = mine ??= new Scratch();
        int i = (int)purpose;
        if (scratch.sizes[i] < count) scratch.Grow(i, count);
        return (float*)scratch.buffers[i];
    }

    /// <summary>Numbers for <paramref name="count"/> contents that nobody has asked for: the first of them.</summary>
    public static long NewContents(long count = 1) => Interlocked.Add(ref given, count) - count + 1;

    /// <summary>
    /// True where this thread's buffer does not hold the content of that number yet: the caller is to make it. What all threads need and is made quickly
    /// each makes for itself, since what one core has written comes slowly to another, and is written again as slowly.
    /// </summary>
    public static bool IsNew(Purpose purpose, long content)
    {
        ref long made = ref (mine ??= new Scratch()).contents[(int)purpose];
        if (made == content) return false;
        made = content;
        return true;
    }

    void Grow(int i, long count)
    {
        NativeMemory.AlignedFree((void*)buffers[i]);
        buffers[i] = 0;
        sizes[i] = 0;
        long bytes = (count + 64) * sizeof(float);
        try
        {
            buffers[i] = (nint)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        }
        catch (OutOfMemoryException e)
        {
            throw new OutOfDeviceMemoryException($"Memory: out of memory on cpu: got a request of {bytes} bytes of work memory, expected a system that has it ({e.Message}). Hint: use a smaller batch size.");
        }
        sizes[i] = count;
    }
}
