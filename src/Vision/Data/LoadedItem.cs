using Tessera.NN;

namespace Tessera.Vision;

/// <summary>One item as a loader gives it in its first epoch: before the batch transform, elements in the order H, W, C.</summary>
/// <param name="Elements">The elements.</param>
/// <param name="Shape">[C, H, W].</param>
/// <param name="Label">The class; -1 where it is not known.</param>
readonly record struct LoadedItem(float[] Elements, Shape Shape, int Label)
{
    /// <exception cref="TesseraException">There is no such item, or items are no pictures.</exception>
    public static LoadedItem Of(DataLoader set, int item)
    {
        var (data, shape) = (set.Dataset, set.Dataset.InputShape);
        if ((uint)item >= (uint)data.Count)
            throw new TesseraException(FormattableString.Invariant(
                $"Items: no such item: got {item}, expected 0..{data.Count - 1}. Hint: items are numbered as in the data set, from 0."));
        if (shape.Rank != 3) throw new ShapeException($"no pictures: got items of shape {shape}, expected [C, H, W]. Hint: only pictures can be shown.");
        float[] elements = new float[shape.Count];
        data.Load(item, new Philox(set.Seed).At(0, (uint)item), elements, out long label);
        return new LoadedItem(elements, shape, (int)label);
    }

    /// <summary>Items as one batch <c>[N, C, H, W]</c>.</summary>
    public static Tensor Batch(IReadOnlyList<LoadedItem> items, Device device) =>
        Tensor.FromChannelsLast<float>(items.SelectMany(i => i.Elements).ToArray(), [items.Count, .. items[0].Shape], device);

    /// <summary>The item as a picture: of one channel grey, of three red, green, blue in [0, 1].</summary>
    public Image ToImage() => Pictures.Of(Elements, Shape[1], Shape[2]);
}
