using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>From picture files to logits: the trained CIFAR-10 ResNet-20 on 200 lossless test pictures gives the recorded logits.</summary>
[Category("Golden")]
public sealed class CifarTests
{
    [Test]
    public void LogitsOf200Pictures()
    {
        string pictures = TestData.Data("cifar10-lossless");
        string[][] rows = [.. File.ReadLines(TestData.Data("onnx/cifar/expected_200_lossless_test.csv")).Skip(1).Select(line => line.Split(','))];
        var expected = NpyReader.Read(TestData.Data("onnx/cifar/resnet20_logits_on_200_lossless_test.npy"));
        Assert.That(rows, Has.Length.EqualTo(200));
        using var scope = Scope.Begin();
        using var noGrad = Autograd.NoGrad();
        byte[] rgb = [.. rows.SelectMany(r => Image.Load(Find(pictures, r[0])).Pixels.ToArray())];
        var x = Tensor.FromChannelsLast<byte>(rgb, [200, 3, 32, 32]).To(DType.Float32) / 255;
        float[] logits = OnnxModel.Load(TestData.Data("onnx/cifar/resnet20_bn_op13.onnx")).ToModule().Forward(ImageNet.Stats.Normalize(x)).ToArray<float>();
        Agreement.Check(logits, expected);
        Assert.That(Enumerable.Range(0, 200).Select(i => logits.AsSpan(i * 10, 10).ToArray()).Select(l => Array.IndexOf(l, l.Max())),
            Is.EqualTo(rows.Select(r => int.Parse(r[2]))));
    }

    static string Find(string root, string name) => File.Exists(Path.Combine(root, name)) ? Path.Combine(root, name) : Path.Combine(root, "cifar10", name);
}
