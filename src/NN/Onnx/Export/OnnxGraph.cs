using System.Globalization;
using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Tessera.NN;

/// <summary>A graph that is being written: nodes in order, each value under a name of its own, stored tensors under the names of the state.</summary>
internal sealed class OnnxGraph
{
    readonly HashSet<string> taken = new(StringComparer.Ordinal);
    readonly Dictionary<string, string> constants = new(StringComparer.Ordinal);
    readonly Dictionary<string, NodeProto> producers = new(StringComparer.Ordinal);

    /// <summary>The nodes.</summary>
    public List<NodeProto> Nodes { get; } = [];

    /// <summary>The stored tensors that learn, and running statistics, by name.</summary>
    public Dictionary<string, TensorProto> Initializers { get; } = new(StringComparer.Ordinal);

    /// <summary>The node that computes a value; null for inputs and stored tensors.</summary>
    public NodeProto? ProducerOf(string value) => producers.GetValueOrDefault(value);

    /// <summary>Keeps a name for an input, or for a stored tensor.</summary>
    public void Take(string name) => taken.Add(name);

    /// <summary>Adds a node with one output and returns the output's name.</summary>
    /// <param name="op">The operator.</param>
    /// <param name="inputs">Names of values; empty for one that is left out.</param>
    /// <param name="attributes">Numbers, text, arrays of numbers, or a tensor.</param>
    public string Node(string op, IEnumerable<string> inputs, params IEnumerable<(string Name, object Value)> attributes) => Named(null, op, inputs, attributes);

    /// <summary>Adds a node under a name, with a number behind it where it is taken; null for one of the graph's choice.</summary>
    /// <inheritdoc cref="Node"/>
    public string Named(string? name, string op, IEnumerable<string> inputs, params IEnumerable<(string Name, object Value)> attributes)
    {
        var node = new NodeProto { OpType = op };
        node.Input.Add(inputs);
        node.Attribute.Add(attributes.Select(a => Attribute(a.Name, a.Value)));
        node.Name = Free(name ?? StemOf(node) ?? string.Create(CultureInfo.InvariantCulture, $"{op}_{Nodes.Count}"));
        node.Output.Add(node.Name);
        Nodes.Add(node);
        producers.Add(node.Name, node);
        return node.Name;
    }

    /// <summary>A stored tensor of the state under its name.</summary>
    public string Stored(string name, Tensor value)
    {
        if (!Initializers.ContainsKey(name)) Initializers.Add(name, Proto(name, value.DType, value.Shape, value.ToBytes()));
        return name;
    }

    /// <summary>A number.</summary>
    public string Number(float value) => Constant(DType.Float32, [], BitConverter.GetBytes(value));

    /// <summary>Whole numbers: sizes, axes.</summary>
    public string Integers(params IEnumerable<long> values)
    {
        long[] all = [.. values];
        return Constant(DType.Int64, [all.Length], MemoryMarshal.AsBytes(all.AsSpan()).ToArray());
    }

    /// <summary>A tensor that never learns; equal ones are stored once.</summary>
    public string Constant(DType dtype, Shape shape, byte[] elements)
    {
        string key = string.Create(CultureInfo.InvariantCulture, $"{dtype} {shape} {Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(elements))}");
        if (!constants.TryGetValue(key, out string? name)) name = constants[key] = Node("Constant", [], ("value", Proto("", dtype, shape, elements)));
        return name;
    }

    /// <summary>Gives the value <paramref name="from"/> the name <paramref name="to"/>, and drops what it does not depend on.</summary>
    public void Finish(string from, string to)
    {
        if (ProducerOf(from) is not { } last) last = producers[from = Node("Identity", [from])];
        last.Output[0] = to;
        foreach (var node in Nodes)
            for (int i = 0; i < node.Input.Count; i++)
                if (node.Input[i] == from) node.Input[i] = to;
        var needed = new HashSet<string>(StringComparer.Ordinal) { to };
        for (int i = Nodes.Count - 1; i >= 0; i--)
        {
            if (needed.Contains(Nodes[i].Output[0])) needed.UnionWith(Nodes[i].Input);
            else Nodes.RemoveAt(i);
        }
        foreach (string name in Initializers.Keys.Where(name => !needed.Contains(name)).ToArray()) Initializers.Remove(name);
    }

    /// <summary>Element type as the standard numbers it.</summary>
    public static int TypeOf(DType dtype) => (int)(dtype switch
    {
        DType.Float32 => TensorProto.Types.DataType.Float,
        DType.Float16 => TensorProto.Types.DataType.Float16,
        DType.BFloat16 => TensorProto.Types.DataType.Bfloat16,
        DType.UInt8 => TensorProto.Types.DataType.Uint8,
        DType.Int32 => TensorProto.Types.DataType.Int32,
        DType.Int64 => TensorProto.Types.DataType.Int64,
        _ => TensorProto.Types.DataType.Bool,
    });

    /// <summary>A stored tensor.</summary>
    public static TensorProto Proto(string name, DType dtype, Shape shape, byte[] elements)
    {
        var t = new TensorProto { Name = name, DataType = TypeOf(dtype), RawData = UnsafeByteOperations.UnsafeWrap(elements) };
        t.Dims.Add(shape.Select(d => (long)d));
        return t;
    }

    // layer1.0.conv1 for a node whose weight is layer1.0.conv1.weight.
    static string? StemOf(NodeProto node) =>
        node.Input.Count > 1 && node.Input[1].EndsWith(".weight", StringComparison.Ordinal) ? node.Input[1][..^".weight".Length] : null;

    string Free(string name)
    {
        string free = name;
        for (int i = 2; !taken.Add(free); i++) free = string.Create(CultureInfo.InvariantCulture, $"{name}_{i}");
        return free;
    }

    static AttributeProto Attribute(string name, object value)
    {
        var a = new AttributeProto { Name = name };
        switch (value)
        {
            case int i: (a.Type, a.I) = (AttributeProto.Types.AttributeType.Int, i); break;
            case float f: (a.Type, a.F) = (AttributeProto.Types.AttributeType.Float, f); break;
            case string s: (a.Type, a.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(s)); break;
            case TensorProto t: (a.Type, a.T) = (AttributeProto.Types.AttributeType.Tensor, t); break;
            case int[] ints: a.Type = AttributeProto.Types.AttributeType.Ints; a.Ints.Add(ints.Select(n => (long)n)); break;
            default: throw new ArgumentException($"attribute {name}: {value.GetType().Name}", nameof(value));
        }
        return a;
    }
}
