using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>The chain as a whole: sizes, order, randomness, robustness.</summary>
public sealed class TransformPipelineTests
{
    [Test]
    public void CropAndPadOfALandscapePhoto()
    {
        var image = TransformTests.Noise(500, 375);
        using var crop = new TransformPipeline([], 224, ResizeMethod.Crop).Draw(image, ItemRandom.Fixed, crop: false);
        using var pad = new TransformPipeline([], 224, ResizeMethod.Pad).Draw(image, ItemRandom.Fixed, crop: false);
        Assert.That((crop.Height, crop.Width), Is.EqualTo((224, 299)));
        Assert.That((pad.Height, pad.Width), Is.EqualTo((168, 224)));
        Assert.That(crop.ShrunkSize(), Is.Null);

        // The validation crop begins at column 38 of 299; the padding is 28 rows of reflection.
        var whole = new TransformPipeline([], (224, 299)).Apply(image).Pixels;
        var centre = new TransformPipeline([], 224).Apply(image).Pixels;
        Assert.That(centre.Take(224), Is.EqualTo(whole.Skip(38).Take(224)).Within(5e-5));
        var padded = new TransformPipeline([], 224, ResizeMethod.Pad).Apply(image).Pixels;
        Assert.That(padded.Skip(27 * 224).Take(224), Is.EqualTo(padded.Skip(29 * 224).Take(224)));
        Assert.That(padded.Take(224), Is.EqualTo(padded.Skip(56 * 224).Take(224)));
    }

