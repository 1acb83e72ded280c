namespace Tessera.Vision;

/// <summary>Small photos of noise that a device warps, lights, crops and normalises, and bytes that it normalises: what a self-test compares with the processor.</summary>
internal static class PictureTrial
{
    const int Photos = 4, Side = 24;

    /// <summary>The batch of pictures and the batch of bytes, normalised as ImageNet's.</summary>
    public static Tensor[] Run(Device device)
    {
        var transforms = Transforms.Default(pAffine: 1, pLighting: 1, maxRotate: 30, maxLighting: 0.5);
        TransformPipeline pipeline = new(transforms.Train, Side);
        Picture[] pictures = [.. Enumerable.Range(0, Photos).Select(i => pipeline.Plan(Photo(40 + (7 * i), 33, i), new Philox(11, (ulong)i)))];
        var made = Tensor.Empty([Photos, Image.Channels, Side, Side], device: device);
        device.Backend.SamplePictures(pictures, made.View, new ChannelScale(ImageNet.Stats.Mean.ToArray(), ImageNet.Stats.Std.ToArray()));
        var bytes = Tensor.From(Photo(13, 2 * 9, Photos).Pixels, [2, Image.Channels, 9, 13], device);
        return [made, ImageNet.Stats.Normalize(bytes)];
    }

    static Image Photo(int width, int height, int seed)
    {
        Philox random = new(5, (ulong)seed);
        byte[] rgb = new byte[3 * width * height];
        for (int i = 0; i < rgb.Length; i++) rgb[i] = (byte)(random.Uniform((ulong)i) * 256);
        return new Image(width, height, rgb);
    }
}
