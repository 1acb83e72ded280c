using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace Tessera.Testing;

/// <summary>Reads recorded NumPy arrays: .npy, and .npz (a zip of .npy files). C order, little-endian.</summary>
public static partial class NpyReader
{
    /// <summary>The array of a .npy file.</summary>
    public static TestArray Read(string path) => Parse(File.ReadAllBytes(path));

    /// <summary>The arrays of a .npz file by name, without the .npy ending.</summary>
    public static IReadOnlyDictionary<string, TestArray> ReadNpz(string path)
    {
        using ZipArchive zip = ZipFile.OpenRead(path);
        return zip.Entries.ToDictionary(e => e.Name[..^".npy".Length], e =>
        {
            using Stream stream = e.Open();
            using MemoryStream bytes = new();
            stream.CopyTo(bytes);
            return Parse(bytes.ToArray());
        }, StringComparer.Ordinal);
    }

    static TestArray Parse(byte[] file)
    {
        if (file[0] != 0x93 || !file.AsSpan(1).StartsWith("NUMPY"u8))
            throw new InvalidDataException("not a .npy file");
        int start = file[6] == 1 ? 10 : 12;
        int length = file[6] == 1 ? BinaryPrimitives.ReadUInt16LittleEndian(file.AsSpan(8)) : BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(8));
        string header = Encoding.Latin1.GetString(file, start, length);
        if (Order().Match(header).Groups[1].Value is not "False")
            throw new NotSupportedException($"column-major .npy: {header}");
        int[] shape = [.. Extents().Match(header).Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        return new TestArray(DType(Descr().Match(header).Groups[1].Value), shape, file[(start + length)..]);
    }

    static string DType(string descr) => descr switch
    {
        "<f8" => "F64",
        "<f4" => "F32",
        "<f2" => "F16",
        "<i8" => "I64",
        "<i4" => "I32",
        "<i2" => "I16",
        "|i1" => "I8",
        "|u1" => "U8",
        "|b1" => "BOOL",
        _ when descr.StartsWith("<U", StringComparison.Ordinal) => descr,
        _ => throw new NotSupportedException($".npy element type {descr}"),
    };

    [GeneratedRegex("'descr': *'([^']*)'")]
    private static partial Regex Descr();

    [GeneratedRegex("'fortran_order': *(True|False)")]
    private static partial Regex Order();

    [GeneratedRegex(@"'shape': *\(([^)]*)\)")]
    private static partial Regex Extents();
}
