using System.Text.Json;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

public sealed class ResNetTests
{
    static IEnumerable<TestCaseData> Known()
    {
        yield return new TestCaseData("resnet18", ResNetOptions.ResNet18, 11_176_512L);
        yield return new TestCaseData("resnet34", ResNetOptions.ResNet34, 21_284_672L);
        yield return new TestCaseData("resnet50", ResNetOptions.ResNet50, 23_508_032L);
        yield return new TestCaseData("resnet101", ResNetOptions.ResNet101, 42_500_160L);
        yield return new TestCaseData("resnet152", ResNetOptions.ResNet152, 58_143_808L);
    }

    [TestCaseSource(nameof(Known))]
    public void CountsAreExact(string name, ResNetOptions options, long body)
    {
        using var scope = Scope.Begin();
        var network = new ResNet(options);
        Assert.That(network.Body().Parameters().Sum(p => p.Count), Is.EqualTo(body), name);
        Assert.That(network.Parameters().Sum(p => p.Count), Is.EqualTo(body + (1000L * options.Features) + 1000));
        Release(network);
    }

    [TestCaseSource(nameof(Known)), Category("Golden")]
    public void NamesAndShapesAreTorchvisions(string name, ResNetOptions options, long body)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(TestData.Data("onnx/torchvision-slim/torchvision_full_state_dict_shapes.json")));
        if (!json.RootElement.TryGetProperty(name, out var recorded)) Assert.Ignore($"{name} is not recorded");
        var network = new ResNet(options);
        string[] own = [.. network.StateDict().Select(t => $"{t.Key} {t.Value.Shape}")];
        Assert.That(own, Is.EquivalentTo(recorded.EnumerateObject().Select(t => $"{t.Name} [{string.Join(", ", t.Value.EnumerateArray())}]")));
        Release(network);
    }

    [Test]
    public void BodyHasEightChildrenAndSharesParameters()
    {
        using var scope = Scope.Begin();
        var network = new ResNet(new ResNetOptions([1, 1, 1, 1], Width: 8));
        var body = network.Body();
        Assert.That(body.Select(m => m.GetType()), Is.EqualTo(new[]
        {
            typeof(Conv2d), typeof(BatchNorm2d), typeof(Relu), typeof(MaxPool2d), typeof(Sequential), typeof(Sequential), typeof(Sequential), typeof(Sequential),
        }));
        Assert.That(body.Parameters(), Is.SubsetOf(network.Parameters()));
        Assert.That(body.Forward(Tensor.Zeros([2, 3, 64, 96])).Shape, Is.EqualTo(new Shape(2, 64, 2, 3)));
        Assert.That(network.Forward(Tensor.Zeros([2, 3, 64, 96])).Shape, Is.EqualTo(new Shape(2, 1000)));
        Release(network);
    }

    [TestCase(true)]
    [TestCase(false)]
    public void StridesStandWhereTheFormSays(bool first)
    {
        var network = new ResNet(new ResNetOptions([1, 1], Bottleneck: true, Width: 8, StrideInFirst: first, Classes: 0));
        var convolutions = network.Stages[1].NamedModules().Where(m => m.Module is Conv2d).ToDictionary(m => m.Name, m => ((Conv2d)m.Module).Stride);
        Assert.That(convolutions["0.conv1"], Is.EqualTo((Pair)(first ? 2 : 1)));
        Assert.That(convolutions["0.conv2"], Is.EqualTo((Pair)(first ? 1 : 2)));
        Assert.That(convolutions["0.conv3"], Is.EqualTo((Pair)1));
        Assert.That(convolutions["0.downsample.0"], Is.EqualTo((Pair)2));
        Release(network);
    }

    [Test]
    public void SenselessFormsAreRefused()
    {
        Assert.That(() => new ResNet(new ResNetOptions([])), Throws.InstanceOf<ShapeException>());
        Assert.That(() => new ResNet(new ResNetOptions([2, 0])), Throws.InstanceOf<ShapeException>());
        Assert.That(() => new ResNet(new ResNetOptions([2, 2], BatchNorm: false)), Throws.InstanceOf<ShapeException>().With.Message.Contains("bias"));
    }

    internal static void Release(Module network)
    {
        foreach (var tensor in network.StateDict().Values) tensor.Dispose();
    }
}
