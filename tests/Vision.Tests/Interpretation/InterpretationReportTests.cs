using AngleSharp.Dom;
using AngleSharp.Html.Dom;
using AngleSharp.Html.Parser;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Interpretation;

/// <summary>The page of an interpretation: parsed, and opened in a browser.</summary>
public sealed class InterpretationReportTests
{
    static readonly string[] hostile = ["</script><script>alert(1)</script>", "\"a' & <b>{{data}}", "plain"];

    readonly TemporaryFolder folder = new();
    ClassificationInterpretation interpretation = null!;
    ConfusionMatrix matrix = null!;
    string path = "";

    [OneTimeSetUp]
    public void Write()
    {
        var (learner, set) = SmallNetworks.OverNoise(items: 60, side: 32);
        interpretation = ClassificationInterpretation.FromLearner(learner, new DataLoader(set, 16, workers: 0), classes: hostile);
        matrix = interpretation.ConfusionMatrix();
        path = folder.File("report.html");
        interpretation.SaveReport(path, new() { Title = "<i>Noise</i>", TopLosses = 4, Photos = 25, PhotoSize = 16, Run = [new("Seed", "42 <b>")] });
    }

    [OneTimeTearDown]
    public void Delete() => folder.Dispose();

    static IHtmlDocument Parse(string html) => new HtmlParser().ParseDocument(html);