    [Test]
    public void SquareSizesCropAndPairsSquish()
    {
        Assert.That(new TransformPipeline([], 224).Method, Is.EqualTo(ResizeMethod.Crop));
        Assert.That(new TransformPipeline([], (224, 224)).Method, Is.EqualTo(ResizeMethod.Squish));
        Assert.That(new TransformPipeline([], 225, multiple: 32).Size, Is.EqualTo((ImageSize)224));
        Assert.That(new TransformPipeline([], (100, 250), multiple: 32).Size, Is.EqualTo((ImageSize)(96, 256)));
        Assert.That(() => new TransformPipeline([], 0), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void DefaultLists()
    {
        var (train, valid) = Transforms.Default();
        Assert.That(train.Select(t => t.GetType()), Is.EqualTo(new[]
        {
            typeof(CropPad), typeof(FlipLeftRight), typeof(SymmetricWarp), typeof(Rotate), typeof(Zoom), typeof(Brightness), typeof(Contrast),
        }));
        Assert.That(train.Select(t => t.P), Is.EqualTo(new[] { 1, 0.5, 0.75, 0.75, 0.75, 0.75, 0.75 }));
        Assert.That(train[0], Is.EqualTo(new CropPad { RowPct = (0, 1), ColPct = (0, 1) }));
        Assert.That(train[2], Is.EqualTo(new SymmetricWarp((-0.2, 0.2)) { P = 0.75 }));
        Assert.That(train[3], Is.EqualTo(new Rotate((-10, 10)) { P = 0.75 }));
        Assert.That(train[4], Is.EqualTo(new Zoom((1, 1.1)) { RowPct = (0, 1), ColPct = (0, 1), P = 0.75 }));
        Assert.That(train[5], Is.EqualTo(new Brightness((0.4, 0.6)) { P = 0.75 }));
        Assert.That(train[6], Is.EqualTo(new Contrast((0.8, 1.25)) { P = 0.75 }));
        Assert.That(valid, Is.EqualTo(new[] { new CropPad() }));
    }

    [Test]
    public void ZeroMaximaLeaveEntriesOut()
    {
        Assert.That(Transforms.Default(doFlip: false, maxRotate: 0, maxZoom: 1, maxLighting: 0, maxWarp: 0).Train, Is.EqualTo(new[] { Transforms.RandCrop() }));
        Assert.That(Transforms.Default(flipVert: true).Train[1], Is.EqualTo(new DihedralAffine()));
        Assert.That(Transforms.Default(extra: [new Cutout()]).Train[^1], Is.EqualTo(new Cutout()));
        Assert.That(() => Transforms.Default(maxLighting: 1), Throws.TypeOf<TesseraException>());
    }

    /// <summary>Flips and crops only change the view, so a chain equals its steps done one after the other on finished pixels.</summary>
    [Test]
    public void LazyEqualsStepByStep()
    {
        var image = TransformTests.Noise(37, 29);
        Transform[] steps = [new Dihedral { K = 5 }, new FlipLeftRight(), new Crop((20, 15)) { RowPct = 0.2, ColPct = 0.9 }, new Dihedral { K = 6 }];
        using var lazy = new Canvas(image);
        using var eager = new Canvas(image);
        foreach (var step in steps)
        {
            step.Apply(lazy, ItemRandom.Fixed);
            step.Apply(eager, ItemRandom.Fixed);
            eager.Pixels();
        }
        Assert.That((lazy.Height, lazy.Width), Is.EqualTo((eager.Height, eager.Width)));
        var (a, b) = (new float[lazy.Height * lazy.Width * 3], new float[lazy.Height * lazy.Width * 3]);
        lazy.Write(a, PixelLayout.Hwc);
        eager.Write(b, PixelLayout.Hwc);
        Assert.That(a, Is.EqualTo(b));
    }

    /// <summary>An affine step after lighting or a flip must see their result, not be folded in front of them.</summary>
    [Test]
    public void LateAffineStepsSampleAgain()
    {
        var image = TransformTests.Noise(30, 20);
        using var canvas = new Canvas(image, PaddingMode.Zeros);
        canvas.Light(1, 2);
        canvas.Affine(new(0.5, 0, 1.4, 0, 1, 0)); // the right part lies outside
        var y = new float[1800];
        canvas.Write(y, PixelLayout.Hwc);
        Assert.That(y[(30 - 1) * 3], Is.Zero, "outside is black, not lit");

        using var flipped = new Canvas(image);
        flipped.FlipColumns();
        flipped.Affine(new(0.5, 0, 0.5, 0, 1, 0)); // the right half
        flipped.Write(y, PixelLayout.Hwc);
        Assert.That(y[29 * 3] * 255, Is.EqualTo((double)image.Pixels[0]).Within(1e-2));
    }

    [Test]
    public void SameSeedEpochAndItemGiveSameBitsOnAnyThread()
    {
        var pipeline = new TransformPipeline([.. Transforms.Default().Train, new Jitter(0.01), new Cutout { Length = (4, 8) }], 32);
        var images = Enumerable.Range(0, 8).Select(i => TransformTests.Noise(40 + i, 60 - i)).ToArray();
        float[] Run(int item, int epoch = 3, ulong seed = 5) => pipeline.Apply(images[item], new ItemRandom(seed, epoch, item)).Pixels;

        var first = Enumerable.Range(0, 8).Select(i => Run(i)).ToArray();
        var second = new float[8][];
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => second[7 - i] = Run(7 - i));
        Assert.That(second, Is.EqualTo(first));
        Assert.That(Run(0, epoch: 4), Is.Not.EqualTo(first[0]));
        Assert.That(Run(0, seed: 6), Is.Not.EqualTo(first[0]));
    }

    [Test]
    public void CoinsFallAsOftenAsTheySay()
    {
        var flip = new TransformPipeline([new FlipLeftRight { P = 0.3 }]);
        var image = TransformTests.White(2, 1, 0, 0);
        var flips = Enumerable.Range(0, 4000).Count(i => flip.Apply(image, new ItemRandom(9, 0, i)).Pixels[0] == 0);
        Assert.That(flips / 4000.0, Is.EqualTo(0.3).Within(0.03));
    }

    [Test]
    public void RandomNumbersAreUniform()
    {
        var draws = Enumerable.Range(0, 500).SelectMany(i =>
        {
            var random = new ItemRandom(1, 1, i);
            random.Begin(2);
            return new[] { random.NextDouble(), random.NextDouble(), random.NextDouble() };
        }).ToArray();
        Assert.That(draws, Is.All.InRange(0.0, 1.0));
        Assert.That(draws, Is.Unique);
        Assert.That(draws.Average(), Is.EqualTo(0.5).Within(0.03));
        Assert.That(draws.Average(d => d * d), Is.EqualTo(1 / 3.0).Within(0.03));
        Assert.That(Enumerable.Range(0, 300).Select(i => new ItemRandom(1, 1, i).NextInt(3)).Distinct().Count(), Is.EqualTo(3));
    }

    /// <summary>One transform's draws do not depend on how many numbers the one before it took.</summary>
    [Test]
    public void TransformsDrawIndependently()
    {
        float[] Cut(Transform before) =>
            new TransformPipeline([before, new Cutout { Length = (5, 9) }]).Apply(TransformTests.Noise(30, 30), new ItemRandom(4, 0, 0)).Pixels;
        static bool[] Holes(float[] y) => [.. y.Select(v => v == 0)];
        Assert.That(Holes(Cut(new Brightness((0.5, 0.5)))).Zip(Holes(Cut(new Jitter(0)))).Count(p => p.First != p.Second), Is.LessThan(40));
    }

    [Test]
    public void RandResizeCropStaysInside()
    {
        var white = new Image(80, 50, [.. Enumerable.Repeat((byte)255, 12000)]);
        var pipeline = new TransformPipeline(Transforms.RandResizeCrop(32), 32, padding: PaddingMode.Zeros);
        for (var i = 0; i < 50; i++)
        {
            var (y, h, w) = pipeline.Apply(white, new ItemRandom(2, 0, i));
            Assert.That((h, w), Is.EqualTo((32, 32)));
            Assert.That(y, Is.All.GreaterThan(0.999f), "no point outside the picture is sampled");
        }
    }

    [Test]
    public void RandPadAndZoomCropKeepTheSize()
    {
        Assert.That(new TransformPipeline(Transforms.RandPad(4, 32)).Apply(TransformTests.Noise(32, 32), new ItemRandom(1, 0, 0)).Pixels, Has.Length.EqualTo(3072));
        foreach (var random in new[] { false, true })
            Assert.That(new TransformPipeline(Transforms.ZoomCrop((1, 2), random), 24).Apply(TransformTests.Noise(32, 50)).Pixels, Has.Length.EqualTo(1728));
    }

    /// <summary>Pictures of one pixel, zooms to almost nothing, horizons inside the picture, large magnitudes: always numbers in [0, 1].</summary>
    [Test]
    public void WildParametersNeverLeaveTheRange([Values] PaddingMode padding, [Values] InterpolationMode mode, [Values(1, 2, 19)] int width, [Values(1, 8)] int height)
    {
        var image = TransformTests.Noise(width, height);
        Transform[] wild =
        [
            new Zoom(1e-300), new Zoom(1e-30), new Zoom(1e30), new Rotate(360), new Squish(1e20), new SymmetricWarp(-1), new SymmetricWarp(10),
            new PerspectiveWarp((-3, 3)), new Tilt(-1), new Skew(-2), new Jitter(10), new Brightness(1e-300), new Brightness(Math.BitDecrement(1.0)), new Contrast(100),
        ];
        foreach (var transform in wild)
        {
            foreach (ImageSize? size in new ImageSize?[] { null, 5, (3, 11) })
            {
                var y = new TransformPipeline([transform], size, padding: padding, mode: mode).Apply(image, new ItemRandom(1, 0, 0)).Pixels;
                Assert.That(y, Is.All.InRange(0f, 1f), $"{transform} {size}");
            }
        }
    }

    [Test]
    public void WrongDestinationIsReported() => Assert.That(
        () => new TransformPipeline([]).Apply(TransformTests.Noise(4, 5), ItemRandom.Fixed, new float[59], PixelLayout.Hwc),
        Throws.TypeOf<ShapeException>().With.Message.Contains("3 x 5 x 4"));

    [Test]
    public void CropLargerThanThePictureIsReported() => Assert.That(
        () => new TransformPipeline([new Crop(9)]).Apply(TransformTests.Noise(4, 5)), Throws.TypeOf<ShapeException>().With.Message.Contains("CropPad"));
}
