using System.Text.Json;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The recorded operations, run through the layers that stand for them: the layers pass every argument on to the right place.</summary>
[Category("Golden")]
public class LayerGoldenTests
{
    static IEnumerable<TestCaseData> Cases() => GoldenCase.All("ops/cases.json", where: c => Layer(c["op"].GetString()!, c["attrs"], Shapes(c)) is not null);

    [TestCaseSource(nameof(Cases))]
    public void LayersComputeTheirOperation(GoldenCase c)
    {
        var arrays = c.Arrays(c["family"].GetString() + ".safetensors");
        var layer = Layer(c["op"].GetString()!, c["attrs"], Shapes(c))!;
        if (c["op"].GetString()!.EndsWith("eval", StringComparison.Ordinal)) layer.Eval();
        var state = layer.StateDict();
        foreach (var input in c["inputs"].EnumerateObject())
            if (input.Name != "x" && Name(input.Name) is { } name && state.TryGetValue(name, out var t)) t.CopyFrom(arrays[input.Value.GetString()!].ToTensor());

        var x = arrays[c["inputs"].GetProperty("x").GetString()!].ToTensor();
        bool trains = x.DType == DType.Float32 && c["grad_outputs"].TryGetProperty("y", out _);
        if (trains) x.RequiresGrad = true;
        var y = layer.Forward(x);
        var (rtol, atol) = (c["rtol"].GetDouble(), c["atol"].GetDouble());
        foreach (var output in c["outputs"].EnumerateObject())
        {
            var actual = output.Name switch { "y" => y, "running_mean_after" => state["running_mean"], "running_var_after" => state["running_var"], _ => null };
            if (actual is not null) Recorded.Near(actual, arrays[output.Value.GetString()!], rtol, atol, output.Name);
        }
        if (!trains) return;
        y.Backward(arrays[c["grad_outputs"].GetProperty("y").GetString()!].ToTensor());
        bool degenerate = c.Maybe("note")?.GetString()!.Contains("size 1", StringComparison.Ordinal) == true;
        foreach (var grad in c["grads"].EnumerateObject())
        {
            if (degenerate && grad.Name != "b") continue;
            var actual = grad.Name == "x" ? x.Grad : state[Name(grad.Name)!].Grad;
            Recorded.Near(actual, arrays[grad.Value.GetString()!], rtol, atol, $"gradient of {grad.Name}");
        }
    }

    static Dictionary<string, int[]> Shapes(GoldenCase c) => c["inputs"].EnumerateObject()
        .ToDictionary(i => i.Name, i => c.Arrays(c["family"].GetString() + ".safetensors")[i.Value.GetString()!].Shape);

    static string? Name(string input) => input switch { "w" => "weight", "b" => "bias", "running_mean" or "running_var" => input, _ => null };

    /// <summary>The layer of an operation; null where none stands for it or the case has arguments only the tensor operation takes.</summary>
    static Module? Layer(string op, JsonElement attrs, Dictionary<string, int[]> shapes)
    {
        double Num(string name, double absent = double.NaN) => attrs.TryGetProperty(name, out var v) ? v.GetDouble() : absent;
        bool Is(string name) => attrs.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.True;
        Pair Two(string name, int absent) => !attrs.TryGetProperty(name, out var v) ? absent
            : v.ValueKind == JsonValueKind.Array ? (v[0].GetInt32(), v[1].GetInt32()) : v.GetInt32();
        int groups = (int)Num("groups", 1);
        shapes.TryGetValue("w", out int[]? w);
        int[] x = shapes.GetValueOrDefault("x") ?? [];
        bool affine = shapes.ContainsKey("w") && shapes.ContainsKey("b");
        switch (op)
        {
            case "conv2d":
                int[] pad = attrs.GetProperty("padding_tlbr").Ints();
                return pad[0] != pad[2] || pad[1] != pad[3] ? null
                    : new Conv2d(w![1] * groups, w[0], Two("kernel", 1), Two("stride", 1), (pad[0], pad[1]), Two("dilation", 1), groups, shapes.ContainsKey("b"));
            case "conv_transpose2d":
                return new ConvTranspose2d(w![0], w[1] * groups, (w[2], w[3]), Two("stride", 1), Two("padding", 0), Two("output_padding", 0), Two("dilation", 1), groups, shapes.ContainsKey("b"));
            case "linear": return new Linear(w![1], w[0], shapes.ContainsKey("b"));
            case "batch_norm_train" or "batch_norm_eval":
                return !affine ? null : x.Length == 4 ? new BatchNorm2d(x[1], Num("eps"), Num("momentum")) : x.Length is 2 or 3 ? new BatchNorm1d(x[1], Num("eps"), Num("momentum")) : null;
            case "layer_norm": return affine ? new LayerNorm(attrs.GetProperty("normalized_shape").Ints(), Num("eps")) : null;
            case "group_norm": return affine ? new GroupNorm(groups, x[1], Num("eps")) : null;
            case "max_pool2d": return new MaxPool2d(Two("kernel", 1), Two("stride", 1), Two("padding", 0), Two("dilation", 1), Is("ceil_mode"));
            case "avg_pool2d": return new AvgPool2d(Two("kernel", 1), Two("stride", 1), Two("padding", 0), Is("ceil_mode"), Is("count_include_pad"));
            case "adaptive_avg_pool2d": return new AdaptiveAvgPool2d(Two("output", 1));
            case "adaptive_max_pool2d": return new AdaptiveMaxPool2d(Two("output", 1));
            case "concat_pool": return new Sequential(new AdaptiveConcatPool2d(), new Flatten());
            case "softmax": return new Softmax((int)Num("dim"));
            case "log_softmax": return new LogSoftmax((int)Num("dim"));
            default: return Activation(op, attrs, Num);
        }
    }

    static Module? Activation(string op, JsonElement attrs, Func<string, double, double> num) => op switch
    {
        "relu" => new Relu(),
        "relu6" => new Relu6(),
        "leaky_relu" => new LeakyRelu(num("slope", 0.01)),
        "elu" => new Elu(num("alpha", 1)),
        "selu" => new Selu(),
        "celu" => new Celu(num("alpha", 1)),
        "gelu" => new Gelu(attrs.GetProperty("approximate").GetString() == "tanh"),
        "silu" => new Silu(),
        "mish" => new Mish(),
        "sigmoid" => new Sigmoid(),
        "logsigmoid" => new LogSigmoid(),
        "tanh" => new Tanh(),
        "hardtanh" => new HardTanh(num("min", -1), num("max", 1)),
        "hardsigmoid" => new HardSigmoid(),
        "hardswish" => new HardSwish(),
        "softplus" => new Softplus(num("beta", 1), num("threshold", 20)),
        "softsign" => new Softsign(),
        _ => null,
    };
}
