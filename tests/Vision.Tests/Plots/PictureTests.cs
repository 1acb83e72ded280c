using Tessera.Vision;

namespace Tessera.Tests.Plots;

/// <summary>Grids of photos, matrices, and heat over photos.</summary>
public sealed class PictureTests
{
    [Test]
    public void PhotosStandRowByRowUnderTheirTitles()
    {
        ImageCell[] cells = [new(Ink.Solid(255, 0, 0), "red"), new(Ink.Solid(0, 255, 0), "green"), new(Ink.Solid(0, 0, 255), "blue")];
        var image = new ImageGrid(cells, 2, "Heading").ToFigure(100).ToImage();
        Assert.That(image.Width, Is.EqualTo(218));
        (int Row, int Col) Centre((byte, byte, byte) color) => ((int)image.Where(color).Average(p => p.Row), (int)image.Where(color).Average(p => p.Col));
        var (red, green, blue) = (Centre((255, 0, 0)), Centre((0, 255, 0)), Centre((0, 0, 255)));
        Assert.That(red.Row, Is.EqualTo(green.Row));
        Assert.That(red.Col, Is.EqualTo(blue.Col).And.LessThan(green.Col));
        Assert.That(blue.Row, Is.GreaterThan(red.Row + 100));
        int top = image.Where((255, 0, 0)).Min(p => p.Row);
        Assert.That(image.Where((255, 0, 0)), Has.Count.EqualTo(100 * 100).Within(2).Percent, "scaled up, its edges sharp");
        Assert.That(image.Dark(0, 60, 20, 100), Is.Positive, "heading");
        Assert.That(image.Dark(top - 18, 40, 16, 40), Is.Positive, "title of the first");
        Assert.That(image.Dark(top - 18, 145, 16, 40), Is.Positive, "title of the second");
    }

    [Test]
    public void ProportionsAreKept()
    {
        var image = new ImageGrid([new(Ink.Solid(255, 0, 0, width: 40, height: 10))], 1).ToFigure(100).ToImage();
        var red = image.Where((255, 0, 0));
        int width = red.Max(p => p.Col) - red.Min(p => p.Col) + 1, height = red.Max(p => p.Row) - red.Min(p => p.Row) + 1;
        Assert.That((width, height), Is.EqualTo((100, 25)).Or.EqualTo((100, 26)).Or.EqualTo((100, 24)));
    }

    [Test]
    public void LongTitlesStayOverTheirPhoto()
    {
        string name = string.Concat(Enumerable.Repeat("american_pit_bull_terrier ", 10));
        Assert.That(FigureFont.Width(name, 6), Is.GreaterThan(200));
        string shorter = FigureFont.Shorten($"{name} / 0.92\nshort", 6, 100);
        Assert.That(shorter, Does.StartWith("american_").And.Contain("…").And.EndWith("/ 0.92\nshort"), "both ends are kept");
        Assert.That(FigureFont.Width(shorter, 6), Is.InRange(90, 100));
        var image = new ImageGrid([new(Ink.Solid(255, 0, 0), name), new(Ink.Solid(0, 0, 255))], 2).ToFigure(100).ToImage();
        int top = image.Where((255, 0, 0)).Min(p => p.Row);
        Assert.That(image.Dark(0, 6, top, 100), Is.Positive);
        Assert.That(image.Dark(0, 108, top, 110), Is.Zero);
    }

    [TestCase(1, 1)]
    [TestCase(4, 2)]
    [TestCase(5, 3)]
    [TestCase(9, 3)]
    public void GridsAreSquare(int n, int columns) => Assert.That(ImageGrid.Square(n), Is.EqualTo(columns));

