using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

public sealed class ArchitectureTests
{
    static readonly string trunk = TestData.Asset("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx");

    [Test]
    public void TrunkIsABackboneOfResNet50()
    {
        using var scope = Scope.Begin();
        var backbone = Architecture.ResNet50(trunk).Create();
        Assert.That(backbone.Features, Is.EqualTo(1024));
        Assert.That(backbone.Groups.Select(g => g.Count), Is.EqualTo(new[] { 6, 1 }));
        Assert.That(backbone.HasFoldedBatchNorms, Is.False);
        Assert.That(Autograd.NoGrad(() => backbone.Body.Eval().Forward(Tensor.Zeros([1, 3, 64, 64]))).Shape, Is.EqualTo(new Shape(1, 1024, 4, 4)));
    }

    [Test]
    public void WeightsOfAnotherNetworkAreRefused()
        => Assert.That(() => Architecture.ResNet34(trunk).Create(), Throws.InstanceOf<DataException>().With.Message.StartsWith(Path.GetFileName(trunk) + ": weights of another network"));

    [Test]
    public void MissingWeightsAreNamed()
        => Assert.That(() => Architecture.ResNet34("no-such-file.onnx").Create(), Throws.InstanceOf<DataException>().With.Message.StartsWith("no-such-file.onnx: "));

    [Test]
    public void AnyConvolutionalNetworkIsABackbone()
    {
        using var scope = Scope.Begin();
        var backbone = Architecture.FromOnnx(TestData.Data("onnx/cifar/resnet20_bn_op13.onnx")).Create();
        Assert.That(backbone.Features, Is.EqualTo(64));
        Assert.That(backbone.Groups, Has.Count.EqualTo(1));
        Assert.That(Autograd.NoGrad(() => backbone.Body.Forward(Tensor.Zeros([2, 3, 32, 32]))).Shape, Is.EqualTo(new Shape(2, 64, 8, 8)));
    }

    [Test]
    public void FoldedBackboneGetsItsBatchNormsBack()
    {
        using var scope = Scope.Begin();
        var folded = Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_folded_op13.onnx")).Create();
        Assert.That(folded.HasFoldedBatchNorms, Is.True);
        var images = Tensor.Normal([8, 3, 64, 64], new Philox(1, 1));
        var backbone = folded.RecreateBatchNorms([images]);
        Assert.That(backbone.HasFoldedBatchNorms, Is.False);
        Assert.That(backbone.Body.NamedModules().Count(m => m.Module is BatchNorm2d), Is.EqualTo(20));
        Assert.That(() => folded.RecreateBatchNorms([]), Throws.InstanceOf<DataException>().With.Message.Contains("no images"));
    }

    [Test]
    public void SafetensorsWithTorchvisionNamesLoad()
    {
        string path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "resnet18.safetensors");
        var network = new ResNet(ResNetOptions.ResNet18);
        Safetensors.Write(path, network.StateDict());
        var backbone = Architecture.ResNet18(path).Create();
        Assert.That(backbone.Features, Is.EqualTo(512));
        Assert.That(((Conv2d)((Sequential)backbone.Body)[0]).Weight.ToArray<float>(), Is.EqualTo(((Conv2d)network.Body()[0]).Weight.ToArray<float>()));
        Assert.That(() => Architecture.ResNet34(path).Create(), Throws.InstanceOf<DataException>().With.Message.StartsWith("resnet18.safetensors: "));
        File.Delete(path);
    }
}
