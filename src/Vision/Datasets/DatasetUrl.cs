namespace Tessera.Vision;

/// <summary>A data set on the web: an archive (tar, gzipped or not) whose name is the data set's.</summary>
public sealed record DatasetUrl
{
    static readonly string[] endings = [".tgz", ".tar.gz", ".tar"];

    /// <summary>A data set by its address.</summary>
    /// <param name="address">With <c>http</c> or <c>https</c>; where the path does not end in .tgz, .tar.gz or .tar, it is taken as if it ended in .tgz.</param>
    /// <exception cref="TesseraException">No such address, or its last segment cannot name a folder.</exception>
    public DatasetUrl(string address)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
            throw new TesseraException($"DatasetUrl: no address of an archive: got '{address}', expected https://host/path/name. Hint: for a local archive, give UntarOptions.Source.");
        if (!Array.Exists(endings, e => uri.AbsolutePath.EndsWith(e, StringComparison.OrdinalIgnoreCase)))
            uri = new UriBuilder(uri) { Path = uri.AbsolutePath + endings[0] }.Uri;
        Archive = uri;
        Name = NameOf(Uri.UnescapeDataString(uri.Segments[^1]));
        if (Name.Length == 0 || Name[0] == '.' || Name.AsSpan().ContainsAny("/\\:*?\"<>|\0"))
            throw new TesseraException($"DatasetUrl: the last segment cannot name a folder: got '{address}', expected https://host/path/name. Hint: the archive adds .tgz to it.");
    }

    /// <summary>Where the archive is.</summary>
    public Uri Archive { get; }

    /// <summary>The last segment of the address without its ending; also the name of the folder.</summary>
    public string Name { get; }

    /// <summary>Length of the archive; null where it is not known.</summary>
    public long? Bytes { get; init; }

    /// <summary>MD5 of the archive's first 2^20 bytes in hexadecimal; null where it is not known. Against damage, not against forgery.</summary>
    public string? Md5OfFirstMebibyte { get; init; }

    /// <summary>SHA-256 of the whole archive in hexadecimal; null where it is not known.</summary>
    public string? Sha256 { get; init; }

    /// <summary>A data set by its address: see <see cref="DatasetUrl(string)"/>.</summary>
    public static implicit operator DatasetUrl(string address) => new(address);

    /// <inheritdoc/>
    public override string ToString() => Archive.AbsoluteUri;

    /// <summary>A file name without the ending of an archive.</summary>
    internal static string NameOf(string file) =>
        Array.Find(endings, e => file.EndsWith(e, StringComparison.OrdinalIgnoreCase)) is { } ending ? file[..^ending.Length] : file;

    /// <summary>The archive <paramref name="name"/> with any of the endings in a folder; null where there is none.</summary>
    internal static string? ArchiveIn(string folder, string name) => endings.Select(e => Path.Combine(folder, name + e)).FirstOrDefault(File.Exists);
}
