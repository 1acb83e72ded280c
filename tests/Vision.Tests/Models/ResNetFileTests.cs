using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Recorded networks that are ResNets become ours, whatever their values are called, and give their recorded outputs.</summary>
[Category("Golden")]
public sealed class ResNetFileTests
{
    [TestCaseSource(typeof(OnnxFile), nameof(OnnxFile.All))]
    public void Outputs(OnnxFile file)
    {
        using var scope = Scope.Begin();
        bool matches = ResNet.TryMatch(OnnxModel.Load(file.Path), out var network, out string report);
        Assert.That(matches, Is.EqualTo(!file.Name.Contains("cifar") && !file.Name.Contains("squeezenet")), report);
        if (network is null) return;
        Assert.That(report, Does.Contain(file.Name.Contains("resnet18") ? "ResNet-18" : file.Name.Contains("resnet34") ? "ResNet-34" : "ResNet-50"));
        foreach (var (shape, x, y) in file.Pairs())
            Agreement.Check(Autograd.NoGrad(() => network.Forward(Tensor.From(x, shape))).ToArray<float>(), y);
    }

    [TestCaseSource(typeof(OnnxFile), nameof(OnnxFile.All))]
    public void StageFeatures(OnnxFile file)
    {
        var io = file.Io();
        if (!io.ContainsKey("feat64_layer1")) Assert.Ignore("no features recorded for this file");
        using var scope = Scope.Begin();
        Assert.That(ResNet.TryMatch(OnnxModel.Load(file.Path), out var network, out string report), Is.True, report);
        var body = network!.Body();
        using var noGrad = Autograd.NoGrad();
        var x = Tensor.From(io["input64"].Floats(), io["input64"].Shape);
        for (int i = 0; i < body.Count; i++)
        {
            x = body[i].Forward(x);
            if (i == 3) Agreement.Check(x.ToArray<float>(), io["feat64_maxpool"]);
            if (i > 3) Agreement.Check(x.ToArray<float>(), io[$"feat64_layer{i - 3}"]);
        }
    }

    [Test]
    public void TrunkIsFoundInAllItsPeculiarities()
    {
        using var scope = Scope.Begin();
        var model = OnnxModel.Load(TestData.Asset("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"));
        Assert.That(ResNet.TryMatch(model, out var network, out string report), Is.True, report);
        Assert.That(network!.Options, Is.EqualTo(ResNetOptions.ResNet50 with { Blocks = network.Options.Blocks, StrideInFirst = true, ConvBias = true, Eps = 1.001e-5f, Classes = 0 }));
        Assert.That(network.Options.Blocks, Is.EqualTo(new[] { 3, 4, 6 }));
        Assert.That(network.Options.Features, Is.EqualTo(1024));
        Assert.That(report, Does.Contain("ResNet-50, stem and 3 of 4 stages, stride in the first 1x1 (v1), convolutions with bias, batch norm eps 1.001e-5, no classifier: 1024 pooled features"));
        Assert.That(network.IsTraining, Is.False);
    }

    [Test]
    public void OtherNetworksAreRefusedWithTheFirstDifference()
    {
        var model = OnnxModel.Load(TestData.Data("onnx/cifar/resnet20_bn_op13.onnx"));
        Assert.That(ResNet.TryMatch(model, out _, out string report), Is.False);
        Assert.That(report, Is.EqualTo("resnet20_bn_op13.onnx: not a ResNet: stem: got a 3x3 convolution of stride 1, expected 7x7 of stride 2 with padding 3."));
    }

    [TestCase("torchvision-slim/resnet18_w8_folded_op13.onnx")]
    [TestCase("torchvision-slim/resnet50_w8_folded_op13.onnx")]
    public void RecreatedBatchNormsKeepTheFunctionAndFitTheImages(string name)
    {
        using var scope = Scope.Begin();
        Assert.That(ResNet.TryMatch(OnnxModel.Load(TestData.Data("onnx/" + name)), out var folded, out string report), Is.True, report);
        Assert.That(folded!.Options.BatchNorm, Is.False);
        Tensor[] images = [.. Enumerable.Range(0, 3).Select(i => Tensor.Normal([4, 3, 64, 64], new Philox(7, (ulong)i)))];
        var network = folded.RecreateBatchNorms(images);
        Assert.That(network.Options, Is.EqualTo(folded.Options with { BatchNorm = true, ConvBias = false }));

        using var noGrad = Autograd.NoGrad();
        var expected = new TestArray("F32", [4, 1000], System.Runtime.InteropServices.MemoryMarshal.AsBytes(folded.Forward(images[0]).ToArray<float>().AsSpan()).ToArray());
        Agreement.Check(network.Forward(images[0]).ToArray<float>(), expected);

        // In training mode, over all images at once, the batch statistics are the running ones: the function is the same again.
        var all = Tensor.Cat(images, 0);
        float[] evaluated = network.Forward(all).ToArray<float>(), trained = network.Train().Forward(all).ToArray<float>();
        Assert.That(trained.Zip(evaluated, (a, b) => Math.Abs(a - b)).Max() / evaluated.Max(Math.Abs), Is.LessThan(1e-3));
    }
}
