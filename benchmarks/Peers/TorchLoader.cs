using System.Collections.Concurrent;
using SkiaSharp;
using Tessera.Vision;

namespace Tessera.Benchmarks;

/// <summary>Photos of a training epoch for TorchSharp, which brings no loader: shuffled, decoded and augmented by threads that work ahead.</summary>
/// <param name="files">The photos.</param>
/// <param name="labels">Their classes.</param>
/// <param name="side">Side of a photo in a batch.</param>
/// <param name="batch">Photos a batch.</param>
sealed class TorchLoader(string[] files, long[] labels, int side, int batch)
{
    readonly Random random = new(5);

    /// <summary>Batches of one epoch: photos <c>[batch, side, side, 3]</c>, normalised, and classes; an incomplete last batch is left out.</summary>
    public IEnumerable<(float[] Photos, long[] Classes)> Epoch()
    {
        int[] order = [.. Enumerable.Range(0, files.Length)];
        random.Shuffle(order);
        int seed = random.Next(), next = -1, batches = order.Length / batch;
        using var ready = new BlockingCollection<(float[], long[])>(2);
        Thread[] workers = [.. Enumerable.Range(0, Machine.Threads).Select(_ => new Thread(Work) { IsBackground = true })];
        foreach (var w in workers) w.Start();
        for (int b = 0; b < batches; b++) yield return ready.Take();
        foreach (var w in workers) w.Join();

        void Work()
        {
            for (int b; (b = Interlocked.Increment(ref next)) < batches;) ready.Add(Load(order.AsSpan(b * batch, batch), new Random(seed + b)));
        }
    }

    (float[], long[]) Load(ReadOnlySpan<int> items, Random r)
    {
        float[] x = new float[batch * side * side * 3];
        long[] y = new long[batch];
        using var surface = new SKBitmap(new SKImageInfo(side, side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        using var canvas = new SKCanvas(surface);
        for (int i = 0; i < items.Length; i++)
        {
            using var photo = SKBitmap.Decode(files[items[i]]);
            TorchAugmentation.Draw(photo, canvas, side, r);
            canvas.Flush();
            Normalize(surface.GetPixelSpan(), x.AsSpan(i * side * side * 3, side * side * 3));
            y[i] = labels[items[i]];
        }
        return (x, y);
    }

    static void Normalize(ReadOnlySpan<byte> rgba, Span<float> x)
    {
        var (mean, std) = (ImageNet.Stats.Mean, ImageNet.Stats.Std);
        Span<float> scale = stackalloc float[3], shift = stackalloc float[3];
        for (int c = 0; c < 3; c++) (scale[c], shift[c]) = (1 / (255 * std[c]), -mean[c] / std[c]);
        for (int p = 0, q = 0; q < x.Length; p += 4, q += 3)
        {
            x[q] = (rgba[p] * scale[0]) + shift[0];
            x[q + 1] = (rgba[p + 1] * scale[1]) + shift[1];
            x[q + 2] = (rgba[p + 2] * scale[2]) + shift[2];
        }
    }
}
