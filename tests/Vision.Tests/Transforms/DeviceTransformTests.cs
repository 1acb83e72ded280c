using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Batches made on the device against the pictures of the loading threads, from the same random numbers.</summary>
[NonParallelizable]
public sealed class DeviceTransformTests
{
    const int Side = 40;

    static readonly Dictionary<string, (IReadOnlyList<Transform> Transforms, bool OneSampling)> lists = new()
    {
        ["none"] = ([], true),
        ["default"] = (Transforms.Default().Train, true),
        ["default, dihedral"] = (Transforms.Default(flipVert: true).Train, true),
        ["strong"] = (Transforms.Default(maxRotate: 60, maxZoom: 2, maxLighting: 0.6, maxWarp: 0.5, pAffine: 1, pLighting: 1).Train, true),
        ["flips"] = ([new Dihedral(), new Squish((0.5, 2)), Transforms.RandCrop()], true),
        ["tilt, skew"] = ([new Tilt((-0.3, 0.3)), new Skew((-0.3, 0.3)), new PerspectiveWarp((-0.1, 0.1))], true),
        ["jitter"] = ([new Jitter((0.01, 0.05)), new Rotate((-10, 10)), new FlipLeftRight { P = 0.5 }], true),
        ["cutout"] = ([new Cutout { Holes = (1, 4), Length = (4, 16) }, new Dihedral(), new Brightness((0.3, 0.7)), Transforms.RandCrop()], true),
        ["many holes"] = ([new Cutout { Holes = (5, 8), Length = (4, 16) }], false),
        ["random resize crop"] = (Transforms.RandResizeCrop(Side), true),
        ["random channel"] = ([new RgbRandomize(), new FlipLeftRight()], false),
        ["two samplings"] = ([new Pad(4), new Rotate((-20, 20))], false),
        ["two jitters"] = ([new Jitter(0.02), new Jitter(0.02)], false),
    };

    static IEnumerable<string> Names => lists.Keys;

    // Where a list does not end in one size for every photo (a crop of what Pad leaves small, a Pad behind Squish), there is no batch.
    static IEnumerable<string> NamesFor(ResizeMethod method) =>
        Names.Where(n => n != (method switch { ResizeMethod.Pad => "random resize crop", ResizeMethod.Squish => "two samplings", _ => null }));

    static IEnumerable<object[]> Fitted() =>
        from method in (ResizeMethod[])[ResizeMethod.Crop, ResizeMethod.Pad, ResizeMethod.Squish]
        from name in NamesFor(method)
        from padding in Enum.GetValues<PaddingMode>()
        select new object[] { name, method, padding };

    [TestCaseSource(nameof(Fitted))]
    public void PicturesAreThoseOfTheCpu(string name, ResizeMethod method, PaddingMode padding)
    {
        var (transforms, _) = lists[name];
        var pipeline = new TransformPipeline(transforms, Side, method, padding);
        Image[] photos = [Photo(50, 63), Photo(40, 40), Photo(31, 90), Photo(150, 110), Photo(1, 7)];
        AssertSame(pipeline, photos, Device.Cpu);
    }

    [Test]
    public void TheKernelGivesTheSame([ValueSource(nameof(Names))] string name)
    {
        foreach (var mode in Enum.GetValues<InterpolationMode>())
            AssertSame(new TransformPipeline(lists[name].Transforms, Side, mode: mode), [Photo(50, 63), Photo(97, 130)], TestDevices.Gpu, ties: mode == InterpolationMode.Nearest);
    }

    [Test]
    public void OneSamplingIsEnoughForAllButFew([ValueSource(nameof(Names))] string name)
    {
        var (transforms, one) = lists[name];
        var pipeline = new TransformPipeline(transforms, Side);
        var image = Photo(50, 63);
        Assert.That(pipeline.Plan(image, new Philox(1)).Pixels.Length == image.Buffer.Length, Is.EqualTo(one));
    }

    [Test]
    public void AResultOfAnotherSizeIsAnError()
    {
        var pipeline = new TransformPipeline([new Crop(20)], Side, ResizeMethod.Squish);
        Assert.That(() => pipeline.Plan(Photo(50, 63), new Philox(1)), Throws.TypeOf<ShapeException>().With.Message.Contains("got 20 x 20, expected 40 x 40"));
    }

    [Test]
    public void ALoaderGivesTheSameBatches([Values("cpu", "gpu")] string device, [Values(0, 3)] int workers)
    {
        string folder = Directory.CreateTempSubdirectory("tessera-device-transforms-").FullName;
        try
        {
            for (int i = 0; i < 6; i++) Photo(45 + (3 * i), 60 - (2 * i)).Save(Path.Combine(folder, $"{(i % 2 == 0 ? "cat" : "dog")}_{i}.png"));
            float[][] expected = Epoch(onDevice: false), actual = Epoch(onDevice: true);
            Assert.That(actual, Has.Length.EqualTo(expected.Length).And.Length.EqualTo(3));
            for (int b = 0; b < expected.Length; b++) Assert.That(actual[b], Is.EqualTo(expected[b]).Within(1 / 255.0));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        float[][] Epoch(bool onDevice)
        {
            var options = new ImageDataOptions { ValidFraction = 0, TransformOnDevice = onDevice, Workers = workers, Device = device == "cpu" ? Device.Cpu : TestDevices.Gpu };
            var data = ImageDataBunch.FromNameRegex(folder, @"/([^/]+)_\d+.png$", Transforms.Default(), Side, 2, options);
            return [.. data.Train.Epoch(1).Select(batch => batch.X.ToArray<float>())];
        }
    }

    [Test]
    public void RealPhotosAtTheLessonsSize()
    {
        string[] files = [.. ImageFiles.In(TestData.Data("pets7"), recurse: true).Order(StringComparer.Ordinal).Take(12)];
        AssertSame(new TransformPipeline(Transforms.Default().Train, 224), [.. files.Select(f => Image.Load(f))], Device.Cpu);
    }

    static void AssertSame(TransformPipeline pipeline, Image[] photos, Device device, bool ties = false)
    {
        var streams = photos.Select((_, k) => new Philox(7).At(2, (uint)k)).ToArray();
        var size = pipeline.Size!.Value;
        using var x = Tensor.Empty([photos.Length, 3, size.Height, size.Width], device: device);
        device.Backend.SamplePictures([.. photos.Zip(streams, pipeline.Plan)], x.View, ChannelScale.None);
        float[] actual = x.ToArray<float>();
        float[] expected = [.. photos.Zip(streams, (p, s) => pipeline.Apply(p, new ItemRandom(s)).Pixels).SelectMany(p => p)];
        Assert.That(actual, Has.Length.EqualTo(expected.Length));
        int far = actual.Zip(expected).Count(p => !(Math.Abs(p.First - p.Second) <= 1 / 255.0));
        Assert.That(far, Is.LessThanOrEqualTo(ties ? expected.Length / 100 : 0));
    }

    /// <summary>Gradients with noise.</summary>
    static Image Photo(int h, int w)
    {
        var random = new Philox((ulong)(h * w));
        byte[] rgb = [.. Enumerable.Range(0, h * w * 3).Select(i => (byte)((random.Word((ulong)i) % 120) + (i / 3 % w * 130 / w)))];
        return new(w, h, rgb);
    }
}
