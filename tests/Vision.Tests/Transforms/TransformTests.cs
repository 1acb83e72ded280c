using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Each transform on pictures small enough to follow by hand.</summary>
public sealed class TransformTests
{
    /// <summary>One white pixel at (3, 3) of 5 x 5: where is it afterwards?</summary>
    private static IEnumerable<TestCaseData> Dot()
    {
        yield return Case(new FlipLeftRight(), 3, 1);
        yield return Case(new Rotate(90), 1, 3);
        yield return Case(new Rotate(-90), 3, 1);
        yield return Case(new Zoom(2), 4, 4);
        yield return Case(new Squish(0.5), 3, 4);
        yield return Case(new Squish(2), 4, 3);
        yield return Case(new Crop(4) { RowPct = 0, ColPct = 0 }, 3, 3);
        yield return Case(new Crop(4) { RowPct = 0, ColPct = 0.99 }, 3, 2);
        yield return Case(new Crop(4) { RowPct = 0.5, ColPct = 0.5 }, 2, 2);
        yield return Case(new Crop(4) { RowPct = 0.99, ColPct = 0 }, 2, 3);
        yield return Case(new Crop(4) { RowPct = 0.99, ColPct = 0.99 }, 2, 2);
        static TestCaseData Case(Transform t, int row, int col) => new TestCaseData(t, row, col).SetArgDisplayNames($"{t}", $"{row}", $"{col}");
    }

    [TestCaseSource(nameof(Dot))]
    public void MovesThePixel(Transform transform, int row, int col)
    {
        var (y, _, w) = new TransformPipeline([transform], mode: InterpolationMode.Nearest).Apply(White(5, 5, 3, 3));
        Assert.That(y[row * w + col], Is.EqualTo(1));
    }

    /// <summary>As a matrix, bit 0 mirrors columns; as a pixel transform, it reverses rows.</summary>
    [TestCase(true, 3, 3)]
    [TestCase(false, 1, 1)]
    public void DihedralOneByMatrixAndByPixels(bool affine, int row, int col)
    {
        Transform transform = affine ? new DihedralAffine { K = 1 } : new Dihedral { K = 1 };
        var (y, _, _) = new TransformPipeline([transform]).Apply(White(5, 5, 3, 1));
        Assert.That(y[row * 5 + col], Is.EqualTo(1).Within(1e-5));
        Assert.That(y.Take(25).Sum(), Is.EqualTo(1).Within(1e-4));
    }

    [Test]
    public void WarpHomographies()
    {
        var h = SymmetricWarp.Homography(0.2, 0, 0, 0);
        Assert.That(new[] { h.A, h.B, h.C, h.D, h.E, h.F, h.G, h.H, h.I }, Is.EqualTo(new[] { 1, 0, 0.090909, 0, 0.909091, 0, 0.090909, 0, 1 }).Within(1e-6));
        h = SymmetricWarp.Homography(0.1, -0.2, 0.15, 0.05);
        Assert.That(
            new[] { h.A, h.B, h.C, h.D, h.E, h.F, h.G, h.H, h.I },
            Is.EqualTo(new[] { 0.909091, 0.015529, 0.158565, 0.013411, 1.052632, 0.047784, 0.144150, 0.050299, 1 }).Within(1e-6));
    }

    [Test]
    public void PerspectiveWarpMovesCornersAsSymmetricWarpDoes()
    {
        double[] m = [0.1, -0.2, 0.15, 0.05];
        var image = Noise(40, 30);
        var symmetric = new TransformPipeline([new SymmetricWarp(m[0], m[1], m[2], m[3])]).Apply(image).Pixels;
        var general = new TransformPipeline([new PerspectiveWarp([-m[3], -m[1], -m[2], m[1], m[3], -m[0], m[2], m[0]])]).Apply(image).Pixels;
        Assert.That(general, Is.EqualTo(symmetric).Within(1e-5));
        Assert.That(new TransformPipeline([new PerspectiveWarp(0)]).Apply(image).Pixels, Is.EqualTo(Plain(image)).Within(1e-4));
    }

    [Test]
    public void InverseUndoesAHomography()
    {
        var h = SymmetricWarp.Homography(0.1, -0.2, 0.15, 0.05);
        var (x, y) = (h.Inverse() * h).Map(0.3, -0.7);
        Assert.That(x, Is.EqualTo(0.3).Within(1e-12));
        Assert.That(y, Is.EqualTo(-0.7).Within(1e-12));
    }

