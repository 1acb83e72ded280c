using Google.Protobuf;
using Tessera.NN;
using static Tessera.Tests.OnnxBytes;

namespace Tessera.Tests;

public sealed class GraphModuleTests
{
    [Test]
    public void LayersBecomeModulesUnderTheNamesOfTheInitializers()
    {
        var graph = Classifier().Parse().ToModule();
        Assert.That(graph.NamedParameters().Select(p => p.Name), Is.EquivalentTo(new[] { "conv.weight", "bn.weight", "bn.bias", "fc.weight", "fc.bias" }));
        Assert.That(graph.NamedBuffers().Select(p => p.Name), Is.SupersetOf(new[] { "bn.running_mean", "bn.running_var" }));
        var modules = graph.NamedModules().ToDictionary(m => m.Name, m => m.Module);
        Assert.That(modules["conv"], Is.InstanceOf<Conv2d>());
        Assert.That(modules["bn"], Is.InstanceOf<BatchNorm>());
        Assert.That(modules["fc"], Is.InstanceOf<Linear>());
        var norm = graph.NamedModules().Select(m => m.Module).OfType<BatchNorm>().Single();
        Assert.That(norm.Eps, Is.EqualTo(1e-3).Within(1e-9));
        Assert.That(norm.Momentum, Is.EqualTo(0.2).Within(1e-6));
        Assert.That(graph.IsTraining || norm.IsTraining, Is.False);
    }

    [Test]
    public void DottedNamesNestAndForeignNamesStay()
    {
        var graph = Model(13, Node("Conv", "x layer1.0.conv1.weight", "a"), Node("Conv", "a onnx::Conv_12 onnx::Conv_13", "y"))
            .With(Floats("layer1.0.conv1.weight", [3, 3, 1, 1], new float[9]), Floats("onnx::Conv_12", [3, 3, 1, 1], new float[9]), Floats("onnx::Conv_13", [3], new float[3]))
            .Parse().ToModule();
        Assert.That(graph.StateDict().Keys, Is.EquivalentTo(new[] { "layer1.0.conv1.weight", "onnx::Conv_12.weight", "onnx::Conv_12.bias" }));
    }

    [Test]
    public void AWeightUsedTwiceIsOneParameter()
    {
        var graph = Model(13, Node("Conv", "x w", "a"), Node("Conv", "a w", "y")).With(Floats("w", [3, 3, 1, 1], 1, 0, 0, 0, 2, 0, 0, 0, 3)).Parse().ToModule();
        Assert.That(Autograd.NoGrad(() => graph.Forward(Tensor.Ones([1, 3, 1, 1]))).ToArray<float>(), Is.EqualTo(new[] { 1f, 4, 9 }));
    }

    /// <summary>Convolutions run together with what follows them, and only where nobody else reads a value between.</summary>
    [Test]
    public void JoinedStepsComputeWhatTheNodesSay()
    {
        Generator.Seed(3);
        float[] Random(int n, ulong seed) => Tensor.Normal([n], new Philox(seed)).ToArray<float>();
        NodeProto[] nodes =
        [
            Node("Conv", "x w1 b1", "a"), Node("Relu", "a", "b"),                                              // joined
            Node("Conv", "b w2", "c"), Node("BatchNormalization", "c s t m v", "d"), Node("Conv", "b w3", "e"), // c, d and the addition joined with f
            Node("Add", "e d", "f"), Node("Relu", "f", "g"),
            Node("Conv", "g w2", "h"), Node("Add", "h one", "i"),                                               // repeats its term
            Node("Conv", "i w3", "j"), Node("Relu", "j", "k"), Node("Add", "j k", "l"),                         // j is read twice
            Node("Conv", "l w2", "m1"), Node("Relu", "m1", "n"), Node("Add", "n l", "y"),                       // the addition comes behind the ReLU
        ];
        var model = Model(13, nodes).With(
            Floats("w1", [3, 3, 3, 3], Random(81, 1)), Floats("b1", [3], Random(3, 2)), Floats("w2", [3, 3, 1, 1], Random(9, 3)), Floats("w3", [3, 3, 1, 1], Random(9, 4)),
            Floats("s", [3], 1, 2, 3), Floats("t", [3], 0, 1, -1), Floats("m", [3], 0.5f, 0, -1), Floats("v", [3], 1, 2, 0.5f), Floats("one", [3, 1, 1], 1, -1, 2)).Parse();
        var graph = model.ToModule();
        Assert.That(graph.Plan, Has.Count.LessThan(graph.Steps.Count));
        var x = Tensor.Normal([2, 3, 6, 6], new Philox(5));
        using var noGrad = Autograd.NoGrad();
        string[] values = ["b", "g", "i", "l", "y"];
        var apart = model.ToModule([.. nodes.Select(n => n.Output[0])]).Run(new Dictionary<string, Tensor> { ["x"] = x }); // every value an output: nothing can be joined but in pairs
        foreach (string value in values)
        {
            var together = model.ToModule([value]).Forward(x);
            Assert.That(together.ToArray<float>(), Is.EqualTo(apart[value].ToArray<float>()).Within(1e-4f), value);
        }
    }

