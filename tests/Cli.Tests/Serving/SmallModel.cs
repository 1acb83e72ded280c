using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Serving;

/// <summary>A quick classifier of seven breeds, and photos with what it says about each.</summary>
static class SmallModel
{
    static readonly string pets = TestData.Asset("pets/images");

    /// <summary>A slim ResNet-18 at 64 pixels with a fresh head: it knows nothing, but says something else about every photo.</summary>
    public static ImageLearner Create()
    {
        var data = ImageDataBunch.FromNameRegex(pets, @"/([^/]+)_\d+.jpg$", size: 64, batchSize: 8).Normalize(ImageNet.Stats);
        return ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")));
    }

    public static IReadOnlyList<KnownPhoto> Photos(ImageLearner learner, int count) =>
        [.. ImageFiles.In(pets).Chunk(3).Select(some => some[0]).Take(count).Select(path => new KnownPhoto(File.ReadAllBytes(path), learner.Predict(Image.Load(path)).Probabilities))];
}

/// <summary>The bytes of a photo, and the probability of each class.</summary>
sealed record KnownPhoto(byte[] File, IReadOnlyList<float> Probabilities)
{
    /// <summary>The largest difference of two answers.</summary>
    public static double Distance(IReadOnlyList<float> p, IReadOnlyList<float> q) => p.Zip(q).Max(pair => Math.Abs(pair.First - pair.Second));
}
