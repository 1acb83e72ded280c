using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Tessera.Cuda;

/// <summary>
/// Kernels that a driver has compiled, kept on disk so that the next process need not: one file for each PTX text, driver version and architecture. A file
/// that is damaged, cut off or another's is as good as none, and written anew; a folder that cannot be written keeps nothing. Processes may share it. Files that
/// were used longest ago are deleted where the folder grows too large (<c>KernelFiles.Pruning.cs</c>).
/// </summary>
/// <param name="folder">Where they are.</param>
/// <param name="driver">The driver's version, such as 13000.</param>
/// <param name="architecture">The device's, such as 90.</param>
/// <param name="limit">Most bytes in the folder, those of other drivers and architectures included.</param>
internal sealed partial class KernelFiles(string folder, int driver, int architecture, long limit = KernelFiles.Limit)
{
    /// <summary>The environment variable that names the folder, or says <c>off</c>.</summary>
    public const string Variable = "TESSERA_KERNEL_CACHE";

    // What a file begins with: a mark, the format, the driver, the architecture, SHA-256 of the text and of the code that follows.
    const int HeaderBytes = 8 + (3 * sizeof(int)) + (2 * SHA256.HashSizeInBytes), Format = 1;

    /// <summary>The folder of this process, or null where nothing is kept.</summary>
    public static string? Folder => Environment.GetEnvironmentVariable(Variable) switch
    {
        { Length: > 0 } off when off.Equals("off", StringComparison.OrdinalIgnoreCase) => null,
        { Length: > 0 } named => named,
        _ when Environment.GetEnvironmentVariable("TESSERA_HOME") is { Length: > 0 } home => Path.Combine(home, "kernels"),
        _ => Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) is { Length: > 0 } user ? Path.Combine(user, ".tessera", "kernels") : null,
    };

    /// <summary>The folder in words, with what is in it.</summary>
    public static string Description
    {
        get
        {
            if (Folder is not { } folder) return $"off ({Variable})";
            try
            {
                FileInfo[] files = Directory.Exists(folder) ? new DirectoryInfo(folder).GetFiles("*.kernel", SearchOption.AllDirectories) : [];
                return string.Create(CultureInfo.InvariantCulture, $"{folder}: {files.Length} kernel files, {files.Sum(f => f.Length) / 1e6:0.0} MB ({Variable})");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return $"{folder}: not readable: {e.Message}";
            }
        }
    }

    /// <summary>The files of a driver; null where nothing is kept.</summary>
    public static KernelFiles? For(ICudaDriver driver) => Folder is { } folder ? new KernelFiles(folder, driver.Version, driver.Architecture) : null;

    /// <summary>The file of a text.</summary>
    public string PathOf(string ptx)
        => Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"cuda{driver}-sm_{architecture}"), Convert.ToHexStringLower(Hash(ptx)) + ".kernel");

    /// <summary>The code of a text, where it is kept.</summary>
    public byte[]? Read(string ptx)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(PathOf(ptx));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
        if (file.Length <= HeaderBytes) return null;
        byte[] code = file[HeaderBytes..];
        if (!file.AsSpan(0, HeaderBytes).SequenceEqual(Header(ptx, code))) return null;
        MarkUsed(PathOf(ptx));
        return code;
    }

    /// <summary>Keeps the code of a text: the whole file or none.</summary>
    public void Write(string ptx, ReadOnlySpan<byte> code)
    {
        string path = PathOf(ptx), temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(temporary, [.. Header(ptx, code), .. code]);
            File.Move(temporary, path, overwrite: true);
            Prune(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Delete(temporary);
        }
    }

    byte[] Header(string ptx, ReadOnlySpan<byte> code)
    {
        byte[] header = new byte[HeaderBytes];
        "TESSERAK"u8.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), Format);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), driver);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), architecture);
        Hash(ptx).CopyTo(header, 20);
        SHA256.HashData(code, header.AsSpan(20 + SHA256.HashSizeInBytes));
        return header;
    }

    static byte[] Hash(string ptx) => SHA256.HashData(Encoding.UTF8.GetBytes(ptx));

    static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A file nobody reads.
        }
    }
}
