using System.Formats.Tar;
using System.Globalization;

namespace Tessera.Vision;

/// <summary>Unpacks a tar archive of strangers: nothing outside of the target, no devices, no more than 100 times the archive's length.</summary>
sealed class TarArchive
{
    const long grace = 16L << 20;
    const int expansion = 100;

    readonly string archive, root;
    readonly List<TarEntry> links = [];
    long copied;
    int files;

    TarArchive(string archive, string root) => (this.archive, this.root) = (archive, Path.GetFullPath(root));

    /// <summary>
    /// Unpacks <paramref name="archive"/> (tar, gzipped or not) as <paramref name="folder"/>, which does not exist before and is whole afterwards.
    /// An only top folder of the archive called <paramref name="name"/> is that folder itself. Links become copies of the files they name.
    /// </summary>
    /// <exception cref="DataException">Damaged, hostile or empty; no folder is left.</exception>
    public static void Extract(string archive, string folder, string name, Action<UntarProgress>? progress, CancellationToken cancellation)
    {
        string parent = Path.GetDirectoryName(Path.GetFullPath(folder))!, own = $".{Path.GetFileName(folder)}.";
        foreach (string left in Directory.GetDirectories(parent, own + "*.tmp")) Directory.Delete(left, recursive: true); // of a process that died
        string temporary = Path.Combine(parent, $"{own}{Guid.NewGuid():N}.tmp");
        Directory.CreateDirectory(temporary);
        try
        {
            var tar = new TarArchive(archive, temporary);
            tar.Read(read => progress?.Invoke(new(name, UntarStep.Extract, read.Done, read.Total)), cancellation);
            string only = Path.Combine(temporary, name);
            bool wrapped = Directory.Exists(only) && Directory.GetFileSystemEntries(temporary).Length == 1;
            Directory.Move(wrapped ? only : temporary, folder);
        }
        finally
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }
    }

    /// <summary>What a server sends in place of an archive that it lacks.</summary>
    bool StartsLikeAPage()
    {
        Span<byte> first = stackalloc byte[64];
        using var file = File.OpenRead(archive);
        string text = System.Text.Encoding.Latin1.GetString(first[..file.ReadAtLeast(first, first.Length, throwOnEndOfStream: false)]).TrimStart();
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase);
    }

    void Read(Action<(long Done, long Total)> report, CancellationToken cancellation)
    {
        try
        {
            using var file = File.OpenRead(archive);
            using var plain = new Limited(WholeGzip.OrPlain(file), grace + (expansion * file.Length), Bomb);
            using var tar = new TarReader(plain);
            for (long reported = 0; tar.GetNextEntry() is { } entry;)
            {
                cancellation.ThrowIfCancellationRequested();
                Take(entry);
                if (file.Position - reported < 1 << 20) continue;
                report((reported = file.Position, file.Length));
            }
            if (plain.Ended) throw new EndOfStreamException("it has no end mark and was cut off");
            plain.CopyTo(Stream.Null); // the end of the stream holds its checksum
            foreach (var link in links) Copy(link, grace + (expansion * file.Length));
            report((file.Length, file.Length));
        }
        catch (Exception e) when (
            e is InvalidDataException or EndOfStreamException or PathTooLongException or FormatException
                or ArgumentException or NotSupportedException or InvalidOperationException or OverflowException or OutOfMemoryException)
        {
            throw new DataException($"{archive}: no sound archive{(StartsLikeAPage() ? ": it is a web page, not a .tar or .tgz" : "")}: {e.Message.TrimEnd('.')}. "
                + "Hint: look at the address in a browser; then delete the file and fetch it again.", e);
        }
        if (files == 0) throw new DataException($"{archive}: the archive holds no files. Hint: delete the file and fetch it again.");
    }

    void Take(TarEntry entry)
    {
        switch (entry.EntryType)
        {
            case TarEntryType.RegularFile or TarEntryType.V7RegularFile or TarEntryType.ContiguousFile:
                string path = Free(entry.Name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                using (var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None)) entry.DataStream?.CopyTo(file);
                files++;
                break;
            case TarEntryType.Directory or TarEntryType.DirectoryList:
                Directory.CreateDirectory(Free(entry.Name, isFolder: true));
                break;
            case TarEntryType.SymbolicLink or TarEntryType.HardLink:
                Target(entry.Name);
                links.Add(entry);
                break;
            case TarEntryType.GlobalExtendedAttributes:
                break;
            default:
                throw Refused($"has the entry '{entry.Name}' of kind {entry.EntryType}", "expected files, folders and links to files");
        }
    }

    /// <summary>A file instead of a link to it: what is written can then lead nowhere.</summary>
    void Copy(TarEntry link, long limit)
    {
        string name = link.EntryType == TarEntryType.HardLink ? link.LinkName : Path.Combine(Path.GetDirectoryName(link.Name) ?? "", link.LinkName);
        string path = Target(link.Name), source = Path.IsPathRooted(link.LinkName) ? Outside(link.Name) : Path.GetFullPath(Path.Combine(root, name));
        if (!IsInside(source)) Outside(link.Name);
        if (!File.Exists(source)) throw Refused($"has the link '{link.Name}' to '{link.LinkName}', which is no file of the archive", "unpack it by hand");
        if ((copied += new FileInfo(source).Length) > limit) throw Bomb();
        Directory.CreateDirectory(Path.GetDirectoryName(Free(link.Name))!);
        if (!string.Equals(source, path, StringComparison.Ordinal)) File.Copy(source, path, overwrite: true);
    }

    /// <summary>Where an entry goes; its parts must be plain names on every system.</summary>
    string Target(string name)
    {
        string[] parts = name.Split('/', '\\');
        if (Path.IsPathRooted(name) || parts.Contains("..", StringComparer.Ordinal) || parts[0].Length == 0 || name.Contains('\0')) Outside(name);
        if (OperatingSystem.IsWindows() && name.Contains(':')) Outside(name);
        string path = Path.GetFullPath(Path.Combine(root, name.TrimEnd('/')));
        return IsInside(path) ? path : Outside(name);
    }

    /// <summary>Where an entry goes, with no file in the place of a folder of it, and no folder in the place of a file.</summary>
    string Free(string name, bool isFolder = false)
    {
        string path = Target(name);
        if (!isFolder && Directory.Exists(path)) throw Refused($"has the file '{name}' where it has a folder", "it is damaged, or made to do harm");
        for (string above = isFolder ? path : Path.GetDirectoryName(path)!; above.Length > root.Length; above = Path.GetDirectoryName(above)!)
            if (File.Exists(above)) throw Refused($"has the entry '{name}' below a file", "it is damaged, or made to do harm");
        return path;
    }

    bool IsInside(string path) => string.Equals(path, root, StringComparison.Ordinal) || path.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal);

    string Outside(string name) => throw Refused($"has the entry '{name}', which leads out of the target", "an archive from a trusted place has none");

    DataException Bomb() => Refused($"unpacks to more than {expansion} times its length", "it may be a decompression bomb; if you trust it, unpack it by hand");

    DataException Refused(string what, string hint) => new(string.Create(CultureInfo.InvariantCulture, $"{archive}: the archive {what}: nothing was unpacked. Hint: {hint}."));

    /// <summary>A stream that may be read up to a length, and only where its headers are sensible.</summary>
    sealed class Limited(Stream stream, long limit, Func<Exception> tooLong) : ForwardStream(stream)
    {
        readonly TarHeaders headers = new();
        long read;

        /// <summary>Whether there was nothing left to read.</summary>
        public bool Ended { get; private set; }

        public override int Read(Span<byte> destination)
        {
            int n = Source.Read(destination);
            Ended = n == 0 && !destination.IsEmpty;
            if ((read += n) > limit) throw tooLong();
            headers.See(destination[..n]);
            return n;
        }
    }
}
