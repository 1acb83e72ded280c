using System.IO.Compression;
using System.Text;

namespace Tessera.Testing;

/// <summary>Elements of a file to be: their storage type as PyTorch calls it, and their bytes.</summary>
public sealed record SavedStorage(string Key, string Type, int Count, byte[] Bytes);

/// <summary>A tensor of a file to be.</summary>
public sealed record SavedTensor(SavedStorage Storage, int Offset, int[] Sizes, int[] Strides);

/// <summary>A global that a file to be names, called with what it is given.</summary>
public sealed record SavedCall(string Module, string Name, object?[] Arguments);

/// <summary>Writes what torch.save writes: pickles of protocol 2 with persistent ids for storages, in a zip archive or one after another.</summary>
public sealed class PyTorchWriter
{
    readonly MemoryStream pickle = new();
    readonly List<SavedStorage> storages = [];

    /// <summary>The zip form.</summary>
    public static byte[] Archive(object? state, string byteOrder = "little", CompressionLevel compression = CompressionLevel.NoCompression)
    {
        var writer = new PyTorchWriter();
        return Archive(writer.Pickle(state), writer.storages, byteOrder, compression);
    }

    /// <summary>The zip form of a pickle that is there already, without storages.</summary>
    public static byte[] Archive(byte[] pickle) => Archive(pickle, [], "little", CompressionLevel.NoCompression);

    static byte[] Archive(byte[] pickle, List<SavedStorage> storages, string byteOrder, CompressionLevel compression)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("archive/data.pkl", pickle);
            Add("archive/byteorder", Encoding.ASCII.GetBytes(byteOrder));
            foreach (var s in storages) Add("archive/data/" + s.Key, s.Bytes);
            Add("archive/version", "3\n"u8.ToArray());

            void Add(string name, byte[] bytes)
            {
                using var entry = zip.CreateEntry(name, compression).Open();
                entry.Write(bytes);
            }
        }
        return file.ToArray();
    }

    /// <summary>The form before PyTorch 1.6.</summary>
    public static byte[] Legacy(object? state, bool littleEndian = true)
    {
        var writer = new PyTorchWriter();
        using var file = new MemoryStream();
        file.Write([0x80, 2, 0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, (byte)'.']);
        file.Write(new PyTorchWriter().Pickle(1001));
        file.Write(new PyTorchWriter().Pickle(new Dictionary<string, object?> { ["protocol_version"] = 1001, ["little_endian"] = littleEndian }));
        file.Write(writer.Pickle(state));
        file.Write(new PyTorchWriter().Pickle(writer.storages.Select(s => (object?)s.Key).ToList()));
        foreach (var s in writer.storages)
        {
            file.Write(BitConverter.GetBytes((long)s.Count));
            file.Write(s.Bytes);
        }
        return file.ToArray();
    }

    byte[] Pickle(object? value)
    {
        pickle.Write([0x80, 2]);
        Write(value);
        pickle.WriteByte((byte)'.');
        return pickle.ToArray();
    }

    void Write(object? value)
    {
        switch (value)
        {
            case null: Op('N'); break;
            case bool b: pickle.WriteByte(b ? (byte)0x88 : (byte)0x89); break;
            case int n and >= 0 and < 256: Op('K', (byte)n); break;
            case int n: Op('J', [.. BitConverter.GetBytes(n)]); break;
            case double x: Op('G', [.. BitConverter.GetBytes(x).Reverse()]); break;
            case string s: Op('X', [.. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(s)), .. Encoding.UTF8.GetBytes(s)]); break;
            case SavedTensor t: WriteTensor(t); break;
            case SavedCall c:
                Op('c', Encoding.ASCII.GetBytes($"{c.Module}\n{c.Name}\n"));
                Write(c.Arguments);
                Op('R');
                break;
            case object?[] tuple:
                Op('(');
                foreach (object? item in tuple) Write(item);
                Op('t');
                break;
            case IReadOnlyDictionary<string, object?> dictionary:
                Op('}');
                Op('(');
                foreach (var (key, item) in dictionary)
                {
                    Write(key);
                    Write(item);
                }
                Op('u');
                break;
            case List<object?> list:
                Op(']');
                Op('(');
                foreach (object? item in list) Write(item);
                Op('e');
                break;
            default: throw new NotSupportedException(value.GetType().Name);
        }
    }

    void WriteTensor(SavedTensor t)
    {
        if (!storages.Contains(t.Storage)) storages.Add(t.Storage);
        Op('c', Encoding.ASCII.GetBytes("torch._utils\n_rebuild_tensor_v2\n"));
        Op('(');
        Op('(');
        Write("storage");
        Op('c', Encoding.ASCII.GetBytes($"torch\n{t.Storage.Type}\n"));
        Write(t.Storage.Key);
        Write("cpu");
        Write(t.Storage.Count);
        Op('t');
        Op('Q');
        Write(t.Offset);
        Write(t.Sizes.Select(n => (object?)n).ToArray());
        Write(t.Strides.Select(n => (object?)n).ToArray());
        Write(false);
        Write(new SavedCall("collections", "OrderedDict", []));
        Op('t');
        Op('R');
    }

    void Op(char code, params byte[] argument)
    {
        pickle.WriteByte((byte)code);
        pickle.Write(argument);
    }
}
