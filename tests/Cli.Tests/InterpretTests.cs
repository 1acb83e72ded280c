using System.Text.RegularExpressions;
using AngleSharp.Html.Parser;
using Tessera.Cli;
using Tessera.Testing;
using Tessera.Tests.Serving;
using Tessera.Vision;

namespace Tessera.Tests;

public sealed class InterpretTests
{
    static readonly string pets = TestData.Asset("pets/images");

    static (int Code, string Output, string Error) Run(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = Tool.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    [Test]
    public void APageIsAboutThePhotosThatWereHeldBack()
    {
        using var folder = new TemporaryFolder();
        string model = folder.File("model.safetensors"), report = folder.File("report.html");
        var learner = SmallModel.Create();
        learner.Export(model);
        var (code, output, error) = Run("interpret", model, pets, "--out", report, "--top-losses", "2", "--photos", "10");
        Assert.That((code, error), Is.EqualTo((0, "")));

        var expected = learner.Validate(); // the same seed and share: the same photos
        Assert.That(output, Does.Contain($"of {learner.Images.ValidSet!.Count} photos wrong").And.Contain(report));
        var page = new HtmlParser().ParseDocument(File.ReadAllText(report));
        Assert.That(page.QuerySelector("body > p")!.TextContent, Does.Contain($"mean loss {expected.Loss:F4}"));
        Assert.That(page.QuerySelector("#run")!.TextContent, Does.Contain("64 x 64 pixels").And.Contain("42"));
        Assert.That(page.QuerySelectorAll("#matrix tbody th").Select(h => h.TextContent), Is.EqualTo(learner.Images.Classes));

        byte[] before = File.ReadAllBytes(report);
        var other = Run("interpret", model, pets, "--regex", @"(jpg)$", "--out", report);
        Assert.That(other.Code, Is.EqualTo(1), "other classes");
        Assert.That(other.Error, Does.StartWith("error: "));
        Assert.That(Run("interpret", model, pets, "--valid", "0", "--out", report).Error, Does.Contain("no photos were held back").And.Contain("hint: "));
        Assert.That(File.ReadAllBytes(report), Is.EqualTo(before));
    }

    const string Pattern = @"/([^/]+)_\d+.jpg$";

    /// <summary>A model that was trained with this split and pipeline, in a file.</summary>
    static (ImageLearner Learner, string File) Exported(TemporaryFolder folder, ImageDataOptions options, TransformPair? transforms = null)
    {
        var data = ImageDataBunch.FromNameRegex(pets, Pattern, transforms, size: 64, batchSize: 8, options).Normalize(ImageNet.Stats);
        var learner = ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")));
        learner.Export(folder.File("model.safetensors"));
        return (learner, folder.File("model.safetensors"));
    }

    [Test]
    public void SeedAndShareAreThoseOfTraining()
    {
        using var folder = new TemporaryFolder();
        var (learner, model) = Exported(folder, new() { Seed = 7, ValidFraction = 0.1 });
        string page = folder.File("report.html"), held = learner.Images.ValidationSplit!.ToString();
        string[] command = ["interpret", model, pets, "--out", page, "--top-losses", "1", "--photos", "1"];
        Assert.That(held, Is.EqualTo($"{learner.Images.ValidSet!.Count} photos, 0.1 at random with seed 7"));
        Assert.That(Loss(command, page), Is.EqualTo($"{learner.Validate().Loss:F4}"));
        Assert.That(Run(command).Output, Does.Not.Contain("warning"));
        Assert.That(Run([.. command, "--seed", "7", "--valid", "0.1"]).Output, Does.Not.Contain("warning"));
        Assert.That(File.ReadAllText(page), Does.Contain(held));

        const string warning = "warning: these are not the photos that were held back in training";
        foreach (string[] other in new[] { new[] { "--seed", "8" }, ["--valid", "0.3"] })
            Assert.That(Run([.. command, .. other]).Output, Does.Contain(warning).And.Contain($"expected {held}"), other[0]);
        Assert.That(Run([.. command, "--valid", "0", "--set", "train"]).Output, Does.Not.Contain(warning), "new photos");
    }

    [Test]
    public void PhotosComeAsInValidation()
    {
        using var folder = new TemporaryFolder();
        TransformPair transforms = new([new CropPad()], [new Brightness((0.8, 0.8)), new CropPad()]);
        var (learner, model) = Exported(folder, new() { Resize = ResizeMethod.Pad, Padding = PaddingMode.Zeros, Interpolation = InterpolationMode.Nearest }, transforms);
        Assert.That(Loss(["interpret", model, pets, "--out", folder.File("report.html"), "--photos", "1"], folder.File("report.html")), Is.EqualTo($"{learner.Validate().Loss:F4}"));
    }

    /// <summary>The mean loss that the page names.</summary>
    static string Loss(string[] command, string page)
    {
        var (code, output, error) = Run(command);
        Assert.That((code, error), Is.EqualTo((0, "")), output);
        string text = new HtmlParser().ParseDocument(File.ReadAllText(page)).QuerySelector("body > p")!.TextContent;
        return Regex.Match(text, "mean loss ([0-9.]+)").Groups[1].Value.TrimEnd('.');
    }
}
