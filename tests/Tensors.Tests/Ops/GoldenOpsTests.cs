using System.Text.Json;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Every recorded op case: outputs, gradients, and calls that must be refused.</summary>
[Category("Golden")]
public sealed class GoldenOpsTests
{
    static IEnumerable<TestCaseData> Cases() => TestDevices.With(GoldenCase.All("ops/cases.json"));

    static IEnumerable<TestCaseData> Refused() => GoldenCase.All("ops/cases.json", "errors");

    [TestCaseSource(nameof(Cases))]
    public void Agrees(GoldenCase c, Device device)
    {
        Device.Default = device;
        using var scope = Scope.Begin();
        var arrays = c.Arrays(c["family"].GetString() + ".safetensors");
        var inputs = c["inputs"].EnumerateObject().ToDictionary(p => p.Name, p => Load(arrays[p.Value.GetString()!]), StringComparer.Ordinal);
        foreach (var p in c["grads"].EnumerateObject()) inputs[p.Name].RequiresGrad = true;

        var outputs = Op(c)(new GoldenCall(c["attrs"], inputs));

        var names = c["outputs"].EnumerateObject().ToArray();
        Assert.That(outputs, Has.Length.EqualTo(names.Length));
        foreach (var (i, p) in names.Index()) Check(c, p.Name, outputs[i], arrays[p.Value.GetString()!]);
        if (!c["grads"].EnumerateObject().Any()) return;
        foreach (var (i, p) in names.Index())
            if (c["grad_outputs"].TryGetProperty(p.Name, out var key))
                outputs[i].Backward(Load(arrays[key.GetString()!]), retain: true);
        foreach (var p in c["grads"].EnumerateObject())
            if (!Meaningless(c, p.Name)) Check(c, "gradient of " + p.Name, inputs[p.Name].Grad ?? Tensor.Zeros(inputs[p.Name].Shape), arrays[p.Value.GetString()!]);
    }

    [TestCaseSource(nameof(Refused))]
    public void Refuses(GoldenCase c)
    {
        using var scope = Scope.Begin();
        var call = new GoldenCall(c["attrs"], RefusedInputs(c));
        Assert.That(() => Op(c)(call), Throws.InstanceOf<ShapeException>());
    }

    [TearDown]
    public void BackOnTheCpu() => Device.Default = Device.Cpu;

    static Func<GoldenCall, Tensor[]> Op(GoldenCase c) => GoldenOps.All.TryGetValue(c["op"].GetString()!, out var op)
        ? op
        : throw new InvalidOperationException($"no call of ours is listed in GoldenOps for the recorded op {c["op"]}");

    /// <summary>Where the normalised size is 1, the gradients of x and w are rounding noise around 0.</summary>
    static bool Meaningless(GoldenCase c, string input) =>
        c["op"].GetString() == "layer_norm" && input != "b" && c["attrs"].GetProperty("normalized_shape").Ints() is [1];

    static Tensor Load(TestArray a) => a.DType switch
    {
        "F32" => Tensor.From(a.Floats(), a.Shape),
        "I64" => Tensor.From(a.Longs(), a.Shape),
        "BOOL" => Tensor.From(Array.ConvertAll(a.Bytes, b => b != 0), a.Shape),
        _ => throw new NotSupportedException(a.DType),
    };

    /// <summary>|a - b| ≤ atol·max(1, max|b|) + rtol·|b|; NaN and infinities in the same places.</summary>
    static void Check(GoldenCase c, string what, Tensor actual, TestArray expected)
    {
        Assert.That(actual.Shape.ToArray(), Is.EqualTo(expected.Shape), what);
        double[] a = Array.ConvertAll(actual.To(DType.Float32).ToArray<float>(), x => (double)x), b = expected.Doubles();
        if (actual.DType == DType.Int64) a = Array.ConvertAll(actual.ToArray<long>(), x => (double)x);
        bool exact = c.Maybe("exact") is { } e && e.GetBoolean() && !what.StartsWith("gradient", StringComparison.Ordinal);
        double rtol = exact ? 0 : c["rtol"].GetDouble(), atol = exact ? 0 : c["atol"].GetDouble();
        double scale = Math.Max(1, b.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(0).Max());
        for (int i = 0; i < a.Length; i++)
        {
            bool same = a[i].Equals(b[i]) || a[i] == b[i] || Math.Abs(a[i] - b[i]) <= (atol * scale) + (rtol * Math.Abs(b[i]));
            if (!same) Assert.Fail($"{what}: element {i}: got {a[i]:R}, expected {b[i]:R}, tolerance {(atol * scale) + (rtol * Math.Abs(b[i])):G3}");
        }
    }

    /// <summary>Inputs of ones of the shapes that the attributes of a refused call name.</summary>
    static Dictionary<string, Tensor> RefusedInputs(GoldenCase c)
    {
        Dictionary<string, Tensor> inputs = new(StringComparer.Ordinal);
        void Add(string name, string attr)
        {
            if (c["attrs"].TryGetProperty(attr, out var shape)) inputs[name] = Tensor.Ones(shape.Ints());
        }
        foreach (string name in (string[])["a", "b", "x", "logits"]) Add(name, name);
        Add("x", "shape");
        if (c["attrs"].TryGetProperty("shapes", out var shapes))
            foreach (var (i, shape) in shapes.EnumerateArray().Index()) inputs[$"t{i}"] = Tensor.Ones(shape.Ints());
        if (c["attrs"].TryGetProperty("target", out var target)) inputs["target"] = Tensor.From(Array.ConvertAll(target.Ints(), t => (long)t));
        switch (c["op"].GetString())
        {
            case "conv2d":
                inputs["w"] = Tensor.Ones([1, inputs["x"].Shape[1], .. c["attrs"].GetProperty("kernel").Ints()]);
                break;
            case "batch_norm_train":
                inputs["running_mean"] = Tensor.Zeros([inputs["x"].Shape[1]]);
                inputs["running_var"] = Tensor.Ones([inputs["x"].Shape[1]]);
                break;
            case "max_pool2d":
                inputs["x"] = Tensor.Ones([1, 1, 8, 8]);
                break;
        }
        return inputs;
    }
}