    /// <summary>Each branch writes its channels of the result, whatever the kernel; a value that others read, or that is an output, is apart.</summary>
    [Test]
    public void ConcatenatedConvolutionsWriteSideBySide()
    {
        float[] Random(int n, ulong seed) => Tensor.Normal([n], new Philox(seed)).ToArray<float>();
        NodeProto[] nodes =
        [
            Node("Conv", "x w0", "a"), Node("Relu", "a", "b"),
            Node("Conv", "b w1 b1", "c1"), Node("Relu", "c1", "d1"),                                                          // a plain product
            Node("Conv", "b w3", "c3", ("pads", new long[] { 1, 1, 1, 1 })), Node("Relu", "c3", "d3"),                        // Winograd
            Node("Conv", "b w5", "c5", ("pads", new long[] { 2, 2, 2, 2 })),                                                  // direct, no ReLU
            Node("Conv", "b w9", "c9", ("pads", new long[] { 1, 1, 1, 1 }), ("group", 16L)),                                  // depthwise
            Node("Concat", "d1 d3 c5 c9", "e", ("axis", 1L)),
            Node("Conv", "e w2", "f"), Node("Conv", "e w4", "g"), Node("Concat", "f g", "h", ("axis", -3L)), Node("Add", "f h2", "i"), // f is read twice
            Node("Conv", "e w2", "j"), Node("Conv", "e w4", "k"), Node("Concat", "k j", "y", ("axis", 2L)),                   // rows, not channels
        ];
        TensorProto[] weights =
        [
            Floats("w0", [16, 3, 1, 1], Random(48, 1)), Floats("w1", [32, 16, 1, 1], Random(512, 2)), Floats("b1", [32], Random(32, 3)), Floats("w3", [20, 16, 3, 3], Random(2880, 4)),
            Floats("w5", [7, 16, 5, 5], Random(2800, 5)), Floats("w9", [16, 1, 3, 3], Random(144, 6)), Floats("w2", [5, 75, 1, 1], Random(375, 7)), Floats("w4", [5, 75, 1, 1], Random(375, 8)),
            Floats("h2", [1, 1, 1, 1], 2),
        ];
        var model = Model(13, nodes).With(weights).Parse();
        var x = Tensor.Normal([2, 3, 18, 17], new Philox(9));
        var recorded = model.ToModule(["e"]).Forward(x);
        Assert.That(recorded.RequiresGrad, Is.True);
        using var noGrad = Autograd.NoGrad();
        var apart = model.ToModule([.. nodes.Select(n => n.Output[0])]).Run(new Dictionary<string, Tensor> { ["x"] = x });
        Assert.That(recorded.ToArray<float>(), Is.EqualTo(apart["e"].ToArray<float>()).Within(1e-3f));
        Assert.That(model.ToModule(["e"]).Plan, Has.Count.EqualTo(2));
        foreach (string value in (string[])["e", "h", "i", "y"])
        {
            var graph = model.ToModule(value == "i" ? ["i"] : [value, "i"]);
            for (int use = 1; use <= 3; use++) // weights are packed anew, then kept
                Assert.That(graph.Run(new Dictionary<string, Tensor> { ["x"] = x })[value].ToArray<float>(), Is.EqualTo(apart[value].ToArray<float>()).Within(1e-3f), $"{value}, use {use}");
        }
    }

    [Test]
    public void AFewStepsLowerTheLoss()
    {
        Generator.Seed(3);
        var graph = Classifier().Parse().ToModule();
        graph.Train();
        float[] brightness = [.. Enumerable.Range(0, 16 * 3).Select(i => i % 3 == i / 3 % 4 ? 2f : 0)]; // class 0 is red, 1 green, 2 blue, 3 dark
        var x = Tensor.Normal([16, 3, 8, 8], new Philox(8)) + Tensor.From(brightness, [16, 3, 1, 1]);
        var target = Tensor.From([.. Enumerable.Range(0, 16).Select(i => (long)(i % 4))], [16]);
        float[] before = graph.StateDict()["conv.weight"].ToArray<float>(), mean = graph.StateDict()["bn.running_mean"].ToArray<float>();
        float first = 0, last = 0;
        for (int step = 0; step < 30; step++)
        {
            using var scope = Scope.Begin();
            var loss = graph.Forward(x).CrossEntropy(target);
            loss.Backward();
            if (step == 0) first = loss.Item();
            last = loss.Item();
            Assert.That(graph.Parameters().All(p => p.Grad is not null), Is.True);
            using var noGrad = Autograd.NoGrad();
            foreach (var p in graph.Parameters()) p.CopyFrom(p - (p.Grad! * 0.5f));
            graph.ZeroGrad();
        }
        Assert.That(last, Is.LessThan(0.5f * first));
        Assert.That(graph.StateDict()["conv.weight"].ToArray<float>(), Is.Not.EqualTo(before));
        Assert.That(graph.StateDict()["bn.running_mean"].ToArray<float>(), Is.Not.EqualTo(mean));
    }

