using System.Runtime.InteropServices;

namespace Tessera.Cpu;

/// <summary>The processor as a device: vectorised kernels in C#, several threads, results that do not depend on their number.</summary>
internal sealed unsafe partial class CpuBackend : Backend
{
    protected internal override nint Allocate(long bytes)
    {
        try
        {
            bool huge = bytes >= 16 * HugePages.Size;
            void* pointer = NativeMemory.AlignedAlloc((nuint)bytes, huge ? HugePages.Size : 64);
            if (huge) HugePages.Ask(pointer, bytes);
            return (nint)pointer;
        }
        catch (OutOfMemoryException)
        {
            return 0;
        }
    }

    protected internal override void Free(nint pointer, long bytes) => NativeMemory.AlignedFree((void*)pointer);

    public override void Upload(ReadOnlySpan<byte> source, Storage target, long offset = 0)
        => source.CopyTo(Bytes(target, offset, source.Length));

    public override void Download(Storage source, Span<byte> target, long offset = 0)
        => Bytes(source, offset, target.Length).CopyTo(target);

    static Span<byte> Bytes(Storage storage, long offset, int length)
    {
        if (offset < 0 || offset + length > storage.Bytes)
            throw new ShapeException($"Copy: range outside the storage: got bytes {offset}..{offset + length}, expected within 0..{storage.Bytes}.");
        return new Span<byte>((byte*)storage.Pointer + offset, length);
    }
}
