using System.Runtime.InteropServices;

namespace Tessera.NN;

/// <summary>An input or output of a model.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Type">Element type as the standard writes it: <c>float</c>.</param>
/// <param name="Shape">Sizes; a size left open is its name or <c>?</c>. Null where the file states no shape.</param>
public sealed record OnnxValue(string Name, string Type, IReadOnlyList<string>? Shape)
{
    /// <summary><c>input float [batch, 3, 224, 224]</c>.</summary>
    public override string ToString() => Shape is null ? $"{Name} {Type}" : $"{Name} {Type} [{string.Join(", ", Shape)}]";
}

/// <summary>
/// A network read from an ONNX file (<see href="https://onnx.ai"/>, operator sets 1 to 21): checked on loading, turned into modules by
/// <see cref="ToModule"/>.
/// </summary>
public sealed partial class OnnxModel
{
    /// <summary>The newest operator set whose meaning is known here.</summary>
    public const int MaxOpset = 21;

    readonly Dictionary<string, TensorProto> initializers = new(StringComparer.Ordinal);

    OnnxModel(ModelProto model, OnnxSource source)
    {
        Source = source;
        if (model.Graph is null || model.Graph.Node.Count == 0)
            throw Error("not an ONNX model: got no graph, expected nodes. Hint: export the network with torch.onnx.export.");
        Producer = $"{model.ProducerName} {model.ProducerVersion}".Trim();
        IrVersion = model.IrVersion;
        Opset = StandardOpset(model);
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var p in model.MetadataProps) metadata[p.Key] = p.Value;
        Metadata = metadata;
        if (model.Graph.SparseInitializer.Count > 0) throw Error("sparse initializers are not supported: expected dense ones.");
        foreach (var t in model.Graph.Initializer)
        {
            if (!initializers.TryAdd(t.Name, t)) throw Error($"two initializers are called '{t.Name}': expected different names.");
            OnnxTensors.Check(t, source, Where(t.Name));
        }
        source.CheckExternal();
        Inputs = [.. model.Graph.Input.Where(i => !initializers.ContainsKey(i.Name)).Select(Value)];
        Outputs = [.. model.Graph.Output.Select(Value)];
        if (Outputs.Count == 0) throw Error("not an ONNX model: got no outputs, expected at least one.");
        Nodes = OnnxOrder.Sort([.. model.Graph.Node.Select((n, i) => new OnnxNode(n, i, Opset, source.Name))], this);
    }

    /// <summary>The file's name, without its folder.</summary>
    public string File => Source.Name;

    /// <summary>The program that wrote the file, and its version; may be empty.</summary>
    public string Producer { get; }

    /// <summary>Version of the file format.</summary>
    public long IrVersion { get; }

    /// <summary>Version of the standard operator set.</summary>
    public int Opset { get; }

    /// <summary>What the network is given (initializers left out).</summary>
    public IReadOnlyList<OnnxValue> Inputs { get; }

    /// <summary>What it computes.</summary>
    public IReadOnlyList<OnnxValue> Outputs { get; }

    /// <summary>Free text by key that the file carries (<c>metadata_props</c>); of equal keys the last one counts.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Names of the stored tensors.</summary>
    public IReadOnlyCollection<string> Initializers => initializers.Keys;

    /// <summary>The content of the .onnx file; external data are not in it.</summary>
    internal byte[] ToBytes() => MemoryMarshal.TryGetArray(Source.Bytes, out var all) && all.Count == all.Array!.Length ? all.Array : Source.Bytes.ToArray();

    /// <summary>The nodes, each after those it depends on.</summary>
    internal IReadOnlyList<OnnxNode> Nodes { get; }

    internal OnnxSource Source { get; }

    /// <summary>Reads and checks a file, which is mapped into memory; one whose name ends in <c>.gz</c> is unpacked on the way.</summary>
    /// <exception cref="DataException">The file cannot be read, is damaged, or is no ONNX model; the message starts with its name.</exception>
    public static OnnxModel Load(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var (model, source) = OnnxSource.Open(path);
        return new OnnxModel(model, source);
    }

    /// <summary>Reads and checks a model in memory; it cannot have external data.</summary>
    /// <param name="bytes">The content of an .onnx file; it is not copied and may not change afterwards.</param>
    /// <param name="name">What messages begin with.</param>
    /// <exception cref="DataException">The bytes are no ONNX model.</exception>
    public static OnnxModel Parse(byte[] bytes, string name = "model.onnx")
    {
        ArgumentNullException.ThrowIfNull(bytes);
        var (model, source) = OnnxSource.Parse(bytes, name);
        return new OnnxModel(model, source);
    }

    /// <summary>A stored tensor: floats as Float32, integers as UInt8, Int32 or Int64, booleans as Bool.</summary>
    /// <exception cref="DataException">There is none of this name, or its external data cannot be read.</exception>
    public Tensor Initializer(string name) => initializers.TryGetValue(name, out var t)
        ? OnnxTensors.Decode(t, Source, Where(name))
        : throw Error($"no initializer '{name}'.");

    /// <summary>
    /// The network as modules that can be trained: convolutions, linear layers and batch norms become the modules of those names, all other
    /// operators run as tensor operations; parameters bear the names of the initializers.
    /// </summary>
    /// <param name="outputs">Names of the values to compute, any in the graph; none for the file's own outputs.</param>
    /// <exception cref="DataException">An operator is not supported (the message lists the supported ones), or is used wrongly.</exception>
    public GraphModule ToModule(params string[] outputs)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        return GraphBuilder.Build(this, outputs);
    }

    /// <summary>
    /// The network with a batch norm behind every convolution that has a bias and none: what an export folded away. Its statistics are measured on
    /// the images, and scale and shift set so that the evaluated function stays the same; training it then starts from fitting statistics.
    /// </summary>
    /// <param name="images">Batches as the network takes them, normalised: a hundred training images or more.</param>
    /// <exception cref="DataException">No images, or the network cannot be built.</exception>
    public GraphModule RecreateBatchNorms(IEnumerable<Tensor> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        var folded = ToModule();
        var statistics = FoldedNorm.Measure(folded, [.. folded.FoldedNorms.Values], images);
        return GraphBuilder.Build(this, [], folded.FoldedNorms.Keys.Zip(statistics).ToDictionary(p => p.First, p => p.Second, StringComparer.Ordinal));
    }

    internal bool HasInitializer(string name) => initializers.ContainsKey(name);

    /// <summary>Shape of an initializer, or null where there is none of this name.</summary>
    internal Shape? ShapeOf(string name) => initializers.TryGetValue(name, out var t) ? OnnxTensors.ShapeOf(t, Where(name)) : (Shape?)null;

    /// <summary>
    /// The memory that tensors of this file may take by its numbers alone, see <see cref="OnnxSource.TensorBytes"/>: a network does not become larger than that by constants
    /// that are computed from others, and a hostile file does not fill the memory.
    /// </summary>
    /// <param name="what">What for, in the error.</param>
    internal MemoryAllowance Allowance(string what)
    {
        long bytes = Source.TensorBytes;
        return MemoryAllowance.Begin(bytes, wanted => Error(
            $"too much memory {what}: got more than {wanted} bytes for a file of {Source.Packed ?? Source.TotalBytes}, expected at most {bytes}. "
                + "Hint: export the network with its constants stored, or without the part that repeats them."));
    }

    internal DataException Error(string what) => new($"{File}: {what}");

    string Where(string initializer) => $"{File}: initializer '{initializer}'";

    int StandardOpset(ModelProto model)
    {
        long? version = null;
        foreach (var set in model.OpsetImport)
            if (set.Domain is "" or "ai.onnx") version = set.Version;
        return version switch
        {
            null => throw Error("not an ONNX model: got no version of the standard operator set, expected one."),
            < 1 or > MaxOpset => throw Error($"unsupported operator set: got version {version}, expected 1..{MaxOpset}. Hint: export with opset_version={MaxOpset} or lower."),
            _ => (int)version.Value,
        };
    }

    static OnnxValue Value(ValueInfoProto v) => new(
        v.Name,
        OnnxTensors.TypeName(v.Type?.TensorType?.ElemType ?? 0),
        v.Type?.TensorType?.Shape?.Dim.Select(Size).ToArray());

    static string Size(TensorShapeProto.Types.Dimension d) => d.ValueCase switch
    {
        TensorShapeProto.Types.Dimension.ValueOneofCase.DimValue => FormattableString.Invariant($"{d.DimValue}"),
        TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam => d.DimParam,
        _ => "?",
    };
}
