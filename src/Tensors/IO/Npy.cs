using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.RegularExpressions;

namespace Tessera;

/// <summary>Reads and writes NumPy's .npy arrays and reads .npz archives (format versions 1 to 3; C and Fortran order; little-endian).</summary>
public static partial class Npy
{
    static readonly byte[] Magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    /// <summary>Reads one array; float64 becomes Float32, 8- and 16-bit integers become Int32.</summary>
    /// <exception cref="DataException">Missing, damaged, or of an element type we do not store.</exception>
    public static Tensor Read(string path, Device? device = null)
    {
        using var stream = InputFile.Open(path, "numpy.save in Python, or Npy.Write, writes one", [".npy"]);
        return Read(stream, stream.Length, path, device);
    }

    /// <summary>Reads all arrays of an .npz archive by name.</summary>
    /// <exception cref="DataException">As for <see cref="Read(string, Device?)"/>.</exception>
    public static IReadOnlyDictionary<string, Tensor> ReadArchive(string path, Device? device = null)
    {
        var arrays = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        using var stream = InputFile.Open(path, "numpy.savez in Python writes one", [".npz"]);
        try
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Read);
            foreach (var entry in archive.Entries)
            {
                if (!entry.FullName.EndsWith(".npy", StringComparison.Ordinal)) continue;
                using var content = entry.Open();
                arrays[entry.FullName[..^4]] = Read(content, entry.Length, $"{path}/{entry.FullName}", device);
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            throw new DataException($"{path}: damaged, or no .npz archive: {e.Message.TrimEnd('.')}. Hint: copy the file again.", e);
        }
        return arrays;
    }

    /// <summary>Writes one array in C order; the file appears whole or not at all.</summary>
    /// <exception cref="DTypeException">NumPy has no such element type (BFloat16).</exception>
    public static void Write(string path, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        string descr = tensor.DType switch
        {
            DType.Float32 => "<f4",
            DType.Float16 => "<f2",
            DType.UInt8 => "|u1",
            DType.Int32 => "<i4",
            DType.Int64 => "<i8",
            DType.Bool => "|b1",
            _ => throw new DTypeException($"Npy.Write: NumPy has no such element type: got {tensor.DType}. Hint: cast with To(DType.Float32)."),
        };
        string shape = tensor.Rank == 1 ? $"({tensor.Shape[0]},)" : $"({string.Join(", ", tensor.Shape)})";
        string header = $"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}";
        header = header.PadRight(((10 + header.Length + 1 + 63) / 64 * 64) - 11) + "\n";
        AtomicFile.Write(path, stream =>
        {
            stream.Write(Magic);
            stream.Write([1, 0, (byte)header.Length, (byte)(header.Length >> 8)]);
            stream.Write(Encoding.ASCII.GetBytes(header));
            stream.Write(tensor.ToBytes());
        });
    }

    static Tensor Read(Stream stream, long size, string path, Device? device)
    {
        try
        {
            Span<byte> prefix = stackalloc byte[8];
            stream.ReadExactly(prefix);
            if (!prefix[..6].SequenceEqual(Magic)) throw new DataException($"{path}: not a .npy file: expected it to start with \\x93NUMPY.");
            Span<byte> length = stackalloc byte[prefix[6] == 1 ? 2 : 4];
            stream.ReadExactly(length);
            long n = length.Length == 2 ? BinaryPrimitives.ReadUInt16LittleEndian(length) : BinaryPrimitives.ReadUInt32LittleEndian(length);
            if (n > 1 << 20) throw new DataException($"{path}: header of {n} bytes: expected at most 1 MiB.");
            byte[] header = new byte[n];
            stream.ReadExactly(header);
            var match = Header().Match(Encoding.UTF8.GetString(header));
            if (!match.Success) throw new DataException($"{path}: the header is not that of a plain array: got {Encoding.UTF8.GetString(header).Trim()}.");
            int[] dims = [.. match.Groups["shape"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
                .Select(d => int.Parse(d, NumberStyles.None, CultureInfo.InvariantCulture))];
            bool fortran = match.Groups["fortran"].ValueSpan.SequenceEqual("True");
            var x = Elements(stream, size, path, match.Groups["descr"].Value, fortran ? new Shape([.. dims.Reverse()]) : new Shape(dims), device);
            return fortran && dims.Length > 1 ? x.Permute([.. Enumerable.Range(0, dims.Length).Reverse()]).Contiguous() : x;
        }
        catch (Exception e) when (e is EndOfStreamException or OverflowException or System.FormatException or ShapeException)
        {
            throw new DataException($"{path}: cut off or damaged: {e.Message}", e);
        }
    }

    static Tensor Elements(Stream stream, long size, string path, string descr, Shape shape, Device? device)
    {
        (int width, var dtype) = descr[1..] switch
        {
            "f4" => (4, DType.Float32),
            "f8" => (8, DType.Float32),
            "f2" => (2, DType.Float16),
            "u1" => (1, DType.UInt8),
            "i1" => (1, DType.Int32),
            "i2" => (2, DType.Int32),
            "i4" => (4, DType.Int32),
            "i8" => (8, DType.Int64),
            "b1" => (1, DType.Bool),
            _ => throw new DataException($"{path}: element type {descr}: expected f2, f4, f8, u1, i1, i2, i4, i8 or b1."),
        };
        if (descr[0] == '>') throw new DataException($"{path}: big-endian elements ({descr}): expected little-endian.");
        if (shape.Count > Array.MaxLength / width) throw new DataException($"{path}: shape {shape} is too large: expected at most {Array.MaxLength} bytes.");
        if (shape.Count * width > size) throw new DataException($"{path}: cut off or damaged: got {size} bytes in all, expected {shape.Count * width} for shape {shape}. Hint: copy the file again.");
        byte[] bytes = new byte[shape.Count * width];
        stream.ReadExactly(bytes);
        return descr[1..] switch
        {
            "f8" => Tensor.From(Narrow(bytes, 8, s => (float)BinaryPrimitives.ReadDoubleLittleEndian(s)), shape, device),
            "i1" => Tensor.From(Narrow(bytes, 1, s => (int)(sbyte)s[0]), shape, device),
            "i2" => Tensor.From(Narrow(bytes, 2, s => (int)BinaryPrimitives.ReadInt16LittleEndian(s)), shape, device),
            _ => Tensor.FromBytes(bytes, dtype, shape, device),
        };
    }

    delegate T Reader<T>(ReadOnlySpan<byte> bytes);

    static T[] Narrow<T>(byte[] bytes, int width, Reader<T> read)
    {
        var result = new T[bytes.Length / width];
        for (int i = 0; i < result.Length; i++) result[i] = read(bytes.AsSpan(i * width));
        return result;
    }

    [GeneratedRegex(@"'descr':\s*'(?<descr>[<>|=][a-z]\d+)'.*'fortran_order':\s*(?<fortran>True|False).*'shape':\s*\((?<shape>[\d,\s]*)\)", RegexOptions.Singleline, 1000)]
    private static partial Regex Header();
}
