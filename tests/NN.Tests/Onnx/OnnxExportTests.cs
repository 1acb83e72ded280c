using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public sealed class OnnxExportTests
{
    /// <summary>The network, the file run by ONNX Runtime, and the file imported again agree, for a batch of one and of five.</summary>
    static void AssertExports(Module network, Shape item, OnnxExportOptions? options = null, float tolerance = 1e-4f)
    {
        byte[] bytes = network.ToOnnxBytes(item, options);
        using var other = new OnnxRuntimeSession(bytes);
        var again = OnnxModel.Parse(bytes).ToModule();
        network.Eval();
        foreach (int n in (int[])[1, 5])
        {
            using var scope = Scope.Begin();
            var x = Tensor.Normal([n, .. item], new Philox(7, (ulong)n));
            if (options?.InputType == DType.UInt8) x = Tensor.Uniform([n, .. item], new Philox(7, (ulong)n), 0, 255.99f).To(DType.UInt8);
            var y = Autograd.NoGrad(() => network.Forward(x));
            float most = MathF.Max(1, y.ToArray<float>().Max(MathF.Abs));
            Assert.That(other.Run(x), Is.EqualTo(y.ToArray<float>()).Within(tolerance * most), $"ONNX Runtime, batch {n}");
            Assert.That(Autograd.NoGrad(() => again.Forward(x)).ToArray<float>(), Is.EqualTo(y.ToArray<float>()).Within(tolerance * most), $"imported, batch {n}");
        }
    }

    static Module Shaken(Module network)
    {
        foreach (var (i, (name, t)) in network.StateDict().Index())
            if (t.DType == DType.Float32) Init.Uniform(t, name.EndsWith("running_var", StringComparison.Ordinal) ? 0.5 : -0.5, 1);
        return network;
    }

    static IEnumerable<TestCaseData> Layers()
    {
        TestCaseData Case(string name, Shape item, Func<Module> make) => new TestCaseData(item, make).SetArgDisplayNames(name);
        Shape image = [4, 9, 11], vector = [6];
        (string, Func<Module>)[] maps =
        [
            ("Relu", () => new Relu()), ("Relu6", () => new Relu6()), ("LeakyRelu", () => new LeakyRelu(0.2)), ("Elu", () => new Elu(0.7)), ("Selu", () => new Selu()), ("Celu", () => new Celu(0.6)),
            ("Gelu", () => new Gelu()), ("GeluTanh", () => new Gelu(tanh: true)), ("Silu", () => new Silu()), ("Mish", () => new Mish()), ("Sigmoid", () => new Sigmoid()), ("LogSigmoid", () => new LogSigmoid()),
            ("Tanh", () => new Tanh()), ("HardTanh", () => new HardTanh(-0.3, 0.8)), ("HardSigmoid", () => new HardSigmoid()), ("HardSwish", () => new HardSwish()), ("Softplus", () => new Softplus()),
            ("Softplus2", () => new Softplus(2)), ("Softsign", () => new Softsign()), ("Softmax", () => new Softmax(1)), ("LogSoftmax", () => new LogSoftmax()), ("Identity", () => new Identity()), ("Dropout", () => new Dropout()),
        ];
        foreach (var (name, make) in maps) yield return Case(name, image, make);
        yield return Case("Conv2d", image, () => new Conv2d(4, 6, (3, 2), (2, 1), (1, 0), bias: true));
        yield return Case("Conv2d grouped, dilated", image, () => new Conv2d(4, 8, 3, 1, 2, 2, groups: 2, bias: false));
        yield return Case("ConvTranspose2d", image, () => new ConvTranspose2d(4, 3, 3, 2, 1, 1));
        yield return Case("BatchNorm2d", image, () => new BatchNorm2d(4, 1e-3));
        yield return Case("BatchNorm1d", vector, () => new BatchNorm1d(6));
        yield return Case("BatchNorm1d of sequences", [6, 5], () => new BatchNorm1d(6));
        yield return Case("LayerNorm", [7, 6], () => new LayerNorm([6]));
        yield return Case("GroupNorm", image, () => new GroupNorm(2, 4));
        yield return Case("Linear", vector, () => new Linear(6, 3));
        yield return Case("Linear without bias of sequences", [7, 6], () => new Linear(6, 3, bias: false));
        yield return Case("MaxPool2d", image, () => new MaxPool2d(3, 2, 1));
        yield return Case("MaxPool2d up", image, () => new MaxPool2d(3, 2, ceilMode: true));
        yield return Case("AvgPool2d", image, () => new AvgPool2d(3, 2, 1));
        yield return Case("AvgPool2d up", image, () => new AvgPool2d(2, 2, ceilMode: true, countIncludePad: false));
        yield return Case("AdaptiveAvgPool2d", image, () => new AdaptiveAvgPool2d(1));
        yield return Case("AdaptiveAvgPool2d uneven", image, () => new AdaptiveAvgPool2d((4, 3)));
        yield return Case("AdaptiveMaxPool2d", image, () => new AdaptiveMaxPool2d(1));
        yield return Case("AdaptiveMaxPool2d uneven", image, () => new AdaptiveMaxPool2d((4, 3)));
        yield return Case("AdaptiveConcatPool2d", image, () => new AdaptiveConcatPool2d());
        yield return Case("Flatten", image, () => new Flatten());
        yield return Case("Flatten of the last", image, () => new Flatten(2));
    }

    [TestCaseSource(nameof(Layers))]
    public void EveryLayer(Shape item, Func<Module> make)
    {
        Generator.Seed(5);
        AssertExports(Shaken(make()), item);
    }

    /// <summary>Operations between modules: a mean, a gate, a shift along the channels, padding, slices, repeated constants, matrix products.</summary>
    sealed class Glue : Module
    {
        readonly Tensor w, table;

        public Glue()
        {
            w = RegisterParameter("w", Tensor.Normal([6, 6], new Philox(3)));
            table = RegisterBuffer("table", Tensor.Normal([1, 3, 1, 6], new Philox(4)));
        }

        public override Tensor Forward(Tensor x)
        {
            var gate = x.Mean([2, 3], keepDim: true).Sigmoid();
            var y = (x * gate) - x.AMax([1], keepDim: true).Expand(x.Shape);
            y = Tensor.Cat([y.Narrow(1, 1, 2), Tensor.Zeros([x.Shape[0], 1, 5, 6])], 1) + table;
            y = y.Pad(1, 0, 0, 2, value: 0.5f).Narrow(3, 0, 6).Narrow(2, 1, 3, 2).Flip(3);
            y = y.Pad(1, 1, 1, 1, PadMode.Reflect);
            y = Tensor.Where(y.Greater(0), y, -(y * 0.1f)).Permute(0, 2, 3, 1).Reshape(x.Shape[0], -1, 6);
            y = y.MatMul(w) + Tensor.Ones([1, 1, 6]).Expand([x.Shape[0], 1, 6]) + y.Norm(2, 1, keepDim: true) + y.LogSumExp(2, keepDim: true);
            return (y.CumSum(1) / (2 + y.Square())).Sum(1).Clamp(-3, 3).Pow(3f) + y.Var([1, 2], keepDim: false).Reshape(-1, 1).Rsqrt();
        }
    }

    [Test]
    public void OperationsBetweenModules() => AssertExports(new Glue(), [3, 5, 6]);

    [TestCaseSource(typeof(OnnxFile), nameof(OnnxFile.All))]
    public void NetworksFromFiles(OnnxFile file)
    {
        var (shape, _, _) = file.Pairs().First();
        int size = Math.Min(shape[2], file.Name.Contains("squeezenet", StringComparison.Ordinal) ? 227 : 64);
        AssertExports(OnnxModel.Load(file.Path).ToModule(), [3, size, size]);
        if (!file.IsFolded && file.Name.Contains("w8", StringComparison.Ordinal)) AssertExports(OnnxModel.Load(file.Path).ToModule(), [3, size, size], new OnnxExportOptions { FoldBatchNorms = true });
    }

    static Sequential Small() => new(
        new Sequential(new Conv2d(3, 8, 3, 2, 1, bias: false), new BatchNorm2d(8), new Relu(), new Conv2d(8, 16, 3, 2, 1), new BatchNorm2d(16, momentum: 0.2), new Relu()),
        new Sequential(new AdaptiveConcatPool2d(), new Flatten(), new BatchNorm1d(32), new Dropout(0.25), new Linear(32, 8), new Relu(), new BatchNorm1d(8), new Dropout(), new Linear(8, 4)));

    [Test]
    public void FoldedBatchNormsLeaveTheGraphAndTheResults()
    {
        Generator.Seed(5);
        var network = Shaken(Small());
        AssertExports(network, [3, 16, 16], new OnnxExportOptions { FoldBatchNorms = true });
        var report = OnnxModel.Parse(network.ToOnnxBytes([3, 16, 16], new OnnxExportOptions { FoldBatchNorms = true })).Report();
        Assert.That((report.BatchNorms, report.FoldedBatchNorms), Is.EqualTo((2, 2))); // those of the head stand behind no convolution
        Assert.That(OnnxModel.Parse(network.ToOnnxBytes([3, 16, 16])).Report().BatchNorms, Is.EqualTo(4));
    }

    [Test]
    public void TheFileSaysWhatItIs()
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "deep", "small.onnx");
        var network = Small();
        network.ExportOnnx(path, [3, 16, 16], new OnnxExportOptions { InputName = "photo", OutputName = "scores", Metadata = new Dictionary<string, string> { ["classes"] = "[\"a\",\"b\"]" } });
        var model = OnnxModel.Load(path);
        Assert.That(model.Producer, Does.StartWith("Tessera "));
        Assert.That((model.Opset, model.IrVersion), Is.EqualTo((17, 8)));
        Assert.That(model.Inputs.Single().ToString(), Is.EqualTo("photo float [batch, 3, 16, 16]"));
        Assert.That(model.Outputs.Single().ToString(), Is.EqualTo("scores float [batch, 4]"));
        Assert.That(model.Metadata["classes"], Is.EqualTo("[\"a\",\"b\"]"));
        Assert.That(model.Initializers, Is.EquivalentTo(network.StateDict().Keys.Where(name => !name.EndsWith("num_batches_tracked", StringComparison.Ordinal))));
        Assert.That(network.NamedModules().All(m => m.Module.IsTraining), Is.True, "the modes stay");
        using var other = new OnnxRuntimeSession(File.ReadAllBytes(path));
        Assert.That(other.Metadata["classes"], Is.EqualTo("[\"a\",\"b\"]"));
    }

    /// <summary>Train, export, let ONNX Runtime predict, import, train on: the same predictions and the same losses as without the detour.</summary>
    [Test]
    public void TrainedExportedImportedAndTrainedOn()
    {
        Generator.Seed(5);
        var network = Small();
        var x = Tensor.Normal([16, 3, 16, 16], new Philox(8));
        var target = Tensor.From([.. Enumerable.Range(0, 16).Select(i => (long)(i % 4))], [16]);
        _ = Losses(network, 5);
        byte[] bytes = network.ToOnnxBytes([3, 16, 16]);
        var again = OnnxModel.Parse(bytes).ToModule();
        Assert.That(again.NamedParameters().Select(p => p.Name), Is.EquivalentTo(network.NamedParameters().Select(p => p.Name)));
        network.Eval();
        using (var other = new OnnxRuntimeSession(bytes))
            Assert.That(other.Run(x), Is.EqualTo(Autograd.NoGrad(() => network.Forward(x)).ToArray<float>()).Within(1e-4f));

        float[] straight = Losses(network, 8), detour = Losses(again, 8);
        Assert.That(detour, Is.EqualTo(straight).Within(1e-4f));
        Assert.That(straight[^1], Is.LessThan(straight[0]));
        Assert.That(again.StateDict()["0.1.running_var"].ToArray<float>(), Is.EqualTo(network.StateDict()["0.1.running_var"].ToArray<float>()).Within(1e-4f));

        float[] Losses(Module module, int steps)
        {
            Generator.Seed(11); // the same dropout
            module.Train();
            var optimizer = new Adam([new ParameterGroup([.. module.NamedParameters().OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => p.Tensor)])]);
            return [.. Enumerable.Range(0, steps).Select(_ =>
            {
                using var scope = Scope.Begin();
                var loss = module.Call(x).CrossEntropy(target);
                loss.Backward();
                optimizer.Step();
                optimizer.ZeroGrad();
                return loss.Item();
            })];
        }
    }

    /// <summary>A network that takes bytes: what preprocessing inside the graph comes down to.</summary>
    sealed class Bytes(Module inner) : Module
    {
        readonly Module inner = inner;

        public override Tensor Forward(Tensor x) => inner.Call((x.To(DType.Float32).Permute(0, 3, 1, 2) * (1 / 255f)) - Tensor.From([0.4f, 0.5f, 0.6f], [1, 3, 1, 1]));
    }

    [Test]
    public void BytesAsInput() => AssertExports(new Bytes(new Sequential(new AdaptiveAvgPool2d(1), new Flatten())), [6, 6, 3], new OnnxExportOptions { InputType = DType.UInt8 });

    sealed class FunctionModule(Func<Tensor, Tensor> f) : Module
    {
        public override Tensor Forward(Tensor x) => f(x);
    }

    static IEnumerable<TestCaseData> Impossible()
    {
        TestCaseData Case(string name, Func<Tensor, Tensor> f, string message) => new TestCaseData(f, message).SetArgDisplayNames(name);
        yield return Case("numbers from the host", x => x + Tensor.From(x.ToArray<float>(), x.Shape), "depends on the input but was not computed from it");
        yield return Case("no counterpart", x => x.CumProd(1), "CumProd of [2, 4] cannot be exported");
        yield return Case("by the batch size", x => x.Shape[0] == 2 ? x : x.Relu(), "different things for different inputs");
        yield return Case("a mean over the batch", x => x - x.Mean(0, keepDim: true), "depends on the batch size");
    }

    [TestCaseSource(nameof(Impossible))]
    public void WhatAGraphCannotSayIsAnErrorAndNoFile(Func<Tensor, Tensor> f, string message)
    {
        using var folder = new TemporaryFolder();
        string path = Path.Combine(folder.Path, "no.onnx");
        Assert.That(() => new FunctionModule(f).ExportOnnx(path, [4]), Throws.InstanceOf<TesseraException>().With.Message.Contains(message));
        Assert.That(File.Exists(path), Is.False);
        Assert.That(() => new Relu().ExportOnnx(path, [4], new OnnxExportOptions { InputType = DType.Int64 }), Throws.InstanceOf<DTypeException>());
    }
}
