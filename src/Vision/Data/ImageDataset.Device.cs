namespace Tessera.Vision;

/// <content>Batches that the device makes from the photos' bytes.</content>
public sealed partial class ImageDataset
{
    /// <summary>Whether loaders hand decoded photos to the device, which makes the pictures.</summary>
    internal bool OnDevice { get; init; }

    internal override bool MakesBatches => OnDevice;

    internal override object Prepare(int item, Philox random, out long label)
    {
        (string path, int number) = Items[item];
        label = number;
        var image = decoded?.Find(path) ?? Decode(path);
        return new Prepared(image, pipeline.Plan(image, random));
    }

    internal override Tensor Make(ReadOnlySpan<object?> items, Device device)
    {
        var pictures = new Picture[items.Length];
        for (var i = 0; i < pictures.Length; i++)
            pictures[i] = ((Prepared)items[i]!).Picture;
        var x = Tensor.Empty([pictures.Length, .. InputShape], device: device);
        device.Backend.SamplePictures(pictures, x.View, ChannelScale.None);
        foreach (var item in items)
            ((Prepared)item!).Image.Recycle();
        return x;
    }

    sealed record Prepared(Image Image, Picture Picture);
}
