using Tessera.NN;
using Tessera.Tests.Plots;
using Tessera.Vision;

namespace Tessera.Tests.Interpretation;

public sealed class InterpretationPlotsTests
{
    [Test]
    public void TopLossesAreTitledWithPredictionActualLossAndProbability()
    {
        var interpretation = SmallNetworks.OverPets(size: 64).Interpret();
        string svg = interpretation.PlotTopLosses(4).ToSvg();
        Assert.That(svg, Does.Contain("Prediction/Actual/Loss/Probability"));
        foreach (var (item, loss) in interpretation.TopLosses(4))
        {
            string title = FormattableString.Invariant(
                $"{interpretation.Classes[interpretation.Predicted[item]]}/{interpretation.Classes[interpretation.Targets[item]]} / {loss:F2} / {Math.Exp(-loss):F2}");
            Assert.That(svg, Does.Contain(title));
        }
        Assert.That(interpretation.PlotTopLosses(4, showText: false).ToSvg(), Does.Not.Contain("aria-label"));
    }

    [Test]
    public void HeatMapsAreDrawnWhereTheyAreFineEnough()
    {
        var interpretation = SmallNetworks.OverPets(size: 128).Interpret(); // maps of 4 x 4
        byte[] plain = interpretation.PlotTopLosses(1).ToPng();
        Assert.That(interpretation.PlotTopLosses(1, heatmap: true).ToPng(), Is.Not.EqualTo(plain));
        Assert.That(interpretation.PlotTopLosses(1, heatmap: true, heatmapThreshold: 17).ToPng(), Is.EqualTo(plain));
        Assert.That(interpretation.PlotTopLosses(1, heatmap: true, alpha: 0).ToPng(), Is.EqualTo(plain));
        Assert.That(() => interpretation.PlotTopLosses(0), Throws.TypeOf<TesseraException>().With.Message.Contains("got 0"));
    }

    [Test]
    public void ConfusionMatrixShowsCountsOrParts()
    {
        float[] logits = [2, 0, 0, 2, 0, 2, 2, 0]; // predicted 0 1 1 0
        var set = new TensorDataset(Tensor.From(logits, [4, 2]), Tensor.From(0L, 0L, 0L, 0L));
        var learner = new Learner(new DataBunch(new DataLoader(set, 4, workers: 0)), new Flatten(), new CrossEntropyLoss());
        var interpretation = ClassificationInterpretation.FromLearner(learner, learner.Data.Train, classes: ["cat", "dog"]);
        string svg = interpretation.PlotConfusionMatrix().ToSvg();
        foreach (string text in new[] { "Confusion matrix", "Actual", "Predicted", "cat", "dog", "aria-label=\"2\"" }) Assert.That(svg, Does.Contain(text));
        string parts = interpretation.PlotConfusionMatrix(normalize: true, decimals: 3, title: "Parts").ToSvg();
        Assert.That(parts, Does.Contain("0.500").And.Contain("0.000").And.Contain("Parts").And.Not.Contain("NaN"));
        Assert.That(interpretation.PlotConfusionMatrix(showText: false).ToSvg(), Does.Not.Contain("aria-label=\"2\""));
        Assert.That((interpretation.PlotConfusionMatrix(width: 500).Width, interpretation.PlotConfusionMatrix(width: 500).Height), Is.EqualTo((500, 500)));
    }

    static ClassificationInterpretation Of(int classes, string name)
    {
        Generator.Seed(3);
        var set = new CountingSet(6, 8);
        var model = new Sequential(new Sequential(new Conv2d(3, 4, 3), new Relu()), new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, classes)));
        var loader = new DataLoader(set, 6, workers: 0);
        return ClassificationInterpretation.FromLearner(
            new Learner(new DataBunch(loader), model, new CrossEntropyLoss()), loader, classes: [.. Enumerable.Range(0, classes).Select(i => FormattableString.Invariant($"{i} {name}"))]);
    }

    /// <summary>Names of any length are legible in a matrix of few classes: the figure grows with them, and they are shortened.</summary>
    [Test]
    public void LongNamesLeaveTheMatrixLegible()
    {
        string name = string.Concat(Enumerable.Repeat("a long name of a class ", 4));
        var figure = Of(7, name).PlotConfusionMatrix();
        Assert.That(figure.Width, Is.InRange(480, 600));
        Assert.That(figure.ToSvg(), Does.Contain("0 a long").And.Contain("…").And.Not.Contain(name));
        Assert.That(Of(7, "x").PlotConfusionMatrix().Width, Is.EqualTo(410), "as ever");
        string svg = Of(3, "staffordshire_bull_terrier").PlotTopLosses(2).ToSvg();
        Assert.That(svg, Does.Match("aria-label=\"\\d staffordshire_bull_terrier/\"").And.Match("aria-label=\"\\d staffordshire_bull_terrier / [\\d.]+ / [\\d.]+\""));
    }

    /// <summary>Hundreds of classes: no numbers of three pixels, and no label over another.</summary>
    [Test]
    public void ManyClassesHaveNoDustInTheMatrix()
    {
        string svg = Of(350, "x").PlotConfusionMatrix().ToSvg();
        string[] texts = [.. System.Text.RegularExpressions.Regex.Matches(svg, "aria-label=\"([^\"]*)\"").Select(m => m.Groups[1].Value)];
        string[] labels = [.. Enumerable.Range(0, 175).Select(i => FormattableString.Invariant($"{2 * i} x"))];
        Assert.That(texts, Is.EquivalentTo(labels.Concat(labels).Concat(["Confusion matrix", "Actual", "Predicted"])));
    }

    [Test]
    public void CamFiltersAndPatchesArePictures()
    {
        var learn = SmallNetworks.OverPets(size: 128);
        var cam = GradCam.Of(learn, 0);
        Assert.That(cam.Overlay(0).Pixels.SequenceEqual(cam.Photo.Pixels));
        Assert.That(cam.Plot("Bengal").ToSvg(), Does.Contain("Bengal"));
        Assert.That(learn.Model.PlotFilters().ToImage().Pixels(0, 0, 180, 180).Distinct().Count(), Is.GreaterThan(100));
        var patches = LayerVisualization.Patches(learn, "0.4.1", 2, 4).Plot(600);
        Assert.That(patches.Width, Is.EqualTo(600));
        Assert.That(patches.ToImage().Pixels(0, 300, 300, 300).Count(p => p == (128, 128, 128)), Is.GreaterThan(100), "gradients lie on grey");
        Assert.That(() => Array.Empty<Patch>().Plot(), Throws.TypeOf<TesseraException>().With.Message.Contains("no patches"));
    }
}