    [Test]
    public void SquaresOfAMatrixHaveTheColoursOfTheirValues()
    {
        var chart = new MatrixChart(new double[,] { { 8, 2 }, { 0, 4 } }, ["cat", "dog"], ["cat", "dog"]) { Title = "Confusion matrix", RowAxis = "Actual", ColumnAxis = "Predicted", CellText = v => $"{v}" };
        var image = new Figure(chart, 400, 400).ToImage();
        (int Row, int Col) Centre(double x)
        {
            var square = image.Where(ColorMap.Blues[x]);
            Assert.That(square, Has.Count.GreaterThan(5000));
            return ((int)square.Average(p => p.Row), (int)square.Average(p => p.Col));
        }
        var (cc, cd, dc, dd) = (Centre(1), Centre(0.25), Centre(0), Centre(0.5));
        Assert.That(cc.Row, Is.EqualTo(cd.Row).Within(3).And.LessThan(dc.Row));
        Assert.That(cc.Col, Is.EqualTo(dc.Col).Within(3).And.LessThan(dd.Col));
        bool IsWhite((int Row, int Col) c) => image.Pixels(c.Row - 10, c.Col - 10, 20, 20).Contains((byte.MaxValue, byte.MaxValue, byte.MaxValue));
        bool IsBlack((int Row, int Col) c) => image.Dark(c.Row - 10, c.Col - 10, 20, 20, below: 20) > 5;
        Assert.That((IsWhite(cc), IsBlack(cc)), Is.EqualTo((true, false)), "8 is above half of the largest");
        Assert.That((IsWhite(dd), IsBlack(dd)), Is.EqualTo((false, true)), "4 is not");
        Assert.That(image.Dark(dd.Row + 75, dd.Col - 10, 30, 20), Is.Positive, "label of the column");
    }

    [Test]
    public void ManyLongLabelsFit()
    {
        string[] names = [.. Enumerable.Range(0, 37).Select(i => $"american_pit_bull_terrier_{i}")];
        var image = new Figure(new MatrixChart(new double[37, 37], names, names), 720, 720).ToImage();
        Assert.That(image.Where(ColorMap.Blues[0]), Has.Count.GreaterThan(37 * 37 * 100), "squares of at least 10 pixels");
        Assert.That(image.Dark(0, 0, 720, 3), Is.Zero, "nothing is cut off at the left");
    }

    [Test]
    public void HeatIsMixedIntoThePhoto()
    {
        var photo = Ink.Solid(100, 200, 40, width: 4, height: 1);
        var image = HeatOverlay.Over(photo, new float[,] { { 2, 6 } }, ColorMap.Gray, alpha: 0.5);
        // Centres of the two elements lie at 1/4 and 3/4; the pixels' at 1/8, 3/8, 5/8, 7/8.
        double[] heat = [0, 0.25, 0.75, 1];
        for (int col = 0; col < 4; col++)
        {
            double gray = Math.Round(255 * heat[col]);
            var (r, g, b) = image[0, col];
            Assert.That(new double[] { r, g, b }, Is.EqualTo(new[] { (100 + gray) / 2, (200 + gray) / 2, (40 + gray) / 2 }).Within(0.51), $"column {col}");
        }
        Assert.That(HeatOverlay.Over(photo, new float[,] { { 3 } }, alpha: 1)[0, 2], Is.EqualTo(ColorMap.Magma[0]), "a constant map");
        Assert.That(() => HeatOverlay.Over(photo, new float[0, 3]), Throws.TypeOf<TesseraException>());
        Assert.That(() => HeatOverlay.Over(photo, new float[1, 1], alpha: 1.5), Throws.TypeOf<TesseraException>());
    }

    [Test]
    public void ColourMapsAreThoseOfMatplotlib()
    {
        void Near((byte R, byte G, byte B) color, int r, int g, int b) => Assert.That(new int[] { color.R, color.G, color.B }, Is.EqualTo(new[] { r, g, b }).Within(1));
        Near(ColorMap.Magma[0], 0, 0, 3);
        Near(ColorMap.Magma[1], 252, 253, 191);
        Near(ColorMap.Viridis[0], 68, 1, 84);
        Near(ColorMap.Viridis[1], 253, 231, 37);
        Near(ColorMap.Blues[0], 247, 251, 255);
        Near(ColorMap.Blues[0.5], 107, 174, 214);
        Near(ColorMap.Blues[1], 8, 48, 107);
        Assert.That(ColorMap.Gray[double.NaN], Is.EqualTo(ColorMap.Gray[-3]));
    }
}
