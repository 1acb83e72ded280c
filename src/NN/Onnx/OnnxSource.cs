using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using Google.Protobuf;

namespace Tessera.NN;

/// <summary>Where a model's bytes come from: the file itself and, beside it, files with the data of large tensors.</summary>
/// <param name="Name">What messages begin with.</param>
/// <param name="Folder">The model's folder, which external data may not leave; null for a model from memory.</param>
internal sealed record OnnxSource(string Name, string? Folder)
{
    const long MaxBytes = int.MaxValue; // the format's own limit

    readonly Dictionary<TensorProto, ReadOnlyMemory<byte>> raw = new(ReferenceEqualityComparer.Instance);
    readonly Dictionary<string, long> external = new(StringComparer.Ordinal);
    readonly HashSet<TensorProto> counted = new(ReferenceEqualityComparer.Instance);
    long claimed; // of the external files, by all tensors

    /// <summary>The content of the .onnx file, unpacked.</summary>
    public ReadOnlyMemory<byte> Bytes { get; private init; }

    /// <summary>Bytes of the model and of the files beside it that it names.</summary>
    public long TotalBytes => Bytes.Length + external.Values.Sum();

    /// <summary>Length of the file, where it is packed and <see cref="Bytes"/> are a copy in memory.</summary>
    public long? Packed { get; private init; }

    /// <summary>
    /// The memory that tensors may take by the numbers of the file alone. The whole of it stays below 4 times the file's length and 256 MiB: besides the tensors that is
    /// what <see cref="OnnxParser"/> makes, and of a packed file its content.
    /// </summary>
    public long TensorBytes => Packed is { } length
        ? (7 * length / 2) + (192L << 20) - Bytes.Length + (4 * external.Values.Sum())
        : (4 * TotalBytes) + (96L << 20);

    // Of a packed file, what the parser copies, up to four times, takes at most length/2 + 32 MiB, and its parts 25 MiB.
    (int Parts, long Copied) ParserLimits => Packed is { } length ? (OnnxParts.Most / 4, (length / 8) + (8 << 20)) : (OnnxParts.Most, long.MaxValue);

    /// <summary>Parses a file, which is not copied; one that ends in .gz is unpacked on the way.</summary>
    public static (ModelProto Model, OnnxSource Source) Open(string path)
    {
        string name = Path.GetFileName(path);
        try
        {
            string? folder = Path.GetDirectoryName(Path.GetFullPath(path));
            var source = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? Unpack(path, name, folder) : new OnnxSource(name, folder) { Bytes = Map(path, name) };
            return (source.Parse(), source);
        }
        catch (Exception e) when (InputFile.IsRefusal(e))
        {
            throw InputFile.Error(path, e, "torch.onnx.export in Python, or tessera export, writes one", [".onnx", ".onnx.gz"], name);
        }
    }

    /// <summary>Parses a model in memory, which may not change any more.</summary>
    public static (ModelProto Model, OnnxSource Source) Parse(ReadOnlyMemory<byte> bytes, string name)
    {
        var source = new OnnxSource(name, null) { Bytes = bytes };
        return (source.Parse(), source);
    }

    ModelProto Parse()
    {
        var (parts, copied) = ParserLimits;
        try
        {
            return OnnxParser.Parse(Bytes, raw, parts, copied);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException or ArgumentException or OverflowException)
        {
            string hint = Packed is null ? "load the file with another tool, or export it again" : "if you trust the file, unpack it with gunzip";
            throw new DataException($"{Name}: not an ONNX model, or a damaged one: {e.Message} Hint: {hint}.", e);
        }
    }

    /// <summary>The raw data of a tensor in the file; empty where its numbers are typed ones or lie in another file.</summary>
    public ReadOnlySpan<byte> Raw(TensorProto t) => raw.TryGetValue(t, out var data) ? data.Span : t.RawData.Span;

