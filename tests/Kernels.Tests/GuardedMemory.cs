using System.Runtime.InteropServices;

namespace Tessera.Tests;

/// <summary>Storages that end exactly at a page nobody may touch: a kernel that reads or writes past the end dies.</summary>
internal sealed unsafe partial class GuardedMemory : IDisposable
{
    const int None = 0, ReadWrite = 3, PrivateAnonymous = 0x22;
    static readonly nint page = Environment.SystemPageSize;
    readonly List<(nint Pointer, nint Bytes)> blocks = [];

    /// <summary>A view of a dense layout whose last element ends at the unmapped page.</summary>
    public View Empty<T>(Shape shape) where T : unmanaged
    {
        long bytes = shape.Count * sizeof(T);
        nint pages = (nint)((bytes + page - 1) / page * page);
        nint block = Map(0, pages + page, ReadWrite, PrivateAnonymous, -1, 0);
        Assert.That(block, Is.Not.EqualTo(-1), "mmap");
        Assert.That(Protect(block + pages, page, None), Is.Zero, "mprotect");
        blocks.Add((block, pages + page));
        var storage = new Storage(Device.Cpu.Memory, new Block { Pointer = block + pages - (nint)bytes, Size = bytes, Used = bytes });
        return new View(storage, DTypes.Of<T>(), Layout.Dense(shape));
    }

    /// <summary>The same with contents in logical row-major order.</summary>
    public View Of<T>(Shape shape, params T[] values) where T : unmanaged
    {
        var view = Empty<T>(shape);
        Views.Set<T>(view, values);
        return view;
    }

    public void Dispose()
    {
        foreach (var (pointer, bytes) in blocks) _ = Unmap(pointer, bytes);
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint Map(nint address, nint length, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int Protect(nint address, nint length, int protection);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nint length);
}
