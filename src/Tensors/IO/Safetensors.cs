using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Tessera;

/// <summary>The content of a .safetensors file.</summary>
/// <param name="Tensors">Tensors by name, in the order of their data.</param>
/// <param name="Metadata">Free text by key.</param>
public sealed record SafetensorsFile(IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata);

/// <summary>
/// Reads and writes the safetensors format: an 8-byte little-endian header length, a JSON header, then the elements in row-major order.
/// Data only: nothing in a file is ever executed. Files written here carry their SHA-256, taken with zeros in its own place; it is verified when they are
/// read, as is the SHA-256 of the data alone in older files. A header has at most 8 MiB, enough for sixty thousand tensors: so no file, sound or not, takes more memory
/// than 4 times its length and 256 MiB.
/// </summary>
public static class Safetensors
{
    /// <summary>The most bytes of a header; the format itself allows 100 MB.</summary>
    internal const int MaxHeader = 1 << 23;

    const int MaxRank = 64;
    const string MetadataKey = "__metadata__";
    const string ChecksumKey = "sha256_file", DataChecksumKey = "sha256";
    static readonly string NoChecksum = new('0', 2 * SHA256.HashSizeInBytes);

    static readonly (string Name, int Width)[] types =
    [
        ("F32", 4), ("F16", 2), ("BF16", 2), ("U8", 1), ("I32", 4), ("I64", 8), ("BOOL", 1), ("F64", 8), ("I8", 1), ("I16", 2), ("U16", 2), ("U32", 4), ("U64", 8), ("F8_E4M3", 1), ("F8_E5M2", 1),
    ];

    static readonly (string Name, DType DType)[] Names =
    [
        ("F32", DType.Float32), ("F16", DType.Float16), ("BF16", DType.BFloat16), ("U8", DType.UInt8),
        ("I32", DType.Int32), ("I64", DType.Int64), ("BOOL", DType.Bool),
    ];

    /// <summary>Reads a whole file onto a device.</summary>
    /// <exception cref="DataException">The file is missing, damaged, or not in this format; the message says where.</exception>
    public static SafetensorsFile Read(string path, Device? device = null)
    {
        using var stream = Open(path);
        return Read(stream, path, device);
    }

    /// <summary>Reads tensors that are no file, such as an embedded resource.</summary>
    /// <param name="stream">The content of a file, from its position to its end; it can seek.</param>
    /// <param name="name">How messages call it.</param>
    /// <exception cref="DataException">Damaged, or not in this format.</exception>
    public static SafetensorsFile Read(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Read(stream, name, null);
    }

    /// <summary>Reads the header only: names, element types and shapes, without the elements.</summary>
    /// <exception cref="DataException">As for <see cref="Read(string, Device?)"/>.</exception>
    public static (IReadOnlyDictionary<string, (string DType, Shape Shape)> Tensors, IReadOnlyDictionary<string, string> Metadata) ReadHeader(string path)
    {
        using var stream = Open(path);
        return ReadHeader(stream, path);
    }

    internal static (IReadOnlyDictionary<string, (string DType, Shape Shape)> Tensors, IReadOnlyDictionary<string, string> Metadata) ReadHeader(Stream stream, string path)
    {
        var (entries, metadata, _) = ParseHeader(stream, path);
        return (entries.ToDictionary(e => e.Name, e => (e.DType, e.Shape), StringComparer.Ordinal), metadata);
    }

    static FileStream Open(string path) => InputFile.Open(path, "tessera train, Safetensors.Write and Python's safetensors.torch.save_file write such files", [".safetensors"]);

