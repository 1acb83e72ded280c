using System.Buffers;

namespace Tessera.Vision;

public sealed partial class ImageClassifier
{
    /// <summary>Classifies photos together, which is faster than one by one; an answer does not depend on the other photos beyond rounding.</summary>
    public IReadOnlyList<Prediction> Predict(IReadOnlyList<Image> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        return PredictPrepared([.. images.Select(Prepare)]);
    }

    /// <summary>A photo as <see cref="PredictPrepared"/> takes it: brought to the size, before normalisation, <c>[H, W, 3]</c> in [0, 1]. Any number of threads may call this.</summary>
    /// <exception cref="ShapeException">The transforms of validation make another size of it.</exception>
    public float[] Prepare(Image image)
    {
        ArgumentNullException.ThrowIfNull(image);
        float[] photo = new float[PreparedLength];
        Prepare(image, photo);
        return photo;
    }

    /// <summary>Numbers of a prepared photo.</summary>
    internal int PreparedLength => Size.Height * Size.Width * Image.Channels;

    /// <summary>The same, into the caller's memory.</summary>
    internal void Prepare(Image image, Span<float> photo) => Pipeline.Apply(image, ItemRandom.Fixed, photo, PixelLayout.Hwc);

    /// <summary>Classifies photos that <see cref="Prepare(Image)"/> made, together. One thread at a time.</summary>
    /// <param name="photos">Each <c>[H, W, 3]</c> of this model's <see cref="Size"/>.</param>
    /// <exception cref="ShapeException">A photo of another size.</exception>
    public IReadOnlyList<Prediction> PredictPrepared(IReadOnlyList<float[]> photos)
    {
        ArgumentNullException.ThrowIfNull(photos);
        if (photos.Count == 0) return [];
        int length = PreparedLength;
        if (photos.FirstOrDefault(p => p.Length != length) is { } odd)
            throw new ShapeException(FormattableString.Invariant(
                $"PredictPrepared: a photo of another size: got {odd.Length} numbers, expected {length} = {Size.Height} x {Size.Width} x 3. Hint: Prepare makes them."));
        return [.. Classify(photos).Select(Named)];
    }

    /// <summary>The probabilities of each photo's classes; photos as <see cref="PredictPrepared"/> takes them.</summary>
    float[][] Classify(IReadOnlyList<float[]> photos)
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        Model.Eval();
        var x = Batch(photos);
        return [.. Model.Forward(Stats?.Normalize(x) ?? x).Softmax(1).ToArray<float>().Chunk(Classes.Count)];
    }

    Tensor Batch(IReadOnlyList<float[]> photos)
    {
        int length = photos[0].Length;
        float[] pixels = ArrayPool<float>.Shared.Rent(photos.Count * length);
        for (int i = 0; i < photos.Count; i++) photos[i].CopyTo(pixels, i * length);
        var x = Tensor.FromChannelsLast<float>(pixels.AsSpan(0, photos.Count * length), [photos.Count, Image.Channels, Size.Height, Size.Width]);
        ArrayPool<float>.Shared.Return(pixels);
        return x;
    }

    Prediction Named(float[] probabilities) => Prediction.Of(Classes, probabilities);
}
