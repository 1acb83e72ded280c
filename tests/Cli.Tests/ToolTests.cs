using Tessera.Cli;
using Tessera.Testing;

namespace Tessera.Tests;

public sealed class ToolTests
{
    static readonly string pets = TestData.Asset("pets/images");
    static readonly string trunk = TestData.Asset("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx");

    static (int Code, string Output, string Error) Run(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = Tool.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    [Test]
    public void DoctorListsDevicesWithReasons()
    {
        var (code, output, error) = Run("doctor");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("device cpu").And.Contain("ready").And.Contain("device cuda:0").And.Contain("compute threads"));
    }

    [TestCase]
    [TestCase("train")]
    [TestCase("predict")]
    [TestCase("inspect")]
    [TestCase("doctor")]
    public void HelpHasDescriptionAndExample(params string[] command)
    {
        var (code, output, error) = Run([.. command, "--help"]);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("Usage"));
        if (command.Length > 0) Assert.That(output, Does.Contain("Example"));
    }

    [Test]
    public void InspectShowsGraphAndSafetensors()
    {
        var (code, output, error) = Run("inspect", trunk);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("operator set 13").And.Contain("43 batch norms").And.Contain("ResNet-50"));
    }

    static IEnumerable<TestCaseData> Mistakes()
    {
        yield return new TestCaseData(2, "Unrecognized", new[] { "fly" });
        yield return new TestCaseData(2, "--speed", new[] { "train", "--speed", "9", "x" });
        yield return new TestCaseData(2, "expected at least 1", new[] { "train", "--bs", "0" });
        yield return new TestCaseData(2, "unknown device", new[] { "train", "--device", "tpu" });
        yield return new TestCaseData(2, "cannot be used", new[] { "train", "--device", "cuda:0" });
        yield return new TestCaseData(1, "no such folder", new[] { "train", "/no/such/folder" });
        yield return new TestCaseData(1, "does not match", new[] { "train", pets, "--regex", "/(dog)_photo" });
        yield return new TestCaseData(1, "one class only", new[] { "train", pets, "--regex", "(jpg)$" });
        yield return new TestCaseData(1, "fewer than one batch", new[] { "train", pets, "--bs", "5000" });
        yield return new TestCaseData(1, "cannot be read", new[] { "train", "--lr", "fast" });
        yield return new TestCaseData(1, "unknown network", new[] { "train", "--arch", "alexnet" });
        yield return new TestCaseData(1, "weights of another network", new[] { "train", "--arch", "resnet18", "--weights", trunk });
        yield return new TestCaseData(1, "README.md", new[] { "train", "--weights", Path.Combine(TestData.RepositoryRoot, "README.md") });
        yield return new TestCaseData(1, "no.safetensors", new[] { "predict", "no.safetensors", "x.jpg" });
        yield return new TestCaseData(1, "no.onnx", new[] { "inspect", "no.onnx" });
    }

    [TestCaseSource(nameof(Mistakes))]
    public void MistakesAreOneLineAndACode(int code, string message, string[] args)
    {
        var result = Run(args);
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(result.Code, Is.EqualTo(code), result.Error);
        Assert.That(result.Error, Does.StartWith("error: ").And.Not.Contain("   at "));
        Assert.That(result.Error.TrimEnd().Split('\n').Length, Is.LessThanOrEqualTo(3), result.Error);
    }

    [Test]
    public void VerboseShowsTheTrace() => Assert.That(Run("inspect", "no.onnx", "--verbose").Error, Does.Contain("   at Tessera."));
}