    /// <summary>Every corner of the source is found at its moved place, for each direction.</summary>
    [Test]
    public void SkewAndTiltMoveOnlyTheirCorners([Range(0, 7)] int direction)
    {
        (double X, double Y)[] corners = [(-1, -1), (-1, 1), (1, -1), (1, 1)];
        var skewed = Enumerable.Range(0, 4).Count(k => Moves(new Skew(0.25) { Direction = direction }, corners[k]));
        Assert.That(skewed, Is.EqualTo(1));
        Assert.That(Moves(new Skew(0.25) { Direction = direction }, corners[direction / 2]));
        if (direction < 4)
            Assert.That(Enumerable.Range(0, 4).Count(k => Moves(new Tilt(0.25) { Direction = direction }, corners[k])), Is.EqualTo(2));

        static bool Moves(Transform t, (double X, double Y) corner)
        {
            using var canvas = new Canvas(Noise(5, 5));
            t.Apply(canvas, ItemRandom.Fixed);
            var (x, y) = canvas.Grid().Point((int)(corner.Y + 1) * 2, (int)(corner.X + 1) * 2);
            return Math.Abs(x - corner.X) + Math.Abs(y - corner.Y) > 1e-9;
        }
    }

    [Test]
    public void LightingShiftsLogits()
    {
        Assert.That(Math.Log(0.4 / 0.6), Is.EqualTo(-0.405465).Within(1e-6));
        var image = new Image(2, 1, [64, 128, 192, 1, 254, 77]);
        var y = new TransformPipeline([new Brightness(0.4), new Contrast(1.25)]).Apply(image, layout: PixelLayout.Hwc).Pixels;
        for (var i = 0; i < 6; i++)
        {
            var x = image.Pixels[i] / 255.0;
            var logit = (Math.Log(x / (1 - x)) - 0.405465) * 1.25;
            Assert.That(y[i], Is.EqualTo(1 / (1 + Math.Exp(-logit))).Within(1e-5));
        }
        Assert.That(new TransformPipeline([new Brightness(0.5), new Contrast(1)]).Apply(image, layout: PixelLayout.Hwc).Pixels, Is.EqualTo(Plain(image, hwc: true)).Within(1e-6));
    }

    /// <summary>Lighting comes after the resampling and before the crop's padding: black padding stays black.</summary>
    [Test]
    public void LightingDoesNotTouchTheCropsPadding()
    {
        var pipeline = new TransformPipeline([new CropPad(), new Brightness(0.9)], 9, ResizeMethod.Pad, PaddingMode.Zeros);
        var y = pipeline.Apply(new Image(9, 3, [.. Enumerable.Repeat((byte)128, 81)])).Pixels;
        Assert.That(y.Take(27), Is.All.Zero);
        Assert.That(y.Skip(27).Take(27), Is.All.GreaterThan(0.85f));
    }

    [Test]
    public void ContrastIsDrawnLogUniformly()
    {
        var draws = Enumerable.Range(0, 2000).Select(i => new Uniform(0.8, 1.25).DrawLog(new ItemRandom(3, 0, i))).ToArray();
        Assert.That(draws, Is.All.InRange(0.8, 1.25));
        Assert.That(draws.Average(Math.Log), Is.Zero.Within(0.01));
        Assert.That(() => new Uniform(0, 1).DrawLog(ItemRandom.Fixed), Throws.TypeOf<TesseraException>());
    }

    [Test]
    public void CutoutBlackensSquares()
    {
        var white = new Image(50, 60, [.. Enumerable.Repeat((byte)255, 9000)]);
        var seen = new HashSet<int>();
        for (var item = 0; item < 50; item++)
        {
            var y = new TransformPipeline([new Cutout { Holes = (1, 1), Length = (10, 10) }]).Apply(white, new ItemRandom(1, 0, item)).Pixels;
            var holes = Enumerable.Range(0, 3000).Where(i => y[i] == 0).ToArray();
            Assert.That(y, Is.All.AnyOf(0f, 1f));
            Assert.That(holes, Has.Length.InRange(25, 100));
            var (rows, cols) = (holes.Max(i => i / 50) - holes.Min(i => i / 50) + 1, holes.Max(i => i % 50) - holes.Min(i => i % 50) + 1);
            Assert.That(holes, Has.Length.EqualTo(rows * cols), "the hole is a rectangle");
            seen.Add(holes[0]);
        }
        Assert.That(seen, Has.Count.GreaterThan(40));
    }

