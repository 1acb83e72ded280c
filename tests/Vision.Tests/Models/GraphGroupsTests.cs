using Google.Protobuf;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;
using Architecture = Tessera.Vision.Architecture;

namespace Tessera.Tests.Models;

/// <summary>Graphs laid out as known networks, an eighth as wide: their layer groups are those of the network.</summary>
public sealed class GraphGroupsTests
{
    static readonly string[] names =
    [
        "squeezenet1_0", "squeezenet1_1", "vgg11", "vgg13_bn", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "efficientnet_b3", "convnext_tiny",
    ];

    static ImageNetwork Slim(string name) => Architecture.Narrow(8).Single(n => n.Name == name).Make();

    /// <summary>A body of 5 classes, as a file.</summary>
    static byte[] Exported(ImageNetwork network, bool fold = false) =>
        new Sequential(network.Features, new AdaptiveAvgPool2d(1), new Flatten(), new Linear(network.Channels, 5)).ToOnnxBytes([3, 64, 64], new OnnxExportOptions { FoldBatchNorms = fold, Verify = false });

    static long[] Sizes(IEnumerable<IReadOnlyList<Module>> groups) => [.. groups.Select(g => new LayerGroup("", g).Parameters.Sum(p => p.Count))];

    [TestCaseSource(nameof(names))]
    public void AGraphHasTheGroupsOfItsNetwork(string name)
    {
        Generator.Seed(3);
        var network = Slim(name);
        byte[] file = Exported(network);
        long[] expected = Sizes(network.Groups);
        foreach (byte[] bytes in (byte[][])[file, Renamed(file)])
        {
            var backbone = Backbone.Of(OnnxModel.Parse(bytes));
            Assert.That(Sizes(backbone.Groups), Is.EqualTo(expected), backbone.Report);
            Assert.That(backbone.Report, Does.Contain(", in the layer groups of "));
            Assert.That(backbone.Groups.SelectMany(g => new LayerGroup("", g).Parameters), Is.EquivalentTo(backbone.Body.Parameters()));
        }
        var folded = Backbone.Of(OnnxModel.Parse(Exported(network, fold: true)));
        Assert.That(folded.Groups, Has.Count.EqualTo(expected.Length));
    }

    /// <summary>Networks of one layout are cut at one place, so that it does not matter which of them is found.</summary>
    [Test]
    public void ALayoutSaysWhereTheGroupsBegin()
    {
        using var unset = Init.Skip();
        var layouts = Architecture.Narrow(8).Select(n => n.Make()).GroupBy(
            n => string.Join(' ', n.Features.NamedModules().Select(m => m.Module).OfType<Conv2d>().Select(c => (c.Weight.Shape[2], c.Stride, c.Groups > 1))),
            n => string.Join(' ', n.Groups.Select(g => g.SelectMany(m => m.NamedModules()).Count(m => m.Module is Conv2d))), StringComparer.Ordinal).ToArray();
        Assert.That(layouts, Has.Length.InRange(15, 28));
        foreach (var starts in layouts) Assert.That(starts.Distinct(), Has.Exactly(1).Items);
    }

    [Test]
    public void ReadingAGraphDrawsNoRandomNumbers()
    {
        Generator.Seed(3);
        byte[] file = Exported(Slim("mobilenet_v3_small"));
        ulong Drawn()
        {
            Generator.Seed(5);
            _ = Backbone.Of(OnnxModel.Parse(file));
            return Generator.Default.Position;
        }
        ulong first = Drawn(), again = Drawn();
        Assert.That(again, Is.EqualTo(first), "the layouts of the known networks are read once");
    }

    /// <summary>The block of a ConvNeXt as PyTorch writes it: norm and linear layers on permuted pixels, with weights that stand alone.</summary>
    sealed class PermutedBlock : Module
    {
        readonly Module depthwise, norm;
        readonly Tensor[] weights, biases;
        readonly Tensor scale;

        public PermutedBlock(int channels)
        {
            depthwise = Register("0", new Conv2d(channels, channels, 7, padding: 3, groups: channels));
            norm = Register("2", new LayerNorm([channels]));
            weights = [RegisterParameter("w1", Tensor.Ones([channels, 4 * channels])), RegisterParameter("w2", Tensor.Ones([4 * channels, channels]))];
            biases = [RegisterParameter("b1", Tensor.Zeros([4 * channels])), RegisterParameter("b2", Tensor.Zeros([channels]))];
            scale = RegisterParameter("scale", Tensor.Full([channels, 1, 1], 0.1));
        }

        public override Tensor Forward(Tensor x)
        {
            var y = norm.Call(depthwise.Call(x).Permute(0, 2, 3, 1));
            y = (y.MatMul(weights[0]) + biases[0]).Gelu().MatMul(weights[1]) + biases[1];
            return x + (y.Permute(0, 3, 1, 2) * scale);
        }
    }

