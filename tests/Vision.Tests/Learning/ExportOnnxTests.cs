using Tessera.NN;
using Tessera.Testing;
using Tessera.Tests.Models;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

public sealed class ExportOnnxTests
{
    static readonly string pets = TestData.Asset("pets/images");

    static ImageClassifier Classifier(Architecture architecture)
    {
        var data = ImageDataBunch.FromNameRegex(pets, @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16).Normalize(ImageNet.Stats);
        return ImageLearner.Create(data, architecture, new ImageLearnerOptions { Hidden = [16] }).ToClassifier();
    }

    [Test]
    public void TheFileSaysHowPhotosGoInAndClassesComeOut()
    {
        using var folder = new TemporaryFolder();
        var classifier = Classifier(Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")));
        string path = folder.File("m.onnx");
        classifier.ExportOnnx(path);
        var model = OnnxModel.Load(path);
        Assert.That(model.Metadata, Is.EquivalentTo(new Dictionary<string, string>
        {
            ["classes"] = """["Abyssinian","Bengal","Maine_Coon","american_bulldog","german_shorthaired","havanese","pomeranian"]""",
            ["size"] = "[32,32]",
            ["resize"] = "crop",
            ["color"] = "RGB",
            ["layout"] = "NCHW",
            ["range"] = "[0,1]",
            ["output"] = "logits",
            ["mean"] = "[0.485,0.456,0.406]",
            ["std"] = "[0.229,0.224,0.225]",
        }));
        Assert.That(model.Initializers, Is.SubsetOf(classifier.Model.StateDict().Keys));
        var again = model.ToModule();
        again.LoadStateDict(classifier.Model.StateDict());
        classifier.Model.Eval();
        var x = Tensor.Normal([5, 3, 32, 32], new Philox(3));
        Assert.That(Run(again, x), Is.EqualTo(Run(classifier.Model, x)).Within(1e-4f));
    }

    /// <summary>A graph as the body; scaling, normalisation and softmax inside: bytes in, the classifier's probabilities out.</summary>
    [TestCase(false)]
    [TestCase(true)]
    public void BytesInProbabilitiesOut(bool fold)
    {
        using var folder = new TemporaryFolder();
        var classifier = Classifier(Architecture.FromOnnx(TestData.Data("onnx/cifar/resnet20_bn_op13.onnx")));
        string path = folder.File("m.onnx");
        classifier.ExportOnnx(path, preprocessing: true, probabilities: true, foldBatchNorms: fold);
        var model = OnnxModel.Load(path);
        Assert.That(model.Inputs.Single().ToString(), Is.EqualTo("photo uint8 [batch, 32, 32, 3]"));
        Assert.That(model.Outputs.Single().ToString(), Is.EqualTo("probabilities float [batch, 7]"));
        Assert.That((model.Metadata["layout"], model.Metadata["range"], model.Metadata["output"], model.Metadata.ContainsKey("mean")), Is.EqualTo(("NHWC", "[0,255]", "probabilities", false)));
        var graph = model.ToModule();
        Assert.That(graph.NamedParameters().Select(p => p.Name), Is.SubsetOf(classifier.Model.NamedParameters().Select(p => p.Name).Concat(fold ? graph.NamedParameters().Select(p => p.Name).Where(n => n.EndsWith(".bias", StringComparison.Ordinal)) : [])));
        byte[] pixels = new byte[32 * 32 * 3];
        new Random(5).NextBytes(pixels);
        var image = new Image(32, 32, pixels);
        Assert.That(Run(graph, Tensor.From(pixels, [1, 32, 32, 3])), Is.EqualTo(classifier.Predict(image).Probabilities).Within(1e-4f));
    }

    static IReadOnlyList<string> Names => Architecture.Names;

    /// <summary>Each known network, narrow, with a head, exported, folded and not, is run by ONNX Runtime: the same scores for one photo and for five.</summary>
    [TestCaseSource(nameof(Names))]
    public void EveryNetwork(string name)
    {
        var network = NarrowNetworks.Create(name);
        network.Eval();
        foreach (bool fold in (bool[])[false, true])
        {
            byte[] bytes = network.ToOnnxBytes([3, 32, 32], new OnnxExportOptions { FoldBatchNorms = fold, Verify = !fold });
            using var other = new OnnxRuntimeSession(bytes);
            foreach (int n in (int[])[1, 5])
            {
                using var scope = Scope.Begin();
                var x = Tensor.Normal([n, 3, 32, 32], new Philox(3, (ulong)n));
                float[] expected = Run(network, x);
                Assert.That(other.Run(x), Is.EqualTo(expected).Within(1e-4f * MathF.Max(1, expected.Max(MathF.Abs))), $"batch {n}, folded: {fold}");
            }
        }
    }

    static float[] Run(Module module, Tensor x) => Autograd.NoGrad(() => Scope.Run(() => module.Forward(x)).ToArray<float>());
}
