using System.Buffers;
using System.IO.MemoryMappedFiles;
using Microsoft.Win32.SafeHandles;

namespace Tessera;

/// <summary>
/// The bytes of a file as memory: they come from the disk, or the system's cache of it, when they are looked at, and are copied nowhere. The file
/// must not be cut short meanwhile. It is unmapped on disposal, or when nobody refers to this object any more: keep it alive as long as its spans.
/// </summary>
public sealed unsafe class MappedFile : MemoryManager<byte>
{
    readonly SafeMemoryMappedViewHandle? view;
    readonly byte* start;
    readonly int length;

    MappedFile(SafeMemoryMappedViewHandle? view, int length)
    {
        (this.view, this.length) = (view, length);
        if (view is not null) start = (byte*)view.DangerousGetHandle();
    }

    /// <summary>Maps a whole file for reading.</summary>
    /// <exception cref="IOException">It cannot be opened, or has more than 2,147,483,647 bytes.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read, or is a folder.</exception>
    public static MappedFile Open(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        if (stream.Length > int.MaxValue) throw new IOException($"{path} is too large: got {stream.Length} bytes, expected at most {int.MaxValue}");
        if (stream.Length == 0) return new MappedFile(null, 0);
        using var file = MemoryMappedFile.CreateFromFile(stream, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        return new MappedFile(file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read).SafeMemoryMappedViewHandle, (int)stream.Length);
    }

    /// <inheritdoc/>
    public override Span<byte> GetSpan() => new(start, length);

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex, default, this);

    /// <inheritdoc/>
    public override void Unpin() { }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => view?.Dispose();
}
