using Google.Protobuf;
using Tessera.NN;

namespace Tessera.Tests;

/// <summary>Small models written on the spot.</summary>
static class OnnxBytes
{
    /// <summary>A model of one graph with input <c>x</c> [batch, 3, 8, 8] and output <c>y</c>.</summary>
    public static ModelProto Model(int opset, params NodeProto[] nodes)
    {
        var model = new ModelProto { IrVersion = 8, ProducerName = "test", Graph = new GraphProto { Name = "g" } };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = opset });
        model.Graph.Node.Add(nodes);
        model.Graph.Input.Add(Value("x", 0, 3, 8, 8));
        model.Graph.Output.Add(Value("y"));
        return model;
    }

    public static ModelProto With(this ModelProto model, params TensorProto[] initializers)
    {
        model.Graph.Initializer.Add(initializers);
        return model;
    }

    /// <summary>A node; attributes are numbers, strings, or arrays of numbers.</summary>
    public static NodeProto Node(string op, string inputs, string outputs, params (string Name, object Value)[] attributes)
    {
        var node = new NodeProto { OpType = op, Name = $"the {op}" };
        node.Input.Add(inputs.Split(' '));
        node.Output.Add(outputs.Split(' '));
        foreach (var (name, value) in attributes) node.Attribute.Add(Attribute(name, value));
        return node;
    }

    public static TensorProto Floats(string name, long[] dims, params float[] values)
    {
        var t = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.Float };
        t.Dims.Add(dims);
        t.FloatData.Add(values);
        return t;
    }

    public static TensorProto Longs(string name, params long[] values)
    {
        var t = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.Int64 };
        t.Dims.Add(values.Length);
        t.Int64Data.Add(values);
        return t;
    }

    public static OnnxModel Parse(this ModelProto model) => OnnxModel.Parse(model.ToByteArray(), "small.onnx");

    /// <summary>The only output for the only input.</summary>
    public static Tensor Run(this ModelProto model, Tensor x) => Autograd.NoGrad(() => model.Parse().ToModule().Forward(x));

    /// <summary>A convolution, batch norm, ReLU, pool and linear layer: 4 classes.</summary>
    public static ModelProto Classifier()
    {
        var random = new Philox(5);
        return Model(13,
            Node("Conv", "x conv.weight", "c", ("kernel_shape", new long[] { 3, 3 }), ("pads", new long[] { 1, 1, 1, 1 })),
            Node("BatchNormalization", "c bn.weight bn.bias bn.running_mean bn.running_var", "n", ("epsilon", 1e-3f), ("momentum", 0.8f)),
            Node("Relu", "n", "r"),
            Node("GlobalAveragePool", "r", "p"),
            Node("Flatten", "p", "f"),
            Node("Gemm", "f fc.weight fc.bias", "y", ("transB", 1L)))
            .With(
                Floats("conv.weight", [8, 3, 3, 3], Tensor.Normal([8 * 27], random, 0, 0.3f).ToArray<float>()),
                Floats("bn.weight", [8], 1, 1, 1, 1, 1, 1, 1, 1),
                Floats("bn.bias", [8], 0, 0, 0, 0, 0, 0, 0, 0),
                Floats("bn.running_mean", [8], 0, 0, 0, 0, 0, 0, 0, 0),
                Floats("bn.running_var", [8], 1, 1, 1, 1, 1, 1, 1, 1),
                Floats("fc.weight", [4, 8], Tensor.Normal([32], new Philox(6), 0, 0.3f).ToArray<float>()),
                Floats("fc.bias", [4], 0, 0, 0, 0));
    }

    static AttributeProto Attribute(string name, object value)
    {
        var a = new AttributeProto { Name = name };
        switch (value)
        {
            case long i: (a.Type, a.I) = (AttributeProto.Types.AttributeType.Int, i); break;
            case float f: (a.Type, a.F) = (AttributeProto.Types.AttributeType.Float, f); break;
            case string s: (a.Type, a.S) = (AttributeProto.Types.AttributeType.String, ByteString.CopyFromUtf8(s)); break;
            case long[] ints: a.Type = AttributeProto.Types.AttributeType.Ints; a.Ints.Add(ints); break;
            case float[] floats: a.Type = AttributeProto.Types.AttributeType.Floats; a.Floats.Add(floats); break;
            case TensorProto t: (a.Type, a.T) = (AttributeProto.Types.AttributeType.Tensor, t); break;
            default: throw new ArgumentException($"attribute {name}");
        }
        return a;
    }

    static ValueInfoProto Value(string name, params long[] dims)
    {
        var shape = new TensorShapeProto();
        foreach (long d in dims) shape.Dim.Add(d > 0 ? new TensorShapeProto.Types.Dimension { DimValue = d } : new TensorShapeProto.Types.Dimension { DimParam = "batch" });
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1, Shape = shape } } };
    }
}
