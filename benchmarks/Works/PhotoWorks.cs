using Tessera.Vision;

namespace Tessera.Benchmarks;

/// <summary>What a thread of the loader does with a photo of a training epoch: decode it, and draw it once with the lesson's random transforms.</summary>
static class PhotoWorks
{
    const string Name = "augmentation at 224 with decode";

    // Photos a second that one core must reach.
    const double Asked = 250;

    const int MostPhotos = 64;

    public static IEnumerable<Work> All => [new(Name, b => [Measure(b)])];

    static Row Measure(Bench bench)
    {
        int side = bench.Size.Side, epoch = 0;
        string[] files = [.. ImageFiles.In(bench.Photos ?? Assets.Folder("pets/images")).Take(bench.Size.IsTiny ? 2 : MostPhotos)];
        var pipeline = new TransformPipeline(Transforms.Default().Train, side);
        float[] y = new float[side * side * Image.Channels];
        var time = bench.Sampling.Alternate(Epoch)[0];
        double rate = files.Length * 1000 / time.Milliseconds;
        return new(Name, "asked of a core", rate, Asked, "photos/s", rate / Asked, 1, null, false, time.Samples, time.Disturbed, $"one thread, {files.Length} photos from their files");

        void Epoch()
        {
            epoch++;
            for (int i = 0; i < files.Length; i++) pipeline.Apply(Image.Load(files[i]), new ItemRandom(1, epoch, i), y, PixelLayout.Hwc);
        }
    }
}
