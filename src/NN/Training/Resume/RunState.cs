using System.Globalization;
using System.Text;

namespace Tessera.NN;

/// <summary>
/// What a fit call must remember to go on in another process. One function serves both directions: while a state is written each call takes the value that
/// it is given, while one is read each call gives back the value that was written under the same name.
/// </summary>
/// <example><code>
/// public override void Remember(RunState run) => count = (int)run.Value("count", count);
/// </code></example>
public sealed class RunState
{
    readonly OrderedDictionary<string, Tensor> tensors;
    readonly string prefix, file;

    RunState(OrderedDictionary<string, Tensor> tensors, bool isRead, string file, string prefix)
        => (this.tensors, IsRead, this.file, this.prefix) = (tensors, isRead, file, prefix);

    /// <summary>A state to be filled.</summary>
    internal static RunState ToWrite() => new([], isRead: false, "", "");

    /// <summary>A state from tensors that were written elsewhere.</summary>
    internal static RunState Of(IEnumerable<KeyValuePair<string, Tensor>> tensors, string file) => new(new(tensors, StringComparer.Ordinal), isRead: true, file, "");

    /// <summary>A state that was written.</summary>
    internal static RunState Read(string path)
    {
        OrderedDictionary<string, Tensor> tensors = new(StringComparer.Ordinal);
        foreach (var (name, tensor) in Safetensors.Read(path, Device.Cpu).Tensors) tensors.Add(name, Scope.Keep(tensor));
        return new RunState(tensors, isRead: true, path, "");
    }

    /// <summary>True while a state is read back, false while it is written.</summary>
    public bool IsRead { get; }

    /// <summary>All entries.</summary>
    internal IReadOnlyDictionary<string, Tensor> Tensors => tensors;

    /// <summary>The part of the state whose names begin with <paramref name="name"/> and a slash.</summary>
    public RunState Part(string name) => new(tensors, IsRead, file, $"{prefix}{name}/");

    /// <summary>The entries of a part, by their names in it.</summary>
    internal Dictionary<string, Tensor> Entries(string part) =>
        tensors.Where(t => t.Key.StartsWith(part + "/", StringComparison.Ordinal)).ToDictionary(t => t.Key[(part.Length + 1)..], t => t.Value, StringComparer.Ordinal);

    /// <summary>A whole number.</summary>
    public long Value(string name, long value) => Numbers(name, [value], 1)[0];

    /// <summary>A number; all its bits are kept.</summary>
    public double Value(string name, double value) => BitConverter.Int64BitsToDouble(Value(name, BitConverter.DoubleToInt64Bits(value)));

    /// <summary>A number, or none.</summary>
    public double? Value(string name, double? value)
    {
        bool known = Value($"{name}.known", value is not null);
        double number = Value(name, value ?? 0);
        return known ? number : null;
    }

    /// <summary>A truth.</summary>
    public bool Value(string name, bool value) => Value(name, value ? 1L : 0) != 0;

    /// <summary>A text; null for an empty one.</summary>
    public string? Text(string name, string? value)
    {
        if (IsRead)
        {
            var stored = Find(name);
            if (stored.DType != DType.UInt8) throw Damaged($"{name} is no text");
            return stored.ToArray<byte>() is { Length: > 0 } bytes ? Encoding.UTF8.GetString(bytes) : null;
        }
        byte[] text = Encoding.UTF8.GetBytes(value ?? "");
        Put(name, Tessera.Tensor.From(text, [text.Length], Device.Cpu));
        return value;
    }

    /// <summary>A list of numbers, filled again in place.</summary>
    public void List(string name, IList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        long[] bits = Numbers(name, [.. values.Select(BitConverter.DoubleToInt64Bits)], null);
        if (!IsRead) return;
        values.Clear();
        foreach (long b in bits) values.Add(BitConverter.Int64BitsToDouble(b));
    }

    /// <summary>A list of whole numbers, filled again in place.</summary>
    public void List(string name, IList<int> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        long[] numbers = Numbers(name, [.. values.Select(v => (long)v)], null);
        if (!IsRead) return;
        values.Clear();
        foreach (long n in numbers) values.Add(n is >= int.MinValue and <= int.MaxValue ? (int)n : throw Damaged($"{name} has a number out of range"));
    }

    /// <summary>The elements of a tensor, read back in place.</summary>
    public void Tensor(string name, Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (!IsRead)
        {
            Put(name, tensor);
            return;
        }
        var stored = Find(name);
        if (stored.Shape != tensor.Shape)
            throw new TesseraException(
                $"{file}: {prefix}{name} does not fit this run: got shape {stored.Shape}, expected {tensor.Shape}. "
                    + "Hint: continue with the model that the run began with.");
        tensor.CopyFrom(stored);
    }

    /// <summary>The error of a state whose numbers contradict each other.</summary>
    internal DataException Damaged(string what) => new($"{file}: {prefix}{what}: the state is damaged. Hint: copy the file again.");

    /// <summary>Gives the memory of a state that was read back.</summary>
    internal void Release()
    {
        foreach (var t in tensors.Values) t.Dispose();
    }

    long[] Numbers(string name, long[] values, int? count)
    {
        if (!IsRead)
        {
            Put(name, Tessera.Tensor.From(values, [values.Length], Device.Cpu));
            return values;
        }
        var stored = Find(name);
        if (stored.DType != DType.Int64 || stored.Rank != 1 || (count is { } n && stored.Count != n))
            throw new DataException(string.Create(CultureInfo.InvariantCulture,
                $"{file}: {prefix}{name} is no number of a run: got {stored.DType} of shape {stored.Shape}, "
                    + $"expected Int64 [{count?.ToString(CultureInfo.InvariantCulture) ?? "n"}]."));
        return stored.ToArray<long>();
    }

    void Put(string name, Tensor tensor)
    {
        if (!tensors.TryAdd(prefix + name, tensor))
            throw new TesseraException($"RunState: remembered twice: got \"{prefix}{name}\", expected each name once.");
    }

    Tensor Find(string name) => tensors.GetValueOrDefault(prefix + name)
        ?? throw new TesseraException($"{file}: the run has no {prefix}{name}: got {tensors.Count} entries, expected one of that name. Hint: continue with the callbacks that the run began with.");
}