    [Test]
    public void WithoutGradientsTensorsBetweenAreGivenBack()
    {
        NodeProto[] nodes = [.. Enumerable.Range(0, 40).Select(i => Node("Relu", i == 0 ? "x" : $"v{i}", i == 39 ? "y" : $"v{i + 1}"))];
        var graph = Model(13, nodes).Parse().ToModule();
        var x = Tensor.Ones([1, 3, 256, 256]);
        using var scope = Scope.Begin();
        using var noGrad = Autograd.NoGrad();
        long live = Device.Default.Memory.Live;
        var y = graph.Forward(x);
        Assert.That(y.ToArray<float>(), Is.All.EqualTo(1));
        Assert.That(x.IsReleased, Is.False);
        Assert.That(Device.Default.Memory.Live - live, Is.LessThan(3 * x.Count * 4));
    }

    [Test]
    public void HalfPrecisionWeightsBehindACastAreFolded()
    {
        var w = new TensorProto { Name = "conv.weight.f16", DataType = (int)TensorProto.Types.DataType.Float16 };
        w.Dims.Add([1, 3, 1, 1]);
        w.Int32Data.Add(((Half[])[(Half)0.5f, (Half)(-2), (Half)0.25f]).Select(h => (int)BitConverter.HalfToUInt16Bits(h)));
        var graph = Model(13, Node("Cast", "conv.weight.f16", "conv.weight", ("to", 1L)), Node("Conv", "x conv.weight", "y")).With(w).Parse().ToModule();
        Assert.That(graph.StateDict().Keys, Is.EqualTo(new[] { "conv.weight" }));
        Assert.That(graph.StateDict()["conv.weight"].ToArray<float>(), Is.EqualTo(new[] { 0.5f, -2, 0.25f }));
    }

    [Test]
    public void AnyValueCanBeAnOutput()
    {
        var graph = Classifier().Parse().ToModule("r", "p");
        var values = Autograd.NoGrad(() => graph.Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Ones([2, 3, 8, 8]) }));
        Assert.That(values["r"].Shape, Is.EqualTo(new Shape(2, 8, 8, 8)));
        Assert.That(values["p"].Shape, Is.EqualTo(new Shape(2, 8, 1, 1)));
        Assert.That(graph.StateDict().Keys, Does.Not.Contain("fc.weight"));
        Assert.That(() => Classifier().Parse().ToModule("nothing"), Throws.InstanceOf<DataException>().With.Message.Contains("'nothing'"));
    }

    [Test]
    public void RecreatedBatchNormsKeepTheFunction()
    {
        var model = Model(13, Node("Conv", "x conv.weight conv.bias", "c"), Node("Relu", "c", "y"))
            .With(Floats("conv.weight", [4, 3, 3, 3], Tensor.Normal([108], new Philox(2)).ToArray<float>()), Floats("conv.bias", [4], 1, -2, 3, 0)).Parse();
        Assert.That(model.Report().FoldedBatchNorms, Is.EqualTo(1));
        Assert.That(model.Describe(), Does.Contain("RecreateBatchNorms"));
        var images = Tensor.Normal([5, 3, 8, 8], new Philox(3), 1, 2);
        var folded = model.ToModule();
        var graph = model.RecreateBatchNorms([images]);
        Assert.That(graph.StateDict().Keys, Does.Not.Contain("conv.bias"));
        float[] expected = Autograd.NoGrad(() => folded.Forward(images)).ToArray<float>();
        Assert.That(Autograd.NoGrad(() => graph.Forward(images)).ToArray<float>(), Is.EqualTo(expected).Within(1e-4f));
        Assert.That(Autograd.NoGrad(() => graph.Train().Forward(images)).ToArray<float>(), Is.EqualTo(expected).Within(1e-3f));
        Assert.That(() => model.RecreateBatchNorms([]), Throws.InstanceOf<DataException>());
    }
}