    /// <summary>Writes tensors and metadata; the file appears whole or not at all.</summary>
    /// <param name="path">Target file; its folder is created.</param>
    /// <param name="tensors">Tensors by name, of any element type and layout.</param>
    /// <param name="metadata">Free text by key; the keys <c>sha256</c> and <c>sha256_file</c> are ours.</param>
    /// <exception cref="TesseraException">The file cannot be written, or names and metadata are longer than a header may be, or a name is <c>__metadata__</c>.</exception>
    public static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        if (tensors.ContainsKey(MetadataKey))
            throw new TesseraException($"Safetensors.Write: {path}: a tensor is called '{MetadataKey}', which is where the format keeps its metadata. Hint: give it another name.");
        var order = tensors.OrderBy(t => t.Key, StringComparer.Ordinal).ToArray();
        AtomicFile.Write(path, stream =>
        {
            // The checksum stands before the data: its place is kept, and filled when the data have gone by.
            byte[] blank = Header(order, metadata, NoChecksum);
            if (blank.Length > MaxHeader)
                throw new TesseraException($"Safetensors.Write: {path}: the header is too long: got {blank.Length} bytes for {order.Length} tensors, expected at most {MaxHeader}. Hint: split the tensors over several files, or shorten names and metadata.");
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            WriteHeader(stream, blank);
            hash.AppendData(blank);
            foreach (var (_, tensor) in order)
            {
                byte[] bytes = tensor.ToBytes();
                hash.AppendData(bytes);
                stream.Write(bytes);
            }
            stream.Position = 0;
            WriteHeader(stream, Header(order, metadata, Convert.ToHexStringLower(hash.GetHashAndReset())));
        });
    }

    static void WriteHeader(Stream stream, byte[] header)
    {
        Span<byte> length = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        stream.Write(length);
        stream.Write(header);
    }

    static SafetensorsFile Read(Stream stream, string path, Device? device)
    {
        try
        {
            return ReadWhole(stream, path, device);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read to its end: {e.Message.TrimEnd('.')}. Hint: copy the file again.", e);
        }
    }

    static SafetensorsFile ReadWhole(Stream stream, string path, Device? device)
    {
        var (entries, metadata, header) = ParseHeader(stream, path);
        string? ofAll = metadata.GetValueOrDefault(ChecksumKey), expected = ofAll ?? metadata.GetValueOrDefault(DataChecksumKey);
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        if (ofAll is not null) hash.AppendData(Without(header, ofAll));
        foreach (var entry in entries)
        {
            byte[] bytes = new byte[entry.End - entry.Begin];
            stream.ReadExactly(bytes);
            hash.AppendData(bytes);
            tensors[entry.Name] = ToTensor(bytes, entry, path, device);
        }
        if (expected?.Equals(Convert.ToHexStringLower(hash.GetHashAndReset()), StringComparison.Ordinal) == false)
        {
            foreach (var t in tensors.Values) t.Dispose();
            throw new DataException($"{path}: the file does not match its checksum: it is damaged. Hint: copy or train it again.");
        }
        return new SafetensorsFile(tensors, metadata);
    }

    /// <summary>Whether a file carries a checksum, which was verified then.</summary>
    internal static bool HasChecksum(SafetensorsFile file) => file.Metadata.ContainsKey(ChecksumKey) || file.Metadata.ContainsKey(DataChecksumKey);

    /// <summary>A header with zeros where its checksum stands.</summary>
    static byte[] Without(byte[] header, string checksum)
    {
        byte[] blank = [.. header];
        int at = blank.AsSpan().IndexOf(Encoding.UTF8.GetBytes($"\"{ChecksumKey}\":\"{checksum}\""));
        if (at >= 0) blank.AsSpan(at + ChecksumKey.Length + 4, checksum.Length).Fill((byte)'0');
        return blank;
    }

    static Tensor ToTensor(byte[] bytes, Entry entry, string path, Device? device)
    {
        if (string.Equals(entry.DType, "F64", StringComparison.Ordinal))
        {
            float[] narrowed = new float[bytes.Length / 8];
            for (int i = 0; i < narrowed.Length; i++) narrowed[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes.AsSpan(8 * i));
            return Tensor.From(narrowed, entry.Shape, device);
        }
        foreach (var (name, dtype) in Names)
        {
            if (!string.Equals(name, entry.DType, StringComparison.Ordinal)) continue;
            if (dtype == DType.Bool)
                for (int i = 0; i < bytes.Length; i++) bytes[i] = bytes[i] != 0 ? (byte)1 : (byte)0;
            return Tensor.FromBytes(bytes, dtype, entry.Shape, device);
        }
        throw new DataException($"{path}: tensor '{entry.Name}' has element type {entry.DType}: expected one of {string.Join(", ", Names.Select(n => n.Name))}, F64.");
    }

    sealed record Entry(string Name, string DType, Shape Shape, long Begin, long End);

    static (List<Entry> Entries, Dictionary<string, string> Metadata, byte[] Header) ParseHeader(Stream stream, string path)
    {
        long size = stream.Length - stream.Position;
        if (size < 8) throw new DataException($"{path}: not a safetensors file: got {size} bytes, expected at least a header of 8.");
        Span<byte> word = stackalloc byte[8];
        stream.ReadExactly(word);
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(word);
        if (length > (ulong)(size - 8)) throw new DataException($"{path}: not a safetensors file, or cut off: got a header of {length} bytes, expected at most {size - 8}.");
        if (length > MaxHeader) throw new DataException($"{path}: the header is too long: got {length} bytes, expected at most {MaxHeader}. Hint: split the tensors over several files.");
        byte[] header = new byte[length];
        stream.ReadExactly(header);
        try
        {
            using var json = JsonDocument.Parse(header, new JsonDocumentOptions { MaxDepth = 8 });
            var (entries, metadata) = ParseEntries(json.RootElement, path);
            CheckCoverage(entries, size - 8 - header.Length, path);
            return (entries, metadata, header);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or System.FormatException)
        {
            throw new DataException($"{path}: the header is not valid: {e.Message}", e);
        }
    }

    static (List<Entry> Entries, Dictionary<string, string> Metadata) ParseEntries(JsonElement root, string path)
    {
        var entries = new Dictionary<string, Entry>(StringComparer.Ordinal);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var property in root.EnumerateObject())
        {
            string name = property.Name;
            if (!string.Equals(name, MetadataKey, StringComparison.Ordinal))
            {
                entries[name] = ParseEntry(name, property.Value, path);
                continue;
            }
            foreach (var item in property.Value.EnumerateObject())
                metadata[item.Name] = item.Value.ValueKind == JsonValueKind.String
                    ? item.Value.GetString()!
                    : throw new DataException($"{path}: metadata '{item.Name}' is a {item.Value.ValueKind}: expected text.");
        }
        return ([.. entries.Values.OrderBy(e => e.Begin).ThenBy(e => e.End)], metadata);
    }

    static Entry ParseEntry(string name, JsonElement value, string path)
    {
        if (!value.TryGetProperty("dtype", out var dtype) || !value.TryGetProperty("shape", out var shape) || !value.TryGetProperty("data_offsets", out var offsets)
            || offsets.GetArrayLength() != 2)
            throw new DataException($"{path}: tensor '{name}' lacks dtype, shape or a pair of data_offsets.");
        var (type, width) = Array.Find(types, t => dtype.ValueEquals(t.Name));
        if (type is null) throw new DataException($"{path}: tensor '{name}' has an unknown element type: got {dtype.GetString()}.");
        int[] sizes = shape.GetArrayLength() <= MaxRank ? new int[shape.GetArrayLength()] : throw new DataException($"{path}: tensor '{name}' has {shape.GetArrayLength()} sizes: expected at most {MaxRank}.");
        long bytes = width;
        foreach (var (i, item) in shape.EnumerateArray().Index())
        {
            sizes[i] = Size(item) ?? throw new DataException($"{path}: tensor '{name}' has an unusable size: got {item.GetRawText()}, expected 0..{int.MaxValue}.");
            if (sizes[i] > 0 && bytes > long.MaxValue / sizes[i])
                throw new DataException($"{path}: tensor '{name}' is too large: got shape {shape.GetRawText()}.");
            bytes *= sizes[i];
        }
        long begin = offsets[0].GetInt64(), end = offsets[1].GetInt64();
        if (begin < 0 || end < begin || end - begin != bytes)
            throw new DataException($"{path}: tensor '{name}' has bytes {begin}..{end}: expected {bytes} bytes for {type} [{string.Join(", ", sizes)}].");
        if (bytes > Array.MaxLength)
            throw new DataException($"{path}: tensor '{name}' has {bytes} bytes: expected at most {Array.MaxLength}.");
        return new Entry(name, type, new Shape(sizes), begin, end);
    }

    /// <summary>A number written in digits alone, without sign, point or exponent.</summary>
    static int? Size(JsonElement item) => item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int size) && (size > 0 || item.GetRawText() == "0") ? size : null;

    /// <summary>The tensors must cover the data exactly: no holes, no overlap.</summary>
    static void CheckCoverage(List<Entry> entries, long size, string path)
    {
        long at = 0;
        foreach (var entry in entries)
        {
            if (entry.Begin != at)
                throw new DataException($"{path}: tensor '{entry.Name}' begins at byte {entry.Begin} of the data: expected {at}; holes and overlaps are not allowed.");
            at = entry.End;
        }
        if (at != size) throw new DataException($"{path}: the tensors cover {at} bytes of data: expected {size}. Hint: the file may be cut off.");
    }

    static byte[] Header(KeyValuePair<string, Tensor>[] order, IReadOnlyDictionary<string, string>? metadata, string checksum)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteStartObject(MetadataKey);
            foreach (var (key, value) in metadata ?? new Dictionary<string, string>(StringComparer.Ordinal))
                if (key is not (ChecksumKey or DataChecksumKey)) json.WriteString(key, value);
            json.WriteString(ChecksumKey, checksum);
            json.WriteEndObject();
            long at = 0;
            foreach (var (name, tensor) in order)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", Names.First(n => n.DType == tensor.DType).Name);
                json.WriteStartArray("shape");
                foreach (int d in tensor.Shape) json.WriteNumberValue(d);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                at += tensor.Count * tensor.DType.Size();
                json.WriteNumberValue(at);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }
}
