using System.Globalization;
using Tessera.Vision;

namespace Tessera.Benchmarks;

/// <summary>One lesson epoch end to end: decode, transforms, step.</summary>
static class LessonWorks
{
    const string Name = "lesson epoch: photos to trained head";

    // An epoch over more photos takes minutes and shows no more.
    const int MostPhotos = 256;

    public static IEnumerable<Work> All => [new(Name, b => [Epoch(b)])];

    static Row Epoch(Bench bench)
    {
        var target = new Target(Name, "TorchSharp", 1.5, 2.4);
        int batch = bench.Size.Batch;
        string[] all = ImageFiles.In(bench.Photos ?? Assets.Folder("pets/images")), few = Some(all, 2 * Math.Max(batch, 4));
        string[] files = bench.Sampling.Once ? few : Some(all, MostPhotos);
        var (ours, warm) = (LessonEpoch.Ours(files, bench.Size.Side, batch), LessonEpoch.Ours(few, bench.Size.Side, batch));
        string what = string.Create(CultureInfo.InvariantCulture, $"{files.Length} photos, {files.Length / batch} steps");
        if (!bench.Sampling.Once) warm();
        if (!Peer.TorchSharp.Loaded) return Row.Alone(target, bench.Sampling.Warm().Alternate(ours)[0].Milliseconds, "ms", Peer.TorchSharp);
        var (theirs, warmTheirs) = (Theirs(files), Theirs(few));
        if (!bench.Sampling.Once) warmTheirs();
        var t = bench.Sampling.Warm().Alternate(ours, theirs);
        return Row.OfTimes(target, t[0], t[1], what + "; TorchSharp channels-last, photos decoded and drawn by Skia in worker threads");

        Action Theirs(string[] photos) => LessonEpoch.Theirs(photos, bench.Size.Side, batch, TorchLayout.Usual(bench.Size));
    }

    /// <summary>Photos from the whole list, at equal distances.</summary>
    static string[] Some(string[] files, int count) => files.Length <= count ? files : [.. Enumerable.Range(0, count).Select(i => files[(int)((long)i * files.Length / count)])];
}
