using System.IO.Compression;

namespace Tessera;

/// <summary>
/// The content of a gzip file. <see cref="GZipStream"/> alone takes a file for whole whose last bytes, the checksum among them, are cut off. So one more member
/// is read behind those of the file, and its content comes out only where all before it was whole.
/// </summary>
/// <param name="file">The file, which is disposed with this stream.</param>
internal sealed class WholeGzip(Stream file) : ForwardStream(new GZipStream(new Followed(file), CompressionMode.Decompress))
{
    static readonly byte[] seal = "tessera: the end"u8.ToArray(), sealedMember = Zipped(seal);

    readonly byte[] buffer = new byte[(1 << 16) + seal.Length];
    int start, end; // of what was unpacked and not read yet; its last bytes may be the seal
    bool ended;

    /// <summary>The content of a file where it is zipped, else the file.</summary>
    public static Stream OrPlain(Stream file)
    {
        bool zipped = file.ReadByte() == 0x1F && file.ReadByte() == 0x8B;
        file.Position = 0;
        return zipped ? new WholeGzip(file) : file;
    }

    /// <exception cref="InvalidDataException">The data are damaged or cut off, or others follow them.</exception>
    public override int Read(Span<byte> destination)
    {
        while (!ended && !destination.IsEmpty)
        {
            int n = Math.Min(end - start - seal.Length, destination.Length);
            if (n > 0)
            {
                buffer.AsSpan(start, n).CopyTo(destination);
                start += n;
                return n;
            }
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
            int more = Source.Read(buffer.AsSpan(end));
            end += more;
            if (more > 0) continue;
            if (!buffer.AsSpan(0, end).SequenceEqual(seal)) throw new InvalidDataException("the gzip data are cut off, or other data follow them");
            ended = true;
        }
        return 0;
    }

    static byte[] Zipped(byte[] content)
    {
        using MemoryStream bytes = new();
        using (GZipStream zip = new(bytes, CompressionLevel.Fastest)) zip.Write(content);
        return bytes.ToArray();
    }

    /// <summary>A file with one more member behind its end.</summary>
    sealed class Followed(Stream file) : ForwardStream(file)
    {
        int given;
        bool began;

        public override int Read(Span<byte> destination)
        {
            int n = given == 0 ? Source.Read(destination) : 0;
            began |= n > 0;
            if (n > 0 || !began) return n;
            n = Math.Min(destination.Length, sealedMember.Length - given);
            sealedMember.AsSpan(given, n).CopyTo(destination);
            given += n;
            return n;
        }
    }
}
