using System.Text;

namespace Tessera.NN;

/// <summary>One node of an ONNX graph, with checked access to its attributes. Empty input names mean "not given".</summary>
internal sealed class OnnxNode
{
    readonly Dictionary<string, AttributeProto> attributes = new(StringComparer.Ordinal);
    readonly string file;

    public OnnxNode(NodeProto proto, int index, int opset, string file)
    {
        this.file = file;
        (Op, Domain, Opset, Inputs, Outputs) = (proto.OpType, proto.Domain is "ai.onnx" ? "" : proto.Domain, opset, [.. proto.Input], [.. proto.Output]);
        Name = proto.Name.Length > 0 ? proto.Name : $"{Op}_{index}";
        foreach (var a in proto.Attribute)
            if (!attributes.TryAdd(a.Name, a)) throw Error($"attribute '{a.Name}' given twice", "two", "one");
    }

    /// <summary>The node's name, else its operator and place in the file.</summary>
    public string Name { get; }

    /// <summary>The operator: <c>Conv</c>.</summary>
    public string Op { get; }

    /// <summary>The operator's domain; empty for the standard one.</summary>
    public string Domain { get; }

    /// <summary>Version of the standard operator set the file was written for.</summary>
    public int Opset { get; }

    public string[] Inputs { get; }

    public string[] Outputs { get; }

    public override string ToString() => $"{Op} '{Name}'";

    /// <summary>Name of input <paramref name="i"/>, or null where it is not given.</summary>
    public string? Input(int i) => i < Inputs.Length && Inputs[i].Length > 0 ? Inputs[i] : null;

    /// <summary>True where output <paramref name="i"/> is named and so wanted.</summary>
    public bool Wants(int i) => i < Outputs.Length && Outputs[i].Length > 0;

    public bool Has(string attribute) => attributes.ContainsKey(attribute);

    public long Long(string name, long otherwise) => Find(name, AttributeProto.Types.AttributeType.Int)?.I ?? otherwise;

    public int Int(string name, int otherwise) => Narrow(Long(name, otherwise), name);

    public bool Flag(string name, bool otherwise = false) => Long(name, otherwise ? 1 : 0) != 0;

    public float Float(string name, float otherwise) => Find(name, AttributeProto.Types.AttributeType.Float)?.F ?? otherwise;

    public string String(string name, string otherwise)
        => Find(name, AttributeProto.Types.AttributeType.String) is { } a ? Encoding.UTF8.GetString(a.S.Span) : otherwise;

    public int[]? Ints(string name)
        => Find(name, AttributeProto.Types.AttributeType.Ints) is { } a ? [.. a.Ints.Select(i => Narrow(i, name))] : null;

    public long[]? Longs(string name) => Find(name, AttributeProto.Types.AttributeType.Ints) is { } a ? [.. a.Ints] : null;

    public float[]? Floats(string name) => Find(name, AttributeProto.Types.AttributeType.Floats) is { } a ? [.. a.Floats] : null;

    public TensorProto? Tensor(string name) => Find(name, AttributeProto.Types.AttributeType.Tensor)?.T;

    /// <summary>The error of a file whose node cannot be run: names file, node, operator and opset.</summary>
    public DataException Error(string what, object got, object expected)
        => new($"{file}: node '{Name}' ({Op}, opset {Opset}): {what}: got {got}, expected {expected}.");

    int Narrow(long value, string name) => value is >= int.MinValue and <= int.MaxValue
        ? (int)value
        : throw Error($"attribute '{name}' is out of range", value, "a 32-bit integer");

    AttributeProto? Find(string name, AttributeProto.Types.AttributeType type)
    {
        if (!attributes.TryGetValue(name, out var a)) return null;
        return a.Type == type || a.Type == AttributeProto.Types.AttributeType.Undefined
            ? a
            : throw Error($"attribute '{name}' has another type", a.Type, type);
    }
}
