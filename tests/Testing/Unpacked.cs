using System.Collections.Concurrent;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Tessera.Testing;

/// <summary>
/// Archives unpacked once a machine, under artifacts/test-data, in a folder named by the archive's SHA-256. Several processes
/// may ask at the same time: each unpacks into a folder of its own, and the first rename wins.
/// </summary>
static class Unpacked
{
    static readonly ConcurrentDictionary<string, Lazy<string>> known = new(StringComparer.Ordinal);

    /// <summary>File name endings of archives that <see cref="Folder"/> can open.</summary>
    public static readonly string[] Extensions = [".tar.br", ".tar", ".tgz", ".tar.gz"];

    /// <summary>The folder that holds the archive's content. An only top folder that bears the archive's own name is left out.</summary>
    public static string Folder(string archive) => Once(archive, target =>
    {
        using Stream stream = OpenPlain(archive);
        TarFile.ExtractToDirectory(stream, target, overwriteFiles: false);
    }, NameOf(archive));

    /// <summary>The file inside NAME.gz, as a file called NAME.</summary>
    public static string File(string gz) => Path.Combine(Once(gz, target =>
    {
        using Stream stream = OpenPlain(gz);
        using FileStream file = System.IO.File.Create(Path.Combine(target, NameOf(gz)));
        stream.CopyTo(file);
    }, top: null), NameOf(gz));

    static string Once(string archive, Action<string> unpackInto, string? top) =>
        known.GetOrAdd(archive, a => new Lazy<string>(() =>
        {
            string folder = Materialise(a, unpackInto, Path.Combine(TestData.RepositoryRoot, "artifacts", "test-data"));
            return top != null && Directory.Exists(Path.Combine(folder, top)) && Directory.GetFileSystemEntries(folder).Length == 1
                ? Path.Combine(folder, top)
                : folder;
        })).Value;

    internal static string Materialise(string archive, Action<string> unpackInto, string root)
    {
        string target = Path.Combine(root, $"{NameOf(archive)}-{Hash(archive)}");
        if (Directory.Exists(target))
            return target;

        string own = $"{target}.{Guid.NewGuid():N}.tmp";
        Directory.CreateDirectory(own);
        try
        {
            unpackInto(own);
            Directory.Move(own, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            Directory.Delete(own, recursive: true); // somebody else was first
        }
        return target;
    }

    static Stream OpenPlain(string archive)
    {
        FileStream file = System.IO.File.OpenRead(archive);
        return Path.GetExtension(archive) switch
        {
            ".br" => new BrotliStream(file, CompressionMode.Decompress),
            ".gz" or ".tgz" => new GZipStream(file, CompressionMode.Decompress),
            _ => file,
        };
    }

    static string Hash(string path)
    {
        using FileStream file = System.IO.File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file).AsSpan(0, 8));
    }

    static string NameOf(string archive)
    {
        string name = Path.GetFileName(archive);
        string? extension = Array.Find(Extensions, e => name.EndsWith(e, StringComparison.Ordinal));
        return name[..^(extension ?? Path.GetExtension(name)).Length];
    }
}