    /// <summary>The checked place of external data: path, offset and length in bytes.</summary>
    public (string Path, long Offset) Locate(TensorProto t, long expected, string where)
    {
        var entry = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var e in t.ExternalData) entry[e.Key] = e.Value;
        if (Folder is null) throw new DataException($"{where}: data lie in another file: got a model from memory, expected one from a file. Hint: load it from its folder with OnnxModel.Load.");
        if (!entry.TryGetValue("location", out string? location) || location.Length == 0)
            throw new DataException($"{where}: external data without a location: got none, expected a file name. Hint: export the model again.");
        string path = Inside(location, where);
        long size = new FileInfo(path) is { Exists: true } f ? f.Length : throw new DataException(
            $"{where}: external data file is missing: got '{location}', expected a file beside the model. "
                + "Hint: copy the data file along with the model.");
        long offset = Number(entry, "offset", 0, where), length = Number(entry, "length", expected, where);
        if (length != expected || offset > size - length)
            throw new DataException(
                $"{where}: external data do not fit: got offset {offset} and length {length} in '{location}' of {size} bytes, "
                    + $"expected {expected} bytes inside the file. Hint: the data file is cut short or belongs to another model.");
        if (counted.Add(t))
        {
            external[path] = size;
            claimed += length;
        }
        return (path, offset);
    }

    /// <summary>Tensors may share external data, but a small file must not fill the memory.</summary>
    public void CheckExternal()
    {
        if (claimed > 2 * external.Values.Sum())
            throw new DataException(
                $"{Name}: tensors share external data: got tensors of {claimed} bytes in files of {external.Values.Sum()}, expected at most twice as much. "
                    + "Hint: export the model again.");
    }

    /// <summary>Reads external data.</summary>
    public byte[] Read(TensorProto t, long expected, string where)
    {
        var (path, offset) = Locate(t, expected, where);
        try
        {
            byte[] bytes = new byte[expected];
            using var file = File.OpenRead(path);
            file.Position = offset;
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{where}: external data cannot be read: {e.Message}", e);
        }
    }

    string Inside(string location, string where)
    {
        string root = Path.GetFullPath(Folder!) + Path.DirectorySeparatorChar, path;
        try
        {
            path = Path.GetFullPath(Path.Combine(root, location));
            for (string? p = path; p is not null && p.Length > root.Length; p = Path.GetDirectoryName(p))
                if (Path.Exists(p) && new FileInfo(p).ResolveLinkTarget(returnFinalTarget: true) is { } target && !target.FullName.StartsWith(root, StringComparison.Ordinal))
                    path = target.FullName;
        }
        catch (Exception e) when (e is ArgumentException or IOException or NotSupportedException)
        {
            throw new DataException($"{where}: external data path is not a path: got '{location}', expected a file name. Hint: export the model again.", e);
        }
        return path.StartsWith(root, StringComparison.Ordinal) && !Path.IsPathRooted(location)
            ? path
            : throw new DataException($"{where}: external data path leaves the model's folder: got '{location}', expected a file inside it. Hint: export the model with its data beside it.");
    }

    static long Number(Dictionary<string, string> entry, string key, long otherwise, string where)
    {
        if (!entry.TryGetValue(key, out string? text)) return otherwise;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw new DataException($"{where}: external data {key} is not a number: got '{text}', expected a count of bytes. Hint: export the model again.");
    }

    static ReadOnlyMemory<byte> Map(string path, string name) => new FileInfo(path) is { Exists: true, Length: > MaxBytes } f
        ? throw new DataException($"{name}: too large: got {f.Length} bytes, expected at most {MaxBytes}. Hint: export with external data.")
        : MappedFile.Open(path).Memory;

    // Weights of few different values become an eighth by packing: what unpacks to much more is no network.
    static OnnxSource Unpack(string path, string name, string? folder)
    {
        var (packed, claimed) = Lengths(path);
        long limit = Math.Min(MaxBytes, (2 * packed) + (96 << 20));
        try
        {
            byte[] bytes = new byte[Math.Min(limit, claimed)];
            long length = Fill(bytes);
            if (length > bytes.Length) Fill(bytes = new byte[length]); // several members
            return new OnnxSource(name, folder) { Bytes = bytes.AsMemory(0, (int)length), Packed = packed };
        }
        catch (InvalidDataException e)
        {
            throw new DataException($"{name}: not a gzip file, or a damaged one: {e.Message.TrimEnd('.')}. Hint: fetch the file again.", e);
        }

        // Takes the beginning of the content; its length.
        long Fill(byte[] bytes)
        {
            using var zip = new WholeGzip(File.OpenRead(path));
            long length = zip.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            byte[] block = new byte[1 << 16];
            for (int n; (n = zip.Read(block)) > 0;)
                if ((length += n) > limit)
                    throw new DataException(
                        $"{name}: unpacks to more than an ONNX model does: got over {limit} bytes from {packed}. "
                            + "Hint: if you trust the file, unpack it with gunzip.");
            return length;
        }
    }

    /// <summary>Of a gzip file, and, as its last bytes say, of its content, or that of its last member.</summary>
    static (long Packed, uint Claimed) Lengths(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> last = stackalloc byte[4];
        file.Position = Math.Max(0, file.Length - last.Length);
        file.ReadAtLeast(last, last.Length, throwOnEndOfStream: false);
        return (file.Length, BinaryPrimitives.ReadUInt32LittleEndian(last));
    }
}