    [Test]
    public void RgbRandomizeReplacesOneChannel([Range(0, 2)] int channel)
    {
        var image = Noise(20, 20);
        var (y, before) = (new TransformPipeline([new RgbRandomize(0.3) { Channel = channel }]).Apply(image).Pixels, Plain(image));
        for (var k = 0; k < 3; k++)
        {
            var plane = y.Skip(400 * k).Take(400);
            if (k != channel)
                Assert.That(plane, Is.EqualTo(before.Skip(400 * k).Take(400)));
            else
                Assert.That(plane, Is.All.InRange(0f, 0.3f));
        }
        Assert.That(y, Is.Not.EqualTo(before));
    }

    [Test]
    public void JitterMovesEachPointALittle()
    {
        using var canvas = new Canvas(Noise(21, 11));
        new Jitter(0.05).Apply(canvas, new ItemRandom(1, 2, 3));
        var moves = (from i in Enumerable.Range(0, 11) from j in Enumerable.Range(0, 21) select (Point: canvas.Grid().Point(i, j), X: j / 10.0 - 1, Y: i / 5.0 - 1)).ToArray();
        Assert.That(moves.Select(m => Math.Abs(m.Point.X - m.X)).Concat(moves.Select(m => Math.Abs(m.Point.Y - m.Y))), Is.All.LessThan(0.0501));
        Assert.That(moves.Average(m => Math.Abs(m.Point.X - m.X)), Is.EqualTo(0.025).Within(0.005));
        var plain = Plain(Noise(21, 11));
        Assert.That(new TransformPipeline([new Jitter(0)]).Apply(Noise(21, 11)).Pixels, Is.EqualTo(plain).Within(1e-4));
        // A later rotation, flip and crop act on jittered points too.
        var turned = new TransformPipeline([new Jitter(1e-9), new Rotate(20), new FlipLeftRight(), new Crop((7, 9))]).Apply(Noise(21, 11)).Pixels;
        Assert.That(turned, Is.EqualTo(new TransformPipeline([new Rotate(20), new FlipLeftRight(), new Crop((7, 9))]).Apply(Noise(21, 11)).Pixels).Within(1e-4));
    }

    [TestCase(PaddingMode.Reflection, new[] { 3, 2, 1, 2, 3, 2, 1, 2 })]
    [TestCase(PaddingMode.Border, new[] { 1, 1, 1, 2, 3, 3, 3, 3 })]
    [TestCase(PaddingMode.Zeros, new[] { 0, 0, 1, 2, 3, 0, 0, 0 })]
    public void PaddingModes(PaddingMode mode, int[] expected)
    {
        var row = new Image(3, 1, [1, 1, 1, 2, 2, 2, 3, 3, 3]);
        using var canvas = new Canvas(row);
        canvas.Pad(0, 3, mode);
        canvas.Crop(1, 8, 0, 0.67);
        var y = new float[24];
        canvas.Write(y, PixelLayout.Chw);
        Assert.That(y.Take(8).Select(v => (int)MathF.Round(v * 255)), Is.EqualTo(expected));
    }

    /// <summary>Reflection about the centres of the border pixels: no border pixel appears twice.</summary>
    [Test]
    public void SamplerReflectsAboutPixelCentres()
    {
        var row = new Image(4, 4, [.. Enumerable.Range(0, 16).SelectMany(i => Enumerable.Repeat((byte)(10 * (i % 4)), 3))]);
        var y = new TransformPipeline([new Zoom(1.0 / 3)]).Apply(row, layout: PixelLayout.Hwc).Pixels; // columns -3, 0, 3, 6
        Assert.That(y.Take(12).Where((_, i) => i % 3 == 0).Select(v => v * 255), Is.EqualTo(new[] { 30.0, 0, 30, 0 }).Within(1e-3));
    }

    internal static Image White(int width, int height, int row, int col)
    {
        var px = new byte[width * height * 3];
        px.AsSpan((row * width + col) * 3, 3).Fill(255);
        return new Image(width, height, px);
    }

    internal static Image Noise(int width, int height)
    {
        var px = new byte[width * height * 3];
        new Random(width * 1000 + height).NextBytes(px);
        return new Image(width, height, px);
    }

    internal static float[] Plain(Image image, bool hwc = false) =>
        new TransformPipeline([]).Apply(image, layout: hwc ? PixelLayout.Hwc : PixelLayout.Chw).Pixels;
}
