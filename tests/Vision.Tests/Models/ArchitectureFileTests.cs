using System.Runtime.InteropServices;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;
using Architecture = Tessera.Vision.Architecture;

namespace Tessera.Tests;

/// <summary>Bodies from files: PyTorch's, safetensors of torchvision and timm, ONNX graphs that are no ResNets.</summary>
public sealed class ArchitectureFileTests
{
    static string SqueezeNetFile => TestData.Data("onnx/imagenet/squeezenet11_imagenet_op13.onnx");

    /// <summary>At 223 pixels all pools divide evenly, so that it does not matter which way torchvision's and the file's round.</summary>
    [Test, Category("Golden")]
    public void SqueezeNetIsItsGraph()
    {
        using var scope = Scope.Begin();
        using var noGrad = Autograd.NoGrad();
        var model = OnnxModel.Load(SqueezeNetFile);
        var network = new SqueezeNet();
        network.LoadWeights(model.Initializers.ToDictionary(n => n.Replace("conv10.", "classifier.1.", StringComparison.Ordinal), model.Initializer));
        var x = Tensor.Normal([2, 3, 223, 223], new Philox(1, 1), 0, 60);
        var expected = model.ToModule().Forward(x);
        Close(network.Eval().Forward(x), expected);

        var body = Architecture.SqueezeNet(SqueezeNetFile).Create();
        Assert.That(body.Features, Is.EqualTo(512));
        Assert.That(body.Groups.Select(g => g.Count), Is.EqualTo(new[] { 5, 3, 5 }));
        var graph = Architecture.FromOnnx(SqueezeNetFile).Create();
        Assert.That(graph.Features, Is.EqualTo(512));
        Assert.That(graph.Report, Does.EndWith(": a graph of 25 convolutions up to '/features/features.12/Concat_output_0', 512 features, in the layer groups of squeezenet1_1"));
        Assert.That(Sizes(graph), Is.EqualTo(Sizes(body)));
        Close(body.Body.Eval().Forward(x), graph.Body.Eval().Forward(x));

        var early = Architecture.FromOnnx(SqueezeNetFile, "/features/features.8/MaxPool_output_0").Create();
        Assert.That(early.Features, Is.EqualTo(256));
        Assert.That(() => Architecture.FromOnnx(SqueezeNetFile, "nowhere").Create(), Throws.TypeOf<DataException>().With.Message.Contains("'nowhere'"));
        Assert.That(() => Architecture.FromOnnx(SqueezeNetFile, "logits").Create(), Throws.TypeOf<DataException>().With.Message.Contains("no feature maps at 'logits'"));
        Assert.That(() => Architecture.MobileNetV2(SqueezeNetFile).Create(), Throws.TypeOf<DataException>().With.Message.StartsWith("squeezenet11_imagenet_op13.onnx: weights of another network: expected mobilenet_v2").And.Message.Contains("FromOnnx"));
    }

    static IEnumerable<TestCaseData> Learners()
    {
        yield return new TestCaseData("squeezenet1_1", 4).SetArgDisplayNames("squeezenet1_1");
        yield return new TestCaseData("mobilenet_v3_small", 3).SetArgDisplayNames("mobilenet_v3_small");
    }

