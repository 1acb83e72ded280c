using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

/// <summary>Nobody takes random weights for pretrained ones. Not beside other tests: the line goes to the console.</summary>
[NonParallelizable]
public sealed class RandomWeightsTests
{
    static readonly ImageDataBunch digits = ImageDataBunch.FromFolder(TestData.Asset("mnist"), size: 32, batchSize: 4);

    static string Said(Architecture architecture)
    {
        var console = Console.Out;
        using StringWriter said = new();
        Console.SetOut(said);
        try
        {
            ImageLearner.Create(digits, architecture);
        }
        finally
        {
            Console.SetOut(console);
        }
        return said.ToString();
    }

    [Test]
    public void ALineSaysThatWeightsAreRandom()
    {
        Assert.That(Said(Architecture.SqueezeNet()), Does.StartWith("squeezenet1_1: random weights, since none were named").And.Contain("Hint: name a file of pretrained ones").And.Contain("--weights"));
        Assert.That(Said(Architecture.FromOnnx(TestData.Asset("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"))), Is.Empty);
    }
}
