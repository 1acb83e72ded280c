using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Plots;

public sealed class TrainingPlotsTests
{
    static readonly (byte, byte, byte) blue = (0x1F, 0x77, 0xB4), orange = (0xFF, 0x7F, 0x0E);

    /// <summary>Learns to copy the larger of two numbers' index: 5 batches an epoch.</summary>
    static Learner Toy(bool validated = true, params Metric[] metrics)
    {
        Generator.Seed(1);
        TensorDataset Points(int n) => new(Tensor.From([.. Enumerable.Range(0, 2 * n).Select(i => (float)Math.Sin(i * i))], [n, 2]), Tensor.From([.. Enumerable.Range(0, n).Select(i => Math.Sin(4 * i * i) > Math.Sin((2 * i + 1) * (2 * i + 1)) ? 0L : 1)], [n]));
        var data = new DataBunch(new DataLoader(Points(40), 8, shuffle: true, workers: 0), validated ? new DataLoader(Points(20), 8, workers: 0) : null);
        return new Learner(data, new Sequential(new Linear(2, 8), new Relu(), new Linear(8, 2)), new CrossEntropyLoss(), metrics) { Display = null };
    }

    [Test]
    public void LossesOfTrainingAndValidationAreTwoLines()
    {
        var learn = Toy();
        learn.Fit(3, 1e-2);
        var chart = TrainingPlots.Losses(learn.Recorder);
        Assert.That(chart.Lines.Select(l => (l.Name, l.X.Count)), Is.EqualTo(new[] { ("Train", 15), ("Validation", 3) }));
        Assert.That(chart.Lines[1].X, Is.EqualTo(new[] { 5, 10, 15 }));
        Assert.That(chart.Lines[1].Y, Is.EqualTo(learn.Recorder.ValidLosses));
        var image = learn.Recorder.PlotLosses(500, 400).ToImage();
        Assert.That((image.Width, image.Height), Is.EqualTo((500, 400)));
        Assert.That(image.Where(blue), Has.Count.GreaterThan(100));
        Assert.That(image.Where(orange), Has.Count.GreaterThan(100));
    }

    [Test]
    public void WithoutValidationThereIsOneLine()
    {
        var learn = Toy(validated: false);
        learn.Fit(1);
        Assert.That(TrainingPlots.Losses(learn.Recorder).Lines, Has.Count.EqualTo(1));
        Assert.That(() => learn.Recorder.PlotMetrics(), Throws.TypeOf<TesseraException>().With.Message.Contains("no metrics"));
    }

    [Test]
    public void TheOneCycleIsSeenInRateAndMomentum()
    {
        var learn = Toy();
        learn.FitOneCycle(4);
        var rate = learn.Recorder.PlotLr().ToImage();
        var both = learn.Recorder.PlotLr(showMomentum: true).ToImage();
        Assert.That((rate.Width, both.Width), Is.EqualTo((640, 1280)));
        Assert.That(both.Crop(0, 0, 480, 640).Pixels.SequenceEqual(rate.Pixels));
        var line = rate.Where(blue);
        var peak = line.MinBy(p => p.Row);
        double share = (double)(peak.Col - line.Min(p => p.Col)) / (line.Max(p => p.Col) - line.Min(p => p.Col));
        Assert.That(share, Is.EqualTo(0.3).Within(0.05), "the rate is largest after 30 % of the batches");
        var momentum = both.Where(blue).Where(p => p.Col > 640).ToList();
        Assert.That(momentum.MaxBy(p => p.Row).Col - momentum.Min(p => p.Col), Is.EqualTo(peak.Col - line.Min(p => p.Col)).Within(12), "and the momentum least");
    }

    [Test]
    public void EachMetricHasAPanel()
    {
        var learn = Toy(true, Metrics.Accuracy, Metrics.ErrorRate);
        learn.Fit(2);
        var figure = learn.Recorder.PlotMetrics();
        Assert.That(figure.Height, Is.EqualTo(720));
        Assert.That(figure.ToSvg(), Does.Contain("accuracy").And.Contain("error_rate"));
        var image = figure.ToImage();
        Assert.That(image.Crop(0, 0, 360, 640).Where(blue), Is.Not.Empty);
        Assert.That(image.Crop(360, 0, 360, 640).Where(blue), Is.Not.Empty);
        var without = Toy();
        without.Fit(1);
        Assert.That(() => without.Recorder.PlotMetrics(), Throws.TypeOf<TesseraException>().With.Message.Contains("no metrics"));
    }

    [Test]
    public void AnEmptyRecorderIsAnError()
    {
        var recorder = new Recorder();
        Assert.That(() => recorder.PlotLosses(), Throws.TypeOf<TesseraException>().With.Message.Contains("PlotLosses").And.Message.Contains("FitOneCycle"));
        Assert.That(() => recorder.PlotLr(), Throws.TypeOf<TesseraException>().With.Message.Contains("PlotLr"));
        Assert.That(() => recorder.PlotMetrics(), Throws.TypeOf<TesseraException>().With.Message.Contains("PlotMetrics"));
    }

    [Test]
    public void SuggestionsAreMarkedOnTheCurve()
    {
        double[] lrs = [.. Enumerable.Range(0, 100).Select(k => 1e-7 * Math.Pow(1e8, k / 100.0))];
        double[] losses = [.. lrs.Select(x => 1 + (2 / (1 + Math.Pow(x / 1e-3, 0.8))) + (x * x / 10))];
        var curve = new LearningRateCurve(lrs, losses, false);
        var (plain, marked) = (curve.Plot().ToImage(), curve.Plot(suggestion: true));
        Assert.That(plain.Where(orange), Is.Empty);
        var mark = marked.ToImage().Where(orange).Where(p => p.Row < 330).ToList(); // the legend is below
        Assert.That(mark, Has.Count.InRange(50, 110), "a disc of 10 pixels");
        var (row, col) = ((int)mark.Average(p => p.Row), (int)mark.Average(p => p.Col));
        var line = marked.ToImage().Where(blue);
        Assert.That(line.Where(p => Math.Abs(p.Col - (col - 8)) <= 1).Average(p => p.Row), Is.LessThan(row));
        Assert.That(line.Where(p => Math.Abs(p.Col - (col + 8)) <= 1).Average(p => p.Row), Is.GreaterThan(row), "the line falls through the mark");
        Assert.That(marked.ToSvg(), Does.Contain($"steepest: {curve.Suggest().Steepest:0.00E+00}").And.Contain("1e-03").And.Contain("Learning Rate"));
        Assert.That(() => new LearningRateCurve([1], [1], false).Plot(), Throws.TypeOf<TesseraException>());
    }

    [Test]
    public void TheGraphOfARunningFitHasRoomForWhatIsToCome()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("graphs/losses.png");
        List<int> rightmost = [];
        var learn = Toy();
        learn.Fit(3, callbacks: [new ShowGraph(path), new Look(() => rightmost.Add(Image.Load(path).Where(orange).Where(p => p.Row > 100).Max(p => p.Col)))]);
        Assert.That(rightmost, Has.Count.EqualTo(3).And.Ordered);
        Assert.That(rightmost[0] - 40, Is.EqualTo(rightmost[2] / 3.0).Within(40), "a third of the batches after the first epoch");
        Assert.That(Directory.GetFiles(folder.File("graphs")), Is.EqualTo(new[] { path }));
        Assert.That(() => new ShowGraph("losses.txt"), Throws.TypeOf<DataException>(), "before anything is trained");
    }

    sealed class Look(Action look) : Callback
    {
        public override int Order => 50;

        public override void EpochEnd(TrainingState s) => look();
    }
}