    /// <summary>A file of PyTorch's with timm's names or torchvision's, into a learner, trained, saved, loaded: the same probabilities.</summary>
    [TestCaseSource(nameof(Learners))]
    public void FromAFileToASavedModel(string name, int groups)
    {
        using var folder = new TemporaryFolder();
        Generator.Seed(3);
        ImageNetwork network = name == "squeezenet1_1" ? new SqueezeNet() : new MobileNetV3(large: false);
        string pth = folder.File("weights.pth");
        File.WriteAllBytes(pth, PyTorchWriter.Archive(Saved(network.TimmStateDict())));

        string photos = Directory.CreateDirectory(folder.File("photos")).FullName;
        foreach (string photo in Directory.GetFiles(TestData.Asset("pets/images")).Order(StringComparer.Ordinal).Where((_, i) => i % 20 == 0)) File.Copy(photo, Path.Combine(photos, Path.GetFileName(photo)));
        var data = ImageDataBunch.FromNameRegex(photos, @"/([^/]+)_\d+.jpg$", size: 40, batchSize: 16).Normalize(ImageNet.Stats);
        var learn = ImageLearner.Create(data, Architecture.Named(name, pth), new ImageLearnerOptions { Hidden = [] }, Metrics.ErrorRate);
        learn.Display = null;
        Assert.That(learn.LayerGroups, Has.Count.EqualTo(groups));
        Assert.That(learn.FrozenTo, Is.EqualTo(groups - 1));
        Assert.That(learn.Report, Does.StartWith($"weights.pth: {name}, "));
        if (network is MobileNetV3) Assert.That(learn.Model.NamedModules().Select(m => m.Module).OfType<BatchNorm2d>().Select(b => b.Eps).Distinct(), Is.EqualTo(new[] { 1e-5 }), "timm's");
        learn.Callbacks.Add(new StopAfterNBatches(2));
        learn.Fit(1);
        learn.Export(folder.File("model.safetensors"));

        var loaded = ImageClassifier.Load(folder.File("model.safetensors"));
        string first = data.ValidSet!.Items[0].Path;
        Assert.That(loaded.Predict(first).Probabilities, Is.EqualTo(learn.ToClassifier().Predict(first).Probabilities));
    }

    [Test]
    public void SafetensorsOfTimmAndTorchvisionGiveOneBody()
    {
        using var folder = new TemporaryFolder();
        using var scope = Scope.Begin();
        Generator.Seed(4);
        var network = new MobileNetV2();
        Safetensors.Write(folder.File("timm.safetensors"), network.TimmStateDict());
        Safetensors.Write(folder.File("torchvision.safetensors"), network.StateDict());
        var x = Tensor.Normal([1, 3, 64, 64], new Philox(1, 1));
        using var noGrad = Autograd.NoGrad();
        float[] expected = network.Features.Eval().Forward(x).ToArray<float>();
        foreach (string file in (string[])["timm", "torchvision"])
        {
            var backbone = Architecture.MobileNetV2(folder.File(file + ".safetensors")).Create();
            Assert.That(backbone.Body.Eval().Forward(x).ToArray<float>(), Is.EqualTo(expected), file);
            Assert.That(backbone.Report, Does.Contain(file + "'s names, 1280 features"));
        }
        Assert.That(() => Architecture.ResNet18(folder.File("timm.safetensors")).Create(), Throws.TypeOf<DataException>().With.Message.Contains("weights of another network: expected resnet18"));
    }

    static IEnumerable<TestCaseData> Exported()
    {
        yield return Case(() => new SqueezeNet(light: false, 10));
        yield return Case(() => new MobileNetV2(10));
        yield return Case(() => new MobileNetV3(large: false, 10));
        yield return Case(() => new EfficientNet(0, 10));
        yield return Case(() => new DenseNet(121, 10));

        static TestCaseData Case<T>(Func<T> make) where T : ImageNetwork => new TestCaseData(make).SetArgDisplayNames(typeof(T).Name);
    }

    /// <summary>Exported with its batch norms, a network comes back as itself by its names, and as a graph that is cut where its features end.</summary>
    [TestCaseSource(nameof(Exported))]
    public void ExportedNetworksComeBack(Func<ImageNetwork> make)
    {
        using var folder = new TemporaryFolder();
        using var scope = Scope.Begin();
        Generator.Seed(8);
        var network = make();
        network.Eval();
        string file = folder.File("exported.onnx");
        network.ExportOnnx(file, [3, 64, 64], new OnnxExportOptions { Verify = false });
        var x = Tensor.Normal([2, 3, 64, 64], new Philox(1, 1));
        using var noGrad = Autograd.NoGrad();
        var (features, logits) = (network.Features.Forward(x), network.Forward(x));

        AgreesWithOnnxRuntime(file, x, logits);

        var named = Architecture.Named(network.Name, file).Create();
        Close(named.Body.Eval().Forward(x), features);
        var graph = Architecture.FromOnnx(file).Create();
        Assert.That(graph.Features, Is.EqualTo(network.Channels), graph.Report);
        Assert.That(Sizes(graph), Is.EqualTo(Sizes(named)));
        Close(graph.Body.Eval().Forward(x), network is DenseNet ? features.Relu() : features);
    }

