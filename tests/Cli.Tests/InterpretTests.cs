using AngleSharp.Html.Parser;
using Tessera.Cli;
using Tessera.Testing;
using Tessera.Tests.Serving;

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
}