    [Test]
    public void LinearLayersOnPermutedPixelsCountAsLayers()
    {
        Generator.Seed(3);
        var network = Slim("convnext_tiny");
        Module[] features = [.. network.Features];
        for (int i = 1; i < features.Length; i += 2) features[i] = new Sequential([.. ((Sequential)features[i]).Select(_ => new PermutedBlock(12 << (i / 2)))]);
        var permuted = new Sequential(features);
        byte[] file = new Sequential(permuted, new AdaptiveAvgPool2d(1), new Flatten(), new Linear(network.Channels, 5)).ToOnnxBytes([3, 64, 64], new OnnxExportOptions { Verify = false });
        foreach (byte[] bytes in (byte[][])[file, Renamed(file)])
        {
            var backbone = Backbone.Of(OnnxModel.Parse(bytes));
            Assert.That(Sizes(backbone.Groups), Is.EqualTo(Sizes(network.Groups)), backbone.Report);
        }
    }

    [Test]
    public void AnUnknownLayoutIsOneGroup()
    {
        var body = new Sequential(new Conv2d(3, 4, 3, padding: 1), new BatchNorm2d(4), new Relu(), new Conv2d(4, 4, 3, padding: 1), new Relu());
        var backbone = Backbone.Of(OnnxModel.Parse(new Sequential(body, new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 5)).ToOnnxBytes([3, 32, 32])));
        Assert.That(backbone.Groups, Is.EqualTo(new[] { new[] { backbone.Body } }));
        Assert.That(backbone.Report, Does.EndWith(", 4 features"));
    }

    /// <summary>From a graph and from the same weights by name: the same layers learn, at the same rates, with the same losses.</summary>
    [Test]
    public void FreezingAndRatesByGroupAreThoseOfTheNamedNetwork()
    {
        using var folder = new TemporaryFolder();
        Generator.Seed(3);
        var network = new MobileNetV3(large: false);
        network.Eval();
        network.ExportOnnx(folder.File("m.onnx"), [3, 32, 32], new OnnxExportOptions { Verify = false });
        Safetensors.Write(folder.File("m.safetensors"), network.StateDict());
        var data = ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16).Normalize(ImageNet.Stats);
        ImageLearner graph = Learner(Architecture.FromOnnx(folder.File("m.onnx"))), named = Learner(Architecture.Named("mobilenet_v3_small", folder.File("m.safetensors")));
        Assert.That(graph.LayerGroups.Select(g => g.Name), Is.EqualTo(new[] { "body 0", "body 1", "head" }));
        ((Sequential)graph.Model)[1].LoadStateDict(((Sequential)named.Model)[1].StateDict());
        foreach (int first in (int[])[2, 1, 0])
        {
            Assert.That(Trained(graph.FreezeTo(first)), Is.EqualTo(Trained(named.FreezeTo(first))));
            foreach (var learn in (ImageLearner[])[graph, named])
            {
                Generator.Seed(4);
                learn.Fit(1, new LearningRate(1e-4, 1e-3));
            }
            Assert.That(graph.Recorder.Losses, Is.EqualTo(named.Recorder.Losses).Within(1e-3));
            Assert.That(graph.Optimizer!.Groups.Select(g => g.Lr), Is.EqualTo(named.Optimizer!.Groups.Select(g => g.Lr)));
        }

        graph.FreezeTo(1);
        graph.Export(folder.File("learner.safetensors"));
        Assert.That(ImageLearner.LoadLearner(folder.File("learner.safetensors")).FrozenTo, Is.EqualTo(1));

        ImageLearner Learner(Architecture architecture)
        {
            var learn = ImageLearner.Create(data, architecture, new ImageLearnerOptions { Hidden = [] });
            learn.Display = null;
            learn.Callbacks.Add(new StopAfterNBatches(3));
            return learn;
        }

        static long[] Trained(Learner learn) => [.. learn.LayerGroups.Select(g => g.Parameters.Where(p => p.RequiresGrad).Sum(p => p.Count))];
    }

    /// <summary>The same graph with names that say nothing, as many exporters write them.</summary>
    static byte[] Renamed(byte[] file)
    {
        var model = ModelProto.Parser.ParseFrom(file);
        var names = model.Graph.Initializer.Select((t, i) => KeyValuePair.Create(t.Name, $"onnx::{i}")).ToDictionary(StringComparer.Ordinal);
        foreach (var t in model.Graph.Initializer) t.Name = names[t.Name];
        foreach (var node in model.Graph.Node)
            for (int i = 0; i < node.Input.Count; i++)
                if (names.TryGetValue(node.Input[i], out string? name)) node.Input[i] = name;
        return model.ToByteArray();
    }
}
