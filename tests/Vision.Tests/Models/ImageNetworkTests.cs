using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests;

public sealed class ImageNetworkTests
{
    const long VggClassifier = (25_088L * 4096) + 4096 + (4096L * 4096) + 4096 + (4096 * 1000) + 1000;

    /// <summary>Parameters of torchvision's networks with 1000 classes; what a classifier of so many has; channels; layer groups of the body.</summary>
    static IEnumerable<TestCaseData> Known()
    {
        yield return Case("squeezenet1_0", 1_248_424, 513_000, 512, 5, 3, 5);
        yield return Case("squeezenet1_1", 1_235_496, 513_000, 512, 5, 3, 5);
        yield return Case("vgg11", 132_863_336, VggClassifier, 512, 11, 10);
        yield return Case("vgg11_bn", 132_868_840, VggClassifier, 512, 15, 14);
        yield return Case("vgg13", 133_047_848, VggClassifier, 512, 15, 10);
        yield return Case("vgg13_bn", 133_053_736, VggClassifier, 512, 21, 14);
        yield return Case("vgg16", 138_357_544, VggClassifier, 512, 17, 14);
        yield return Case("vgg16_bn", 138_365_992, VggClassifier, 512, 24, 20);
        yield return Case("vgg19", 143_667_240, VggClassifier, 512, 19, 18);
        yield return Case("vgg19_bn", 143_678_248, VggClassifier, 512, 27, 26);
        yield return Case("densenet121", 7_978_856, 1_025_000, 1024, 7, 5);
        yield return Case("densenet161", 28_681_000, 2_209_000, 2208, 7, 5);
        yield return Case("densenet169", 14_149_480, 1_665_000, 1664, 7, 5);
        yield return Case("densenet201", 20_013_928, 1_921_000, 1920, 7, 5);
        yield return Case("mobilenet_v2", 3_504_872, 1_281_000, 1280, 10, 9);
        yield return Case("mobilenet_v3_small", 2_542_856, 590_848 + 1_025_000, 576, 4, 9);
        yield return Case("mobilenet_v3_large", 5_483_032, 1_230_080 + 1_281_000, 960, 7, 10);
        yield return Case("efficientnet_b0", 5_288_548, 1_281_000, 1280, 4, 5);
        yield return Case("efficientnet_b1", 7_794_184, 1_281_000, 1280, 4, 5);
        yield return Case("efficientnet_b2", 9_109_994, 1_409_000, 1408, 4, 5);
        yield return Case("efficientnet_b3", 12_233_232, 1_537_000, 1536, 4, 5);
        yield return Case("efficientnet_b4", 19_341_616, 1_793_000, 1792, 4, 5);
        yield return Case("efficientnet_b5", 30_389_784, 2_049_000, 2048, 4, 5);
        yield return Case("efficientnet_b6", 43_040_704, 2_305_000, 2304, 4, 5);
        yield return Case("efficientnet_b7", 66_347_960, 2_561_000, 2560, 4, 5);
        yield return Case("convnext_tiny", 28_589_128, 770_536, 768, 4, 4);
        yield return Case("convnext_small", 50_223_688, 770_536, 768, 4, 4);
        yield return Case("convnext_base", 88_591_464, 1_027_048, 1024, 4, 4);
        yield return Case("convnext_large", 197_767_336, 1_540_072, 1536, 4, 4);

        static TestCaseData Case(string name, long parameters, long classifier, int features, params int[] groups)
            => new TestCaseData(name, parameters - classifier, features, groups).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Known))]
    public void CountsAreTorchvisions(string name, long parameters, int features, int[] groups)
    {
        using var unset = Init.Skip();
        var backbone = Architecture.Named(name).Create();
        Assert.That(backbone.Body.Parameters().Sum(p => p.Count), Is.EqualTo(parameters));
        Assert.That(backbone.Features, Is.EqualTo(features));
        Assert.That(backbone.Groups.Select(g => g.Count), Is.EqualTo(groups));
        Assert.That(backbone.Groups.SelectMany(g => g).SelectMany(m => m.Parameters()), Is.EqualTo(backbone.Body.Parameters()));
        Release(backbone.Body);
    }

    /// <summary>Some names and shapes of each family, as torchvision and as timm has them; timm has no SqueezeNet.</summary>
    static IEnumerable<TestCaseData> Names()
    {
        yield return Case<SqueezeNet>(52, "features.0.weight [64, 3, 3, 3]", "features.3.squeeze.weight [16, 64, 1, 1]", "features.12.expand3x3.bias [256]", "classifier.1.weight [10, 512, 1, 1]");
        yield return Case<DenseNet>(727, "features.conv0.weight [64, 3, 7, 7]", "features.denseblock4.denselayer16.norm1.running_var [992]",
            "features.transition3.conv.weight [512, 1024, 1, 1]", "features.norm5.bias [1024]", "classifier.weight [10, 1024]");
        yield return Case<MobileNetV2>(314,
            "features.0.0.weight [32, 3, 3, 3] = conv_stem.weight", "features.0.1.running_mean [32] = bn1.running_mean",
            "features.1.conv.0.0.weight [32, 1, 3, 3] = blocks.0.0.conv_dw.weight", "features.1.conv.1.weight [16, 32, 1, 1] = blocks.0.0.conv_pw.weight", "features.1.conv.2.weight [16] = blocks.0.0.bn2.weight",
            "features.2.conv.0.0.weight [96, 16, 1, 1] = blocks.1.0.conv_pw.weight", "features.3.conv.1.1.bias [144] = blocks.1.1.bn2.bias", "features.17.conv.2.weight [320, 960, 1, 1] = blocks.6.0.conv_pwl.weight",
            "features.17.conv.3.weight [320] = blocks.6.0.bn3.weight", "features.18.0.weight [1280, 320, 1, 1] = conv_head.weight", "features.18.1.weight [1280] = bn2.weight", "classifier.1.weight [10, 1280] = classifier.weight");
        yield return Case<MobileNetV3>(312,
            "features.1.block.0.0.weight [16, 1, 3, 3] = blocks.0.0.conv_dw.weight", "features.4.block.2.fc1.weight [24, 72, 1, 1] = blocks.2.0.se.conv_reduce.weight",
            "features.4.block.3.0.weight [40, 72, 1, 1] = blocks.2.0.conv_pwl.weight", "features.15.block.2.fc2.bias [960] = blocks.5.2.se.conv_expand.bias",
            "features.16.0.weight [960, 160, 1, 1] = blocks.6.0.conv.weight", "features.16.1.weight [960] = blocks.6.0.bn1.weight", "classifier.0.weight [1280, 960] = conv_head.weight [1280, 960, 1, 1]", "classifier.3.bias [10] = classifier.bias");
        yield return Case<MobileNetV3>(244,
            "features.1.block.1.fc1.weight [8, 16, 1, 1] = blocks.0.0.se.conv_reduce.weight", "features.1.block.2.0.weight [16, 16, 1, 1] = blocks.0.0.conv_pw.weight",
            "features.11.block.0.0.weight [576, 96, 1, 1] = blocks.4.2.conv_pw.weight", "features.12.0.weight [576, 96, 1, 1] = blocks.5.0.conv.weight", "classifier.0.weight [1024, 576] = conv_head.weight [1024, 576, 1, 1]");
        yield return Case<EfficientNet>(360,
            "features.1.0.block.0.0.weight [32, 1, 3, 3] = blocks.0.0.conv_dw.weight", "features.1.0.block.1.fc1.weight [8, 32, 1, 1] = blocks.0.0.se.conv_reduce.weight",
            "features.2.0.block.0.0.weight [96, 16, 1, 1] = blocks.1.0.conv_pw.weight", "features.2.0.block.1.0.weight [96, 1, 3, 3] = blocks.1.0.conv_dw.weight",
            "features.2.0.block.2.fc2.weight [96, 4, 1, 1] = blocks.1.0.se.conv_expand.weight", "features.2.0.block.3.1.running_var [24] = blocks.1.0.bn3.running_var",
            "features.6.3.block.1.0.weight [1152, 1, 5, 5] = blocks.5.3.conv_dw.weight", "features.8.0.weight [1280, 320, 1, 1] = conv_head.weight", "classifier.1.weight [10, 1280] = classifier.weight");
        yield return Case<ConvNeXt>(182,
            "features.0.0.weight [96, 3, 4, 4] = stem.0.weight", "features.0.1.bias [96] = stem.1.bias", "features.1.0.layer_scale [96, 1, 1] = stages.0.blocks.0.gamma [96]",
            "features.1.0.block.0.weight [96, 1, 7, 7] = stages.0.blocks.0.conv_dw.weight", "features.1.0.block.2.weight [96] = stages.0.blocks.0.norm.weight",
            "features.1.0.block.3.weight [384, 96] = stages.0.blocks.0.mlp.fc1.weight", "features.1.0.block.5.bias [96] = stages.0.blocks.0.mlp.fc2.bias",
            "features.2.0.weight [96] = stages.1.downsample.0.weight", "features.6.1.weight [768, 384, 2, 2] = stages.3.downsample.1.weight", "features.5.8.block.5.weight [384, 1536] = stages.2.blocks.8.mlp.fc2.weight",
            "classifier.0.weight [768] = head.norm.weight", "classifier.2.weight [10, 768] = head.fc.weight");

        static TestCaseData Case<T>(int count, params string[] names) where T : ImageNetwork => new TestCaseData(typeof(T), count, names).SetArgDisplayNames($"{typeof(T).Name} {count}");
    }

    [TestCaseSource(nameof(Names))]
    public void NamesAndShapesAreTorchvisionsAndTimms(Type type, int count, string[] names)
    {
        using var unset = Init.Skip();
        var network = Make(type, count);
        var state = network.StateDict();
        var timm = network.TimmStateDict();
        Assert.That(state, Has.Count.EqualTo(count));
        Assert.That(timm, Has.Count.EqualTo(count));
        foreach (string name in names)
        {
            string[] sides = name.Split(" = ");
            string[] own = sides[0].Split(' ', 2);
            Assert.That(state.TryGetValue(own[0], out var tensor), own[0]);
            Assert.That(tensor!.Shape.ToString(), Is.EqualTo(own[1]), own[0]);
            string[] other = sides.Length == 1 ? own : sides[1].Contains(' ') ? sides[1].Split(' ', 2) : [sides[1], own[1]];
            Assert.That(timm.TryGetValue(other[0], out var same), other[0]);
            Assert.That(same!.Shape.ToString(), Is.EqualTo(other[1]), other[0]);
        }
        Release(network);
    }

    [TestCase("mobilenet_v3_small")]
    [TestCase("convnext_tiny")]
    [TestCase("vgg11")]
    public void TimmsNamesComeBack(string name)
    {
        using var unset = Init.Skip();
        ImageNetwork network = name switch { "vgg11" => new Vgg(11, false, 0), "convnext_tiny" => new ConvNeXt("tiny", 10), _ => new MobileNetV3(false, 10) };
        ImageNetwork other = name switch { "vgg11" => new Vgg(11, false, 0), "convnext_tiny" => new ConvNeXt("tiny", 10), _ => new MobileNetV3(false, 10) };
        foreach (var (i, tensor) in network.StateDict().Values.Index()) tensor.CopyFrom(Tensor.Full(tensor.Shape, i % 100, tensor.DType));
        other.LoadWeights(network.TimmStateDict());
        foreach (var (key, tensor) in network.StateDict())
            if (!key.EndsWith("num_batches_tracked", StringComparison.Ordinal)) Assert.That(other.StateDict()[key].Flatten(0).Narrow(0, 0, 1).ToArray<float>(), Is.EqualTo(tensor.Flatten(0).Narrow(0, 0, 1).ToArray<float>()), key);
        Release(network);
        Release(other);
    }

    [Test]
    public void WeightsOfAnotherSizeAreRefused()
    {
        using var unset = Init.Skip();
        var (b0, b1) = (new EfficientNet(0, 0), new EfficientNet(1, 0));
        Assert.That(() => b0.LoadWeights(b1.TimmStateDict()), Throws.TypeOf<TesseraException>().With.Message.Contains("Unexpected: features.1.1.").Or.Message.Contains("blocks.0.1."));
        Assert.That(() => b1.LoadWeights(b0.StateDict()), Throws.TypeOf<TesseraException>().With.Message.Contains("Missing: features.1.1."));
    }

    [Test]
    public void SizesThatDoNotExistAreRefused()
    {
        Assert.That(() => new Vgg(12), Throws.TypeOf<ShapeException>().With.Message.Contains("11, 13, 16 or 19"));
        Assert.That(() => new DenseNet(120), Throws.TypeOf<ShapeException>().With.Message.Contains("121, 161, 169 or 201"));
        Assert.That(() => new EfficientNet(8), Throws.TypeOf<ShapeException>().With.Message.Contains("0..7"));
        Assert.That(() => new ConvNeXt("huge"), Throws.TypeOf<ShapeException>().With.Message.Contains("tiny, small, base, large"));
        Assert.That(() => Architecture.Named("alexnet"), Throws.TypeOf<TesseraException>().With.Message.Contains("got 'alexnet', expected one of resnet18"));
        Assert.That(() => Architecture.SqueezeNet(version: "2.0"), Throws.TypeOf<TesseraException>().With.Message.Contains("squeezenet2_0"));
    }

    [TestCase(typeof(SqueezeNet), 52)]
    [TestCase(typeof(DenseNet), 727)]
    [TestCase(typeof(MobileNetV2), 314)]
    [TestCase(typeof(MobileNetV3), 244)]
    [TestCase(typeof(EfficientNet), 360)]
    [TestCase(typeof(ConvNeXt), 182)]
    [TestCase(typeof(Vgg), 0)]
    public void AStepDownTheGradientLowersTheLoss(Type type, int count)
    {
        Generator.Seed(5);
        ImageNetwork network = type == typeof(Vgg) ? new Vgg(11, true, 0) : Make(type, count);
        var x = Tensor.Normal([2, 3, 64, 64], new Philox(3, 1));
        var y = Tensor.From([1L, 3L], [2]);
        double before = Loss(backward: true);
        Assert.That(double.IsFinite(before));
        var parameters = network.Parameters().ToList();
        double square = parameters.Sum(p => (double)p.Grad!.Square().Sum().Item());
        Assert.That(square, Is.GreaterThan(0));
        foreach (var p in parameters) Step(p, p.Grad! * (float)(0.02 * before / square));
        Assert.That(Loss(backward: false), Is.LessThan(before));
        network.Eval();
        Assert.That(Autograd.NoGrad(() => network.Forward(x)).ToArray<float>(), Has.All.Matches<float>(float.IsFinite));
        Release(network);

        static void Step(Tensor p, Tensor step)
        {
            using var noGrad = Autograd.NoGrad();
            p.CopyFrom(p - step);
        }

        // The same dropout both times.
        double Loss(bool backward)
        {
            Generator.Seed(6);
            using var scope = Scope.Begin();
            var loss = network.Forward(x).CrossEntropy(y);
            if (backward) loss.Backward();
            return loss.Item();
        }
    }

    static ImageNetwork Make(Type type, int count) => type.Name switch
    {
        nameof(SqueezeNet) => new SqueezeNet(true, 10),
        nameof(DenseNet) => new DenseNet(121, 10),
        nameof(MobileNetV2) => new MobileNetV2(10),
        nameof(MobileNetV3) => new MobileNetV3(count == 312, 10),
        nameof(EfficientNet) => new EfficientNet(0, 10),
        _ => new ConvNeXt("tiny", 10),
    };

    static IEnumerable<TestCaseData> Blocks()
    {
        yield return Case("Fire", () => new Fire(4, 2, 3));
        yield return Case("DenseBlock", () => new DenseBlock(4, 2, 2));
        yield return Case("InvertedResidual", () => new InvertedResidual("block", InvertedResidual.Path(4, 8, 4, 3, 1, () => new HardSwish(), new SqueezeExcitation(8, 2, gate: new HardSigmoid()), 1e-3, 0.01), residual: true));
        yield return Case("MBConv", () => new InvertedResidual("block", InvertedResidual.Path(4, 8, 6, 5, 2, () => new Silu(), new SqueezeExcitation(8, 2, new Silu()), 1e-5, 0.1), residual: false));
        yield return Case("ConvNeXtBlock", () => new ConvNeXtBlock(4));
        yield return Case("LayerNorm2d", () => new LayerNorm2d(4));

        static TestCaseData Case(string name, Func<Module> make) => new TestCaseData(make).SetArgDisplayNames(name);
    }

    /// <summary>Along a random direction of input and parameters, the slope of Σ r·f(x) is ⟨gradient, direction⟩.</summary>
    [TestCaseSource(nameof(Blocks))]
    public void GradientsAreCentralDifferences(Func<Module> make)
    {
        using var scope = Scope.Begin();
        Generator.Seed(11);
        var block = make();
        foreach (var p in block.Parameters()) p.CopyFrom(Tensor.Normal(p.Shape, Generator.Default.Next(), 0, 0.5f));
        var x = Tensor.Normal([2, 4, 6, 6], new Philox(1, 2));
        x.RequiresGrad = true;
        var r = Tensor.Normal(Autograd.NoGrad(() => block.Forward(x)).Shape, new Philox(1, 3));
        (block.Forward(x) * r).Sum().Backward();
        Tensor[] leaves = [x, .. block.Parameters()];
        Tensor[] direction = [.. leaves.Select((p, i) => Tensor.Normal(p.Shape, new Philox(2, (ulong)i)))];
        double slope = leaves.Zip(direction, (p, d) => (double)(p.Grad! * d).Sum().Item()).Sum(), norm = leaves.Sum(p => (double)p.Grad!.Square().Sum().Item());
        const float h = 1e-4f; // few ReLUs change sides
        double measured = (At(h) - At(-h)) / (2 * h);
        Assert.That(measured, Is.EqualTo(slope).Within(0.01 * Math.Sqrt(norm)));

        double At(float step)
        {
            using var noGrad = Autograd.NoGrad();
            Tensor[] before = [.. leaves.Select(p => p.Detach().Clone())];
            foreach (var (p, d) in leaves.Zip(direction)) p.CopyFrom(p + (d * step));
            float[] terms = (block.Forward(x) * r).ToArray<float>();
            foreach (var (p, b) in leaves.Zip(before)) p.CopyFrom(b);
            return terms.Sum(t => (double)t);
        }
    }

    static void Release(Module network)
    {
        foreach (var tensor in network.StateDict().Values) tensor.Dispose();
    }
}
