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

    /// <summary>Parses a file, which is not copied; one that ends in .gz is unpacked on the way.</summary>
    public static (ModelProto Model, OnnxSource Source) Open(string path)
    {
        string name = Path.GetFileName(path);
        try
        {
            var bytes = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? Unpack(path, name) : Map(path, name);
            return Parse(bytes, name, Path.GetDirectoryName(Path.GetFullPath(path)));
        }
        catch (Exception e) when (InputFile.IsRefusal(e))
        {
            throw InputFile.Error(path, e, "torch.onnx.export in Python, or tessera export, writes one", [".onnx", ".onnx.gz"], name);
        }
    }

    /// <summary>Parses a model in memory, which may not change any more.</summary>
    public static (ModelProto Model, OnnxSource Source) Parse(ReadOnlyMemory<byte> bytes, string name, string? folder = null)
    {
        var source = new OnnxSource(name, folder) { Bytes = bytes };
        try
        {
            return (OnnxParser.Parse(bytes, source.raw), source);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException or ArgumentException or OverflowException)
        {
            throw new DataException($"{name}: not an ONNX model, or a damaged one: {e.Message} Hint: load the file with another tool, or export it again.", e);
        }
    }

    /// <summary>The raw data of a tensor in the file; empty where its numbers are typed ones or lie in another file.</summary>
    public ReadOnlySpan<byte> Raw(TensorProto t) => raw.TryGetValue(t, out var data) ? data.Span : t.RawData.Span;

    /// <summary>The checked place of external data: path, offset and length in bytes.</summary>
    public (string Path, long Offset) Locate(TensorProto t, long expected, string where)
    {
        var entry = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var e in t.ExternalData) entry[e.Key] = e.Value;
        if (Folder is null) throw new DataException($"{where}: data lie in another file: got a model from memory, expected one from a file.");
        if (!entry.TryGetValue("location", out string? location) || location.Length == 0)
            throw new DataException($"{where}: external data without a location: got none, expected a file name.");
        string path = Inside(location, where);
        long size = new FileInfo(path) is { Exists: true } f ? f.Length : throw new DataException($"{where}: external data file is missing: got '{location}', expected a file beside the model.");
        long offset = Number(entry, "offset", 0, where), length = Number(entry, "length", expected, where);
        if (length != expected || offset > size - length)
            throw new DataException($"{where}: external data do not fit: got offset {offset} and length {length} in '{location}' of {size} bytes, expected {expected} bytes inside the file.");
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
            throw new DataException($"{Name}: tensors share external data: got tensors of {claimed} bytes in files of {external.Values.Sum()}, expected at most twice as much. Hint: export the model again.");
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
            throw new DataException($"{where}: external data path is not a path: got '{location}', expected a file name.", e);
        }
        return path.StartsWith(root, StringComparison.Ordinal) && !Path.IsPathRooted(location)
            ? path
            : throw new DataException($"{where}: external data path leaves the model's folder: got '{location}', expected a file inside it.");
    }

    static long Number(Dictionary<string, string> entry, string key, long otherwise, string where)
    {
        if (!entry.TryGetValue(key, out string? text)) return otherwise;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : throw new DataException($"{where}: external data {key} is not a number: got '{text}', expected a count of bytes.");
    }

    static ReadOnlyMemory<byte> Map(string path, string name) => new FileInfo(path) is { Exists: true, Length: > MaxBytes } f
        ? throw new DataException($"{name}: too large: got {f.Length} bytes, expected at most {MaxBytes}. Hint: export with external data.")
        : MappedFile.Open(path).Memory;

    // Weights of few different values become an eighth by packing: what unpacks to much more is no network.
    static ReadOnlyMemory<byte> Unpack(string path, string name)
    {
        using var file = File.OpenRead(path);
        using var zip = new WholeGzip(file);
        long limit = Math.Min(MaxBytes, (12 * file.Length) + (16 << 20));
        using var bytes = new MemoryStream();
        byte[] block = new byte[1 << 16];
        try
        {
            for (int n; (n = zip.Read(block)) > 0; bytes.Write(block, 0, n))
                if (bytes.Length + n > limit) throw new DataException($"{name}: unpacks to more than an ONNX model does: got over {limit} bytes from {file.Length}. Hint: if you trust the file, unpack it with gunzip.");
        }
        catch (InvalidDataException e)
        {
            throw new DataException($"{name}: not a gzip file, or a damaged one: {e.Message.TrimEnd('.')}. Hint: fetch the file again.", e);
        }
        return bytes.GetBuffer().AsMemory(0, (int)bytes.Length);
    }
}
