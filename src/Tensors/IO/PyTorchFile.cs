using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;
using System.Text;

namespace Tessera;

/// <summary>
/// Reads the tensors of .pth and .pt files: what <c>torch.save(model.state_dict(), path)</c> wrote, in the zip form of PyTorch 1.6 and later and in
/// the older form. Data only: the pickle inside runs on a machine that knows dictionaries and tensors and nothing else.
/// </summary>
public static class PyTorchFile
{
    const int MaxRecord = 1 << 26; // of a pickle
    static readonly BigInteger magic = BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>
    /// The tensors by name. Nested dictionaries are joined by dots; of a checkpoint only its <c>state_dict</c>, <c>model_state_dict</c> or <c>model</c> is
    /// taken; a prefix <c>module.</c> of all names is dropped; what is no tensor is left out. float64 becomes Float32, 8- and 16-bit integers Int32.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="device">Where the tensors go.</param>
    /// <exception cref="DataException">Missing, damaged, big-endian, or it holds more than tensors: the message names what.</exception>
    public static IReadOnlyDictionary<string, Tensor> Load(string path, Device? device = null)
    {
        using var stream = InputFile.Open(path, "torch.save(model.state_dict(), path) in Python writes one", [".pth", ".pt"]);
        return Load(stream, path, device);
    }

    /// <summary>Reads weights that are no file, such as an embedded resource; else as <see cref="Load(string, Device?)"/>.</summary>
    /// <param name="stream">The content of a file, from its beginning; it can seek.</param>
    /// <param name="name">How messages call it.</param>
    /// <exception cref="DataException">Damaged, big-endian, or it holds more than tensors: the message names what.</exception>
    public static IReadOnlyDictionary<string, Tensor> Load(Stream stream, string name)
    {
        ArgumentNullException.ThrowIfNull(stream);
        return Load(stream, name, null);
    }

    static IReadOnlyDictionary<string, Tensor> Load(Stream stream, string path, Device? device)
    {
        try
        {
            Span<byte> head = stackalloc byte[2];
            int read = stream.ReadAtLeast(head, 2, throwOnEndOfStream: false);
            stream.Position = 0;
            if (read == 2 && head.SequenceEqual("PK"u8)) return ReadArchive(stream, path, device);
            if (read == 2 && head[0] == 0x80) return ReadPickles(stream, path, device);
            throw new DataException($"{path}: not a PyTorch file: expected a zip archive or pickles. Hint: files older than PyTorch 0.1.10 are tar archives; load and save those once with PyTorch.");
        }
        catch (Exception e) when (InputFile.IsRefusal(e) || e is InvalidDataException)
        {
            throw new DataException($"{path}: damaged, or cut off: {e.Message.TrimEnd('.')}. Hint: copy or fetch the file again.", e);
        }
    }

    // NAME/data.pkl names the records NAME/data/KEY; all are stored, not compressed.
    static IReadOnlyDictionary<string, Tensor> ReadArchive(Stream stream, string path, Device? device)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
        var pickle = zip.Entries.FirstOrDefault(e => e.FullName.EndsWith("/data.pkl", StringComparison.Ordinal))
            ?? throw PickleGlobals.Error(path, "archive", "no data.pkl inside", "one beside the records");
        string folder = pickle.FullName[..^"data.pkl".Length];
        if (zip.GetEntry(folder + "byteorder") is { } order && !Encoding.ASCII.GetString(Record(order, 16)).StartsWith("little", StringComparison.Ordinal)) throw BigEndian(path);

        var tensors = StateNames.Of(new Unpickler(new MemoryStream(Record(pickle, MaxRecord)), path).Run(), path);
        CheckSize(tensors, stream.Length, path);
        return Read(tensors, path, device, key => Record(zip.GetEntry($"{folder}data/{key}") ?? throw PickleGlobals.Error(path, "archive", $"no record data/{key}", "all records that data.pkl names"), Array.MaxLength));

