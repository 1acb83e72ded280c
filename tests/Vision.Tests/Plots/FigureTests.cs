using System.Xml.Linq;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Plots;

public sealed class FigureTests
{
    static readonly (byte, byte, byte) blue = (0x1F, 0x77, 0xB4), orange = (0xFF, 0x7F, 0x0E);

    static LineChart Falling(string title = "") => new("Batches", "Loss", [new Line("Train", [0, 1, 2, 3], [3, 2, 1, 0])]) { Title = title };

    [Test]
    public void ALineFallsFromTheUpperLeftToTheLowerRight()
    {
        var line = new Figure(Falling(), 400, 300).ToImage().Where(blue);
        Assert.That(line, Has.Count.GreaterThan(100));
        var (first, last) = (line.MinBy(p => p.Col), line.MaxBy(p => p.Col));
        Assert.That(first.Row, Is.LessThan(60));
        Assert.That(last.Row, Is.GreaterThan(200));
        double slope = (double)(last.Row - first.Row) / (last.Col - first.Col);
        var plotted = line.Where(p => p.Row > 60); // below the legend, whose line has the same colour
        Assert.That(plotted.Select(p => p.Row - first.Row - (slope * (p.Col - first.Col))), Is.All.InRange(-2, 2), "straight");
    }

    [Test]
    public void TitleLabelsAndTicksAreText()
    {
        var with = new Figure(Falling("Title"), 400, 300).ToImage();
        Assert.That(with.Dark(0, 100, 25, 200), Is.InRange(50, 1000), "title");
        Assert.That(with.Dark(283, 100, 17, 200), Is.InRange(50, 1000), "label of x");
        Assert.That(with.Dark(80, 0, 140, 18), Is.InRange(30, 1000), "label of y, upright");
        Assert.That(with.Dark(262, 50, 18, 340), Is.InRange(50, 2000), "ticks of x");
        var without = new Figure(Falling() with { XLabel = "", YLabel = "" }, 400, 300).ToImage();
        Assert.That(without.Dark(0, 100, 10, 200), Is.Zero);
    }

    [Test]
    public void PointsThatAreNotFiniteAreLeftOut()
    {
        var chart = new LineChart("", "", [new Line("", [0, 1, 2, 3, 4], [double.NaN, 1, double.PositiveInfinity, 2, double.NegativeInfinity])]);
        Assert.That(new Figure(chart, 300, 200).ToImage().Where(blue), Has.Count.GreaterThan(50));
        Assert.That(new Figure(new LineChart("x", "y", [new Line("none", [], [])]), 300, 200).ToImage().Dark(0, 0, 200, 300), Is.Positive, "axes without points");
    }

    [Test]
    public void OnALogarithmicAxisRatiosAreDistances()
    {
        var chart = new LineChart("", "", [new Line("", [1e-6, 1e-2], [1, 1])]) { LogX = true, Marks = [new Mark("", 1e-4, 1), new Mark("", 0, 1)] };
        var image = new Figure(chart, 400, 300).ToImage();
        double middle = image.Where(blue).Average(p => p.Col), mark = image.Where(orange).Average(p => p.Col);
        Assert.That(mark, Is.EqualTo(middle).Within(3));
    }

    [Test]
    public void PanelsStandSideBySide()
    {
        var two = new Figure(new Panels(2, [Falling(), new LineChart("", "", [])]), 800, 300).ToImage();
        Assert.That(two.Where(blue).Max(p => p.Col), Is.InRange(100, 399));
        Assert.That(two.Crop(0, 0, 300, 400).Pixels.SequenceEqual(new Figure(Falling(), 400, 300).ToImage().Pixels));
    }

    [Test]
    public void FilesHaveTheFiguresSize()
    {
        using var folder = new TemporaryFolder();
        var figure = new Figure(Falling("<title> & \"more\""), 321, 123);
        figure.Save(folder.File("sub/figure.PNG"));
        var loaded = Image.Load(folder.File("sub/figure.PNG"));
        Assert.That((loaded.Width, loaded.Height), Is.EqualTo((321, 123)));
        Assert.That(loaded.Pixels.SequenceEqual(figure.ToImage().Pixels));

        figure.Save(folder.File("figure.svg"));
        var svg = XDocument.Load(folder.File("figure.svg")).Root!;
        Assert.That(((int)svg.Attribute("width")!, (int)svg.Attribute("height")!), Is.EqualTo((321, 123)));
        Assert.That(svg.Descendants().Attributes("aria-label").Select(a => a.Value), Is.SupersetOf(new[] { "<title> & \"more\"", "Loss", "Train" }));
    }

    [Test]
    public void AnOldFileStaysOnFailure()
    {
        using var folder = new TemporaryFolder();
        string old = folder.File("old.png");
        File.WriteAllText(old, "old");
        Assert.That(() => new Figure(Falling(), 100, 100).Save(folder.File("old.gif")), Throws.TypeOf<DataException>().With.Message.Contains(".gif").And.Message.Contains(".svg"));
        Assert.That(() => new Figure(Falling(), 100, 100).Save(old + "/new.png"), Throws.TypeOf<TesseraException>().With.Message.Contains("old.png"));
        Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(new[] { old }));
        Assert.That(File.ReadAllText(old), Is.EqualTo("old"));
    }

    [TestCase(0, 10)]
    [TestCase(10, -1)]
    [TestCase(10, 100_000)]
    public void ImpossibleSizesAreErrors(int width, int height) =>
        Assert.That(() => new Figure(Falling(), width, height), Throws.TypeOf<ShapeException>().With.Message.Contains($"{width} x {height}"));

    [Test]
    public void AnyThreadDrawsTheSame()
    {
        var figure = new Figure(Falling("Title"), 200, 150);
        byte[] expected = figure.ToPng();
        byte[][] drawn = new byte[16][];
        Parallel.For(0, drawn.Length, i => drawn[i] = figure.ToPng());
        Assert.That(drawn.All(d => d.AsSpan().SequenceEqual(expected)));
    }
}
