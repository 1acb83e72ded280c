namespace Tessera.Vision;

/// <summary>Mean and standard deviation of each channel of photos in [0, 1]; a single value counts for all channels.</summary>
/// <param name="Mean">One a channel: red, green, blue.</param>
/// <param name="Std">One a channel, above 0.</param>
public sealed record ImageStats(IReadOnlyList<float> Mean, IReadOnlyList<float> Std)
{
    /// <summary>Such as <c>mean 0.485, 0.456, 0.406; std 0.229, 0.224, 0.225</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"mean {Numbers(Mean)}; std {Numbers(Std)}");

    /// <summary>Whether no number differs by more than 0.05, as those of two samples of the same photos may.</summary>
    internal static bool AreAlike(ImageStats? a, ImageStats? b) => a is null || b is null ? a == b : Near(a.Mean, b.Mean) && Near(a.Std, b.Std);

    static bool Near(IReadOnlyList<float> a, IReadOnlyList<float> b)
    {
        int channels = Math.Max(a.Count, b.Count);
        return Enumerable.Range(0, channels).All(c => Math.Abs(a[a.Count == 1 ? 0 : c] - b[b.Count == 1 ? 0 : c]) <= 0.05f);
    }

    static string Numbers(IReadOnlyList<float> values) => string.Join(", ", values.Select(v => v.ToString("0.####", System.Globalization.CultureInfo.InvariantCulture)));

    /// <summary>Mean and (unbiased) standard deviation of each channel of a batch <c>[N, C, H, W]</c>.</summary>
    public static ImageStats Of(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.Rank != 4 || x.Count == 0) throw new ShapeException($"ImageStats.Of: no batch: got shape {x.Shape}, expected [N, C, H, W]. Hint: data.Normalize() measures the first batch.");
        var channels = x.Permute(1, 0, 2, 3).ToArray<float>().Chunk((int)(x.Count / x.Shape[1])).ToArray();
        double[] means = [.. channels.Select(c => c.Average(v => (double)v))];
        return new([.. means.Select(m => (float)m)],
            [.. channels.Zip(means, (c, m) => (float)Math.Sqrt(c.Sum(v => (v - m) * (v - m)) / (c.Length - 1)))]);
    }

    /// <summary>(x - mean) / std by channel of a batch <c>[N, C, H, W]</c>; bytes (UInt8) count as x/255, and go to a device at a quarter of the size.</summary>
    public Tensor Normalize(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x.DType == DType.UInt8) return OfBytes(x);
        return (x - Channels(Mean, x)) / Channels(Std, x);
    }

    /// <summary>The inverse: x · std + mean.</summary>
    public Tensor Denormalize(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return (x * Channels(Std, x)) + Channels(Mean, x);
    }

    Tensor OfBytes(Tensor x)
    {
        if (x.Rank != 4 || x.Shape[1] != Image.Channels) return Normalize(x.To(DType.Float32) / 255f);
        var y = Tensor.Empty(x.Shape, device: x.Device);
        var bytes = x.Contiguous();
        x.Device.Backend.NormalizeBytes(bytes.View, y.View, new ChannelScale(Three(Mean), Three(Std)));
        GC.KeepAlive(bytes);
        return y;

        static float[] Three(IReadOnlyList<float> values) => values.Count == 1 ? [values[0], values[0], values[0]] : [.. values];
    }

    static Tensor Channels(IReadOnlyList<float> values, Tensor x) => Tensor.From([.. values], [1, values.Count, 1, 1], x.Device);
}

/// <summary>Facts about ImageNet.</summary>
public static class ImageNet
{
    /// <summary>Channel statistics of the photos that pretrained networks saw.</summary>
    public static ImageStats Stats { get; } = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);
}

/// <summary>Facts about CIFAR-10.</summary>
public static class Cifar
{
    /// <summary>Channel statistics.</summary>
    public static ImageStats Stats { get; } = new([0.491f, 0.482f, 0.447f], [0.247f, 0.243f, 0.261f]);
}

/// <summary>Facts about MNIST.</summary>
public static class Mnist
{
    /// <summary>Statistics of the digits, the same for all channels.</summary>
    public static ImageStats Stats { get; } = new([0.131f], [0.308f]);
}
