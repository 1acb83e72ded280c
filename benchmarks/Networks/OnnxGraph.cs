using Google.Protobuf;
using Tessera.NN;

namespace Tessera.Benchmarks;

/// <summary>Builds an ONNX file layer by layer, with random weights: what an export in evaluation mode looks like, batch norms folded.</summary>
sealed class OnnxGraph
{
    const int Opset = 13, IrVersion = 7, Float = 1;

    readonly GraphProto graph = new() { Name = "network" };
    readonly Random random = new(3);
    int names;

    /// <summary>The name of the input <c>[batch, 3, H, W]</c>.</summary>
    public const string Input = "input";

    /// <summary>The name of the output <c>[batch, classes]</c>.</summary>
    public const string Output = "output";

    /// <summary>Convolution with bias; He's initialisation, times <paramref name="gain"/>.</summary>
    public string Conv(string x, int from, int to, int kernel, int stride = 1, int? padding = null, double gain = 1)
    {
        int pad = padding ?? kernel / 2;
        string w = Weight([to, from, kernel, kernel], gain * Math.Sqrt(2.0 / (from * kernel * kernel))), b = Weight([to], 0.1);
        return Node("Conv", [x, w, b], ("kernel_shape", [kernel, kernel]), ("strides", [stride, stride]), ("pads", [pad, pad, pad, pad]));
    }

    public string Relu(string x) => Node("Relu", [x]);

    public string Add(string a, string b) => Node("Add", [a, b]);

    public string Concat(string a, string b) => Integer("axis", 1, Node("Concat", [a, b]));

    public string MaxPool(string x, int stride = 2, int padding = 1) =>
        Node("MaxPool", [x], ("kernel_shape", [3, 3]), ("strides", [stride, stride]), ("pads", [padding, padding, padding, padding]));

    /// <summary>Global average pool and flatten: <c>[batch, channels]</c>.</summary>
    public string Pooled(string x) => Integer("axis", 1, Node("Flatten", [Node("GlobalAveragePool", [x])]));

    /// <summary>y = x·wᵀ + b.</summary>
    public string Linear(string x, int from, int to) => Integer("transB", 1, Node("Gemm", [x, Weight([to, from], 1 / Math.Sqrt(from)), Weight([to], 0.1)]));

    /// <summary>Writes the file, whole or not at all; what the latest node computes is the output.</summary>
    public void Save(string path)
    {
        graph.Node[^1].Output[0] = Output;
        graph.Input.Add(Value(Input, ["batch", 3, "height", "width"]));
        graph.Output.Add(Value(Output, ["batch", "classes"]));
        var model = new ModelProto { IrVersion = IrVersion, ProducerName = "tessera benchmarks", Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = Opset });
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string next = $"{path}.{Environment.ProcessId}";
        using (var file = File.Create(next)) model.WriteTo(file);
        File.Move(next, path, overwrite: true);
    }

    string Node(string op, string[] inputs, params (string Name, int[] Values)[] attributes)
    {
        var node = new NodeProto { OpType = op, Name = $"{op}_{++names}" };
        node.Input.AddRange(inputs);
        node.Output.Add($"v{names}");
        foreach (var (name, values) in attributes)
        {
            var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
            attribute.Ints.AddRange(values.Select(v => (long)v));
            node.Attribute.Add(attribute);
        }
        graph.Node.Add(node);
        return node.Output[0];
    }

    // Sets an attribute of the latest node.
    string Integer(string name, int value, string y)
    {
        graph.Node[^1].Attribute.Add(new AttributeProto { Name = name, I = value, Type = AttributeProto.Types.AttributeType.Int });
        return y;
    }

    string Weight(int[] shape, double std)
    {
        float[] values = new float[shape.Aggregate(1, (a, b) => a * b)];
        for (int i = 0; i < values.Length; i++) values[i] = (float)(std * Normal());
        var tensor = new TensorProto { Name = $"w{++names}", DataType = Float, RawData = ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values)) };
        tensor.Dims.AddRange(shape.Select(d => (long)d));
        graph.Initializer.Add(tensor);
        return tensor.Name;
    }

    double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    static ValueInfoProto Value(string name, object[] shape)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = Float, Shape = new TensorShapeProto() };
        foreach (object d in shape)
            tensor.Shape.Dim.Add(d is int n ? new TensorShapeProto.Types.Dimension { DimValue = n } : new TensorShapeProto.Types.Dimension { DimParam = (string)d });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = tensor } };
    }
}