        byte[] Record(ZipArchiveEntry entry, int limit)
        {
            if (entry.Length != entry.CompressedLength || entry.Length > stream.Length || entry.Length > limit)
                throw PickleGlobals.Error(path, "record " + entry.Name, $"{entry.CompressedLength} bytes for {entry.Length}", $"as many in the archive as outside it, and at most {limit}");
            byte[] bytes = new byte[entry.Length];
            using var content = entry.Open();
            content.ReadExactly(bytes);
            return bytes;
        }
    }

    // Pickles of a magic number, a version, the machine, the state, the keys of the records; then each record: its element count and its elements.
    static IReadOnlyDictionary<string, Tensor> ReadPickles(Stream stream, string path, Device? device)
    {
        if (Next() is not BigInteger number || number != magic || Next() is not 1001L)
            throw new DataException($"{path}: not a PyTorch file: a pickle, but not one of torch.save. Hint: save the weights in Python: torch.save(model.state_dict(), path).");
        if (Next() is PickleDictionary machine && machine.Items.GetValueOrDefault("little_endian") is false) throw BigEndian(path);
        var unpickler = new Unpickler(stream, path);
        var tensors = StateNames.Of(unpickler.Run(), path);
        CheckSize(tensors, stream.Length, path);
        if (Next() is not List<object?> keys) throw PickleGlobals.Error(path, "keys of the records", "something else", "a list");
        var places = new Dictionary<string, (long Position, int Length)>(StringComparer.Ordinal);
        byte[] word = new byte[8];
        foreach (object? key in keys)
        {
            if (key is not string name || !unpickler.Storages.TryGetValue(name, out var storage) || storage.Type.Element is not { } element)
                throw PickleGlobals.Error(path, "record", $"key '{key}'", "one that the state names");
            stream.ReadExactly(word);
            long count = BinaryPrimitives.ReadInt64LittleEndian(word), left = stream.Length - stream.Position;
            if (count < 0 || count > left / element.Width || count > Array.MaxLength / element.Width) throw PickleGlobals.Error(path, $"record '{name}'", $"{count} elements", $"at most the {left} bytes that follow");
            places[name] = (stream.Position, (int)(count * element.Width));
            stream.Position += count * element.Width;
        }
        return Read(tensors, path, device, key =>
        {
            var (position, length) = places.TryGetValue(key, out var place) ? place : throw PickleGlobals.Error(path, "records", $"none named '{key}'", "all that the state names");
            byte[] bytes = new byte[length];
            stream.Position = position;
            stream.ReadExactly(bytes);
            return bytes;
        });

        object? Next() => new Unpickler(stream, path).Run();
    }

    // One record in memory at a time; a tensor that stands under two names is one.
    static OrderedDictionary<string, Tensor> Read(OrderedDictionary<string, TensorReference> tensors, string path, Device? device, Func<string, byte[]> record)
    {
        Dictionary<TensorReference, Tensor> made = new(ReferenceEqualityComparer.Instance);
        foreach (var sharing in tensors.Values.DistinctBy(t => t, (IEqualityComparer<TensorReference>)ReferenceEqualityComparer.Instance).GroupBy(t => t.Storage.Key, StringComparer.Ordinal))
        {
            byte[] bytes = record(sharing.Key);
            foreach (var tensor in sharing)
            {
                if (tensor.End * (uint)tensor.Element.Width > (uint)bytes.Length)
                    throw PickleGlobals.Error(path, $"record '{sharing.Key}'", $"{bytes.Length} bytes", $"{tensor.End * (uint)tensor.Element.Width} for a tensor of shape {tensor.Shape}");
                made[tensor] = tensor.Read(bytes, device);
            }
        }
        return new(tensors.Select(t => KeyValuePair.Create(t.Key, made[t.Value])), StringComparer.Ordinal);
    }

    // Tensors may share elements, or repeat them with strides of 0: a small file must not fill the memory.
    static void CheckSize(OrderedDictionary<string, TensorReference> tensors, long file, string path)
    {
        UInt128 bytes = 0, limit = (UInt128)file * 4 + (64 << 20);
        foreach (var tensor in tensors.Values.Distinct((IEqualityComparer<TensorReference>)ReferenceEqualityComparer.Instance)) bytes += (UInt128)tensor.Bytes;
        if (bytes > limit) throw PickleGlobals.Error(path, "tensors", $"{bytes} bytes of elements out of a file of {file}", $"at most {limit}");
    }

    static DataException BigEndian(string path) => new($"{path}: big-endian elements: expected little-endian. Hint: load and save the file on another machine.");
}