    [Test]
    public void ThePageStandsAloneAndNamesAreText()
    {
        string html = File.ReadAllText(path);
        var page = Parse(html);
        Assert.That(page.Title, Is.EqualTo("<i>Noise</i>"));
        Assert.That(html, Does.Not.Contain("http://").And.Not.Contain("https://"));
        Assert.That(page.QuerySelectorAll("[src], [href]").Select(e => e.GetAttribute("src") ?? e.GetAttribute("href")), Has.All.StartsWith("data:image/"));
        Assert.That(page.QuerySelectorAll("script"), Has.Count.EqualTo(2), "no class name became a script");
        Assert.That(page.QuerySelectorAll("#matrix tbody th").Select(h => h.TextContent), Is.EqualTo(hostile));
        Assert.That(page.QuerySelector("#run tr")!.Children.Select(c => c.TextContent), Is.EqualTo(new[] { "Seed", "42 <b>" }));
        Assert.That(page.QuerySelectorAll("figure"), Has.Count.EqualTo(4));
        Assert.That(page.QuerySelectorAll("figure img"), Has.Count.EqualTo(8), "photo and heat map");
        Assert.That(html, Has.Length.LessThan(100_000));
        Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(new[] { path }));
    }

    [Test]
    public void TheRunRecordSaysHowTheModelWasTrained()
    {
        var learner = SmallNetworks.OverPets();
        learner.OptimizerFactory = groups => new Sgd(groups, nesterov: true);
        (learner.Loss, learner.BnWd) = (new CrossEntropyLoss(labelSmoothing: 0.1), false);
        learner.Callbacks.Add(new Mixup(0.3));
        learner.Callbacks.Add(new ShowGraph(folder.File("graph.png")));
        learner.ToBf16();
        learner.Fit(1, new LearningRate(1e-4, 2e-3), wd: 0.05);
        learner.Wd = 0.05;
        learner.Export(folder.File("trained.safetensors"));
        var again = ImageLearner.LoadLearner(folder.File("trained.safetensors"));
        Assert.That(again.Report, Does.Not.Contain("not taken over"));
        foreach (var learned in new[] { learner, again.WithData(learner.Images) })
        {
            string file = folder.File("trained.html");
            learned.Interpret().SaveReport(file, new() { TopLosses = 0, Photos = 0 });
            var rows = Parse(File.ReadAllText(file)).QuerySelectorAll("#run tr").ToDictionary(r => r.Children[0].TextContent, r => r.Children[1].TextContent);
            Assert.That(rows["Batch size"], Is.EqualTo("4"));
            Assert.That(rows["Learning rate of the last layers"], Is.EqualTo("largest 0.002, last 0.002, over 2 batches"));
            Assert.That(rows["Optimizer"], Is.EqualTo("Sgd, Nesterov"));
            Assert.That(rows["Weight decay"], Is.EqualTo("0.05, none of norms and biases"));
            Assert.That(rows["Loss"], Is.EqualTo("CrossEntropyLoss, label smoothing 0.1"));
            Assert.That(rows["Precision"], Is.EqualTo("BFloat16"));
            Assert.That(rows["Layer groups"], Is.EqualTo("3, the first 2 frozen"));
            Assert.That(rows["Callbacks"], Is.EqualTo("Mixup(0.3)"));
        }
        foreach (string file in Directory.GetFiles(folder.Path).Where(f => f != path)) File.Delete(file);
    }

    [Test]
    public void TheNumbersAreThoseOfTheInterpretation()
    {
        var page = Parse(File.ReadAllText(path));
        long[] cells = [.. page.QuerySelectorAll("#matrix tbody td").Select(c => c.TextContent.Length == 0 ? 0 : long.Parse(c.TextContent))];
        Assert.That(cells, Is.EqualTo(Enumerable.Range(0, 9).Select(i => matrix[i / 3, i % 3])));
        var scores = interpretation.PerClass();
        Assert.That(page.QuerySelectorAll("#scores tbody tr").Select(r => r.Children[3].GetAttribute("data-value")), Is.EqualTo(scores.Select(s => s.Recall.ToString("R"))));
        string top = page.QuerySelector("figcaption")!.TextContent;
        Assert.That(top, Does.Contain($"loss {interpretation.TopLosses(1)[0].Loss:F2}"));
    }

    [Test]
    public void TheCurvesOfATrainedLearnerAreInThePage()
    {
        var learn = SmallNetworks.OverPets(batchSize: 4, perBreed: 4);
        learn.Fit(1, 1e-3);
        string trained = folder.File("trained.html");
        learn.Interpret().SaveReport(trained, new() { TopLosses = 1 });
        Assert.That(Parse(File.ReadAllText(trained)).QuerySelectorAll("img[src^='data:image/svg+xml']").Select(i => i.GetAttribute("alt")), Is.EqualTo(new[] { "Losses", "Learning rate", "Metrics" }));
        File.Delete(trained);
    }

    [Test]
    public void WhatCannotBeWrittenIsAnError() => Assert.That(() => interpretation.SaveReport(folder.Path, new() { TopLosses = 0 }),
        Throws.InstanceOf<TesseraException>().With.Message.Contains("could not be written"));

    [Test]
    public void InABrowserTheMatrixSortsAndAClickShowsItsPhotos()
    {
        var (actual, predicted, count) = matrix.MostConfused()[0];
        string url = $"{new Uri(path).AbsoluteUri}#order=errors&cell={actual},{predicted}&scores=3&confused=2";
        var page = Parse(Chromium.Open(url));

        long Errors(int c) => Enumerable.Range(0, 3).Where(j => j != c).Sum(j => matrix[c, j] + matrix[j, c]);
        int[] expected = [.. Enumerable.Range(0, 3).OrderByDescending(Errors)];
        int[] Order(string selector) => [.. page.QuerySelectorAll(selector).Select(e => int.Parse(e.GetAttribute("data-class")!))];
        Assert.That(Order("#matrix tbody tr").Select(Errors), Is.Ordered.Descending);
        Assert.That(Order("#matrix tbody tr"), Is.EqualTo(expected));
        Assert.That(Order("#matrix thead th[data-class]"), Is.EqualTo(expected), "columns go with rows");
        Assert.That(page.QuerySelectorAll("#matrix tbody td").Select(c => c.TextContent), Is.EqualTo(expected.SelectMany(i => expected.Select(j => matrix[i, j] == 0 ? "" : $"{matrix[i, j]}"))));

        Assert.That(page.QuerySelector("#photos h3")!.TextContent, Is.EqualTo($"{hostile[actual]} taken for {hostile[predicted]}"));
        Assert.That(page.QuerySelectorAll("#photos figure"), Has.Count.EqualTo((int)count));
        Assert.That(page.QuerySelectorAll("#photos img[src^='data:image/jpeg']"), Is.Not.Empty);
        Assert.That(page.QuerySelectorAll("#scores tbody tr").Select(r => double.Parse(r.Children[3].GetAttribute("data-value")!)), Is.Ordered.Descending);
        Assert.That(page.QuerySelectorAll("#confused tbody tr").Select(r => double.Parse(r.Children[2].GetAttribute("data-value")!)), Is.Ordered.Descending);
    }

    [Test]
    public void InABrowserAClickOnACellOrAHeadDoesWhatTheAddressDoes()
    {
        string clicked = folder.File("clicked.html");
        var (actual, predicted, count) = matrix.MostConfused()[0];
        File.WriteAllText(clicked, File.ReadAllText(path).Replace("</body>",
            $"<script>matrix.querySelector('tr[data-class=\"{actual}\"] td[data-class=\"{predicted}\"] button').click(); document.querySelector('#scores thead button').click();</script></body>"));
        var page = Parse(Chromium.Open(new Uri(clicked).AbsoluteUri));
        File.Delete(clicked);
        Assert.That(page.QuerySelectorAll("#photos figure"), Has.Count.EqualTo((int)count));
        Assert.That(page.QuerySelectorAll("#scores tbody tr").Select(r => r.Children[0].TextContent), Is.EquivalentTo(hostile).And.Not.EqualTo(hostile));
    }
}