    /// <summary>The norm behind the pool of a ConvNeXt takes means too, of channels: the graph is not cut there.</summary>
    [Test]
    public void ExportedConvNeXtsAreCutBeforeTheirPool()
    {
        using var folder = new TemporaryFolder();
        using var scope = Scope.Begin();
        Generator.Seed(8);
        var body = new Sequential(new Conv2d(3, 8, 4, 4), new LayerNorm2d(8), new ConvNeXtBlock(8), new ConvNeXtBlock(8));
        foreach (var p in body.Parameters()) Init.Normal(p, 0, 0.5);
        var network = new Sequential(body, new AdaptiveAvgPool2d(1), new LayerNorm2d(8), new Flatten(), new Linear(8, 10));
        network.Eval();
        network.ExportOnnx(folder.File("parts.onnx"), [3, 32, 32], new OnnxExportOptions { Verify = false });
        var x = Tensor.Normal([2, 3, 32, 32], new Philox(1, 1));
        using var noGrad = Autograd.NoGrad();
        AgreesWithOnnxRuntime(folder.File("parts.onnx"), x, network.Forward(x));
        var graph = Architecture.FromOnnx(folder.File("parts.onnx")).Create();
        Assert.That(graph.Features, Is.EqualTo(8), graph.Report);
        Close(graph.Body.Forward(x), body.Forward(x));
    }

    static long[] Sizes(Backbone backbone) => [.. backbone.Groups.Select(g => new LayerGroup("", g).Parameters.Sum(p => p.Count))];

    static void AgreesWithOnnxRuntime(string file, Tensor x, Tensor y)
    {
        using var other = new OnnxRuntimeSession(File.ReadAllBytes(file));
        float[] expected = y.ToArray<float>();
        Assert.That(other.Run(x), Is.EqualTo(expected).Within(1e-4 * expected.Max(Math.Abs)), "ONNX Runtime");
    }

    [Test]
    public void DenseNetsOf2017HaveDots()
    {
        using var unset = Init.Skip();
        using var scope = Scope.Begin();
        var network = new DenseNet(121, 0);
        var old = network.StateDict().Where(t => !t.Key.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            .ToDictionary(t => System.Text.RegularExpressions.Regex.Replace(t.Key, @"(denselayer\d+\.)(norm|conv)(\d)", "$1$2.$3"), t => t.Value);
        Assert.That(old.Keys, Has.Member("features.denseblock1.denselayer1.norm.1.weight"));
        Assert.That(() => new DenseNet(121, 0).LoadWeights(old), Throws.Nothing);
    }

    static Dictionary<string, object?> Saved(IReadOnlyDictionary<string, Tensor> state) =>
        new() { ["state_dict"] = state.Select((t, i) => KeyValuePair.Create(t.Key, (object?)Saved(t.Value, i))).ToDictionary() };

    static SavedTensor Saved(Tensor tensor, int i)
    {
        byte[] bytes = tensor.DType == DType.Int64 ? MemoryMarshal.AsBytes(tensor.ToArray<long>().AsSpan()).ToArray() : MemoryMarshal.AsBytes(tensor.ToArray<float>().AsSpan()).ToArray();
        int[] sizes = [.. tensor.Shape], strides = [.. tensor.Shape];
        for (int k = sizes.Length - 1, n = 1; k >= 0; n *= sizes[k--]) strides[k] = n;
        return new SavedTensor(new SavedStorage($"{i}", tensor.DType == DType.Int64 ? "LongStorage" : "FloatStorage", (int)tensor.Count, bytes), 0, sizes, strides);
    }

    static void Close(Tensor actual, Tensor expected)
    {
        float[] a = actual.ToArray<float>(), e = expected.ToArray<float>();
        Assert.That(actual.Shape, Is.EqualTo(expected.Shape));
        Assert.That(a.Zip(e, (x, y) => Math.Abs(x - y)).Max() / e.Max(Math.Abs), Is.LessThan(1e-5));
    }
}
