using System.Collections.Frozen;
using Google.Protobuf;

namespace Tessera.NN;

/// <summary>
/// Writes a network as an ONNX graph, from two runs of it with different batches: each operation becomes a node or a few, what differs between the runs
/// depends on the batch, and what no operation computed is a constant.
/// </summary>
internal sealed partial class OnnxExporter
{
    /// <summary>Version of the standard operator set that is written.</summary>
    public const int Opset = 17;

    const string BatchName = "batch";

    static readonly FrozenDictionary<string, Func<OnnxCall, string>> operators =
        new[] { Maps, Activations, Layers, Shapes, Reductions }.SelectMany(family => family).ToFrozenDictionary(o => o.Name, o => o.Write, StringComparer.Ordinal);

    readonly OnnxGraph graph = new();
    readonly OnnxTrace a, b;
    readonly OnnxExportOptions options;
    readonly Dictionary<Tensor, string> names = [], state = [];
    readonly HashSet<Tensor> learned;
    readonly Dictionary<Module, string> modules = [];
    readonly Dictionary<string, double> depths = new(StringComparer.Ordinal);
    string? batch;

    OnnxExporter(OnnxTrace a, OnnxTrace b, Module network, OnnxExportOptions options)
    {
        (this.a, this.b, this.options) = (a, b, options);
        graph.Take(options.InputName);
        graph.Take(options.OutputName);
        foreach (var (name, tensor) in network.StateDict())
            if (state.TryAdd(tensor, name)) graph.Take(name);
        learned = [.. network.Parameters()];
        foreach (var (name, module) in network.NamedModules()) modules.Add(module, name);
        names[a.Input] = options.InputName;
    }

    /// <summary>The model of a network that was run twice, in evaluation mode, with inputs of different batch sizes and otherwise of one shape.</summary>
    public static ModelProto Export(OnnxTrace a, OnnxTrace b, Module network, OnnxExportOptions options) => new OnnxExporter(a, b, network, options).Export();

    ModelProto Export()
    {
        if (a.Steps.Count != b.Steps.Count || a.Steps.Zip(b.Steps).Any(s => s.First.Name != s.Second.Name))
            throw new TesseraException(
                $"ExportOnnx: the network does different things for different inputs: got {a.Steps.Count} and {b.Steps.Count} operations, "
                    + "expected the same ones. Hint: a graph has no branches: let Forward do the same for every input.");
        foreach (var (first, second) in a.Steps.Zip(b.Steps))
            names[first.Output] = Write(new OnnxCall(graph, first, second, [.. first.Inputs.Zip(second.Inputs, NameOf)], this));
        graph.Finish(names.GetValueOrDefault(a.Output) ?? NameOf(a.Output, b.Output), options.OutputName);
        if (options.FoldBatchNorms) OnnxFolding.Fold(graph);
        return Model();
    }

    static string Write(OnnxCall call) => operators.TryGetValue(call.A.Name, out var write)
        ? write(call)
        : throw call.Error("the operation has no counterpart here", $"one of {string.Join(", ", operators.Keys.Order(StringComparer.Ordinal))}");

    /// <summary>The name of a value: one that was computed, a tensor of the state, or a constant.</summary>
    string NameOf(Tensor inA, Tensor inB)
    {
        if (names.TryGetValue(inA, out string? name)) return name;
        if (state.ContainsKey(inA)) return names[inA] = learned.Contains(inA) ? Stored(inA) : graph.Constant(inA.DType, inA.Shape, inA.ToBytes());
        byte[] x = a.Constant(inA), y = b.Constant(inB);
        if (inA.Shape == inB.Shape && x.AsSpan().SequenceEqual(y)) return names[inA] = graph.Constant(inA.DType, inA.Shape, x);
        return names[inA] = Repeated(inA, inB, x, y);
    }

    /// <summary>A tensor of the state, stored under its name.</summary>
    string Stored(Tensor t) => graph.Stored(state[t], t);

    /// <summary>A constant that is the same for each item of a batch: stored once, repeated when the graph runs.</summary>
    string Repeated(Tensor inA, Tensor inB, byte[] x, byte[] y)
    {
        int[] dims = [.. Enumerable.Range(0, inA.Rank).Where(d => d >= inB.Rank || inA.Shape[d] != inB.Shape[d])];
        if (inA.Rank != inB.Rank || dims is not [var dim] || inA.Shape[dim] != a.Input.Shape[0] || inB.Shape[dim] != b.Input.Shape[0]
            || One(inA, x, dim) is not { } one || One(inB, y, dim) is not { } other || !one.AsSpan().SequenceEqual(other))
            throw new TesseraException(
                $"ExportOnnx: a value of shape {inA.Shape} depends on the input but was not computed from it by operations: "
                    + "expected operations on tensors all the way. Hint: avoid ToArray, Item and Detach in Forward.");
        return Expand(graph.Constant(inA.DType, inA.Shape.With(dim, 1), one), [.. inA.Shape.Select((d, i) => i == dim ? -1L : d)]);
    }

    // The first slice along a dimension, where all are equal; else null.
    static byte[]? One(Tensor t, byte[] elements, int dim)
    {
        int inner = t.DType.Size(), n = t.Shape[dim];
        foreach (int d in t.Shape.Dims[(dim + 1)..]) inner *= d;
        byte[][] slices = [.. elements.Chunk(Math.Max(1, inner))];
        for (int i = 0; i < slices.Length; i++)
            if (!slices[i].AsSpan().SequenceEqual(slices[i / n * n])) return null;
        return [.. slices.Where((_, i) => i % n == 0).SelectMany(s => s)];
    }

    /// <summary>A value repeated to a shape, in which -1 stands for the batch size.</summary>
    string Expand(string x, IReadOnlyList<long> shape)
    {
        if (!shape.Contains(-1)) return graph.Node("Expand", [x, graph.Integers(shape)]);
        batch ??= graph.Node("Gather", [graph.Node("Shape", [options.InputName]), graph.Integers(0)], ("axis", 0));
        string size = shape is [-1] ? batch : graph.Node("Concat", shape.Select(d => d < 0 ? batch : graph.Integers(d)), ("axis", 0));
        return graph.Node("Expand", [x, size]);
    }

    ModelProto Model()
    {
        var model = new ModelProto
        {
            IrVersion = 8,
            ProducerName = "Tessera",
            ProducerVersion = typeof(OnnxExporter).Assembly.GetName().Version?.ToString(3) ?? "",
            Graph = new GraphProto { Name = "network" },
        };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = Opset });
        model.Graph.Node.Add(graph.Nodes);
        model.Graph.Initializer.Add(graph.Initializers.Values);
        model.Graph.Input.Add(Value(options.InputName, a.Input, b.Input));
        model.Graph.Output.Add(Value(options.OutputName, a.Output, b.Output));
        foreach (var (key, value) in options.Metadata) model.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        if (depths.Count > 0) model.MetadataProps.Add(new StringStringEntryProto { Key = OnnxDepths.Key, Value = OnnxDepths.ToText(depths) });
        return model;
    }

    static ValueInfoProto Value(string name, Tensor inA, Tensor inB)
    {
        var shape = new TensorShapeProto();
        foreach (var (d, e) in inA.Shape.Zip(inB.Shape))
            shape.Dim.Add(d == e ? new TensorShapeProto.Types.Dimension { DimValue = d } : new TensorShapeProto.Types.Dimension { DimParam = BatchName });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = OnnxGraph.TypeOf(inA.DType), Shape = shape } } };
    }
}
