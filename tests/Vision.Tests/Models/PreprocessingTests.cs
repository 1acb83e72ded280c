using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Models;

/// <summary>A graph that prepares photos itself is named when it is looked at and when a learner is made of it.</summary>
public sealed class PreprocessingTests
{
    sealed class Prepare(double scale, double mean, double std) : Module
    {
        public override Tensor Forward(Tensor x) => ((x * (float)scale) - (float)mean) / (float)std;
    }

    static Sequential Network(params Module[] first) => new([.. first, new Conv2d(3, 8, 3, 2), new Relu(), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(8, 3)]);

    static OnnxModel Model(Module network) => OnnxModel.Parse(network.ToOnnxBytes([3, 32, 32]), "net.onnx");

    [Test]
    public void ArithmeticBeforeTheFirstConvolutionIsFound()
    {
        Assert.That(Model(Network()).Report().Preprocessing, Is.Empty);
        var report = Model(Network(new Prepare(255, 100, 50))).Report();
        Assert.That(report.Preprocessing, Is.Not.Empty.And.SubsetOf(new[] { "Add", "Sub", "Mul", "Div" }));
        Assert.That(report.ToString(), Does.Contain("  the graph prepares photos itself: " + string.Join(", ", report.Preprocessing)).And.Contain("0 to 255"));
    }

    [Test]
    public void NoKnownNetworkIsTakenForOne()
    {
        string folder = Path.GetDirectoryName(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx"))!;
        string[] files = Directory.GetFiles(folder, "*.onnx");
        Assert.That(files, Has.Length.GreaterThan(10));
        foreach (string file in files) Assert.That(OnnxModel.Load(file).Report().Preprocessing, Is.Empty, file);
    }

    [Test]
    [NonParallelizable]
    public void ALearnerOfItSaysSo()
    {
        using var folder = new TemporaryFolder();
        Network(new Prepare(1, 0.5, 0.25)).ExportOnnx(folder.File("net.onnx"), [3, 32, 32]);
        var data = ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16);
        var console = Console.Out;
        using var lines = new StringWriter();
        try
        {
            Console.SetOut(lines);
            ImageLearner.Create(data, Architecture.FromOnnx(folder.File("net.onnx")));
        }
        finally
        {
            Console.SetOut(console);
        }
        Assert.That(lines.ToString(), Does.Contain("net.onnx: the graph prepares photos itself: ").And.Contain("Hint: leave out Normalize"));
    }
}
