using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Text.Json;

namespace Tessera.Testing;

/// <summary>Reads recorded safetensors files (trusted input; nothing is verified beyond what reading needs).</summary>
public static class SafetensorsReader
{
    static readonly ConcurrentDictionary<string, Lazy<IReadOnlyDictionary<string, TestArray>>> read = new(StringComparer.Ordinal);

    /// <summary>All arrays of a file by key. A file is read once a process: treat the bytes as read-only.</summary>
    public static IReadOnlyDictionary<string, TestArray> Read(string path) =>
        read.GetOrAdd(path, p => new Lazy<IReadOnlyDictionary<string, TestArray>>(() => Parse(File.ReadAllBytes(p)))).Value;

    static Dictionary<string, TestArray> Parse(byte[] file)
    {
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        using JsonDocument json = JsonDocument.Parse(file.AsMemory(8, header));
        Dictionary<string, TestArray> arrays = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in json.RootElement.EnumerateObject())
        {
            if (entry.Name is "__metadata__")
                continue;
            int[] shape = [.. entry.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt32())];
            int[] span = [.. entry.Value.GetProperty("data_offsets").EnumerateArray().Select(n => 8 + header + n.GetInt32())];
            arrays.Add(entry.Name, new TestArray(entry.Value.GetProperty("dtype").GetString()!, shape, file[span[0]..span[1]]));
        }
        return arrays;
    }
}
