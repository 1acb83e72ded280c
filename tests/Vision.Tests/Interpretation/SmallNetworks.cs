using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Interpretation;

/// <summary>Networks and sets that are quick to look through.</summary>
static class SmallNetworks
{
    /// <summary>A body of one convolution with batch norm, and a head of the lesson's kind, over random pictures of three classes; counts what is loaded.</summary>
    public static (Learner Learner, CountingSet Set) OverNoise(int items = 30, int side = 8, int batchSize = 64)
    {
        Generator.Seed(3);
        var set = new CountingSet(items, side);
        var model = new Sequential(
            new Sequential(new Conv2d(3, 6, 3, padding: 1), new BatchNorm2d(6), new Relu()),
            new Sequential(new AdaptiveConcatPool2d(1), new Flatten(), new Dropout(0.5), new Linear(12, 3)));
        ((BatchNorm2d)((Sequential)model[0])[1]).RunningMean.CopyFrom(Tensor.From(0.3f, -0.2f, 0.1f, 0f, 0.2f, -0.1f));
        var loader = new DataLoader(set, batchSize, workers: 0);
        return (new Learner(new DataBunch(loader, loader), model, new CrossEntropyLoss()) { Display = null }, set);
    }

    /// <summary>A slim ResNet-18 over committed photos of some breeds.</summary>
    public static ImageLearner OverPets(TransformPair? transforms = null, int size = 32, int perBreed = 6, int? workers = 0, ulong seed = 42, int batchSize = 4)
    {
        string[] photos = [.. ImageFiles.In(TestData.Asset("pets/images"), recurse: true)
            .GroupBy(Breed, StringComparer.Ordinal).Where(g => g.Key is "Abyssinian" or "havanese" or "Bengal").SelectMany(g => g.Order(StringComparer.Ordinal).Take(perBreed))];
        var data = ImageDataBunch.FromNameFunction(photos, Breed, transforms, size, batchSize,
            new() { Seed = seed, Workers = workers, ValidFraction = 0.5, Check = false }).Normalize(ImageNet.Stats);
        var learn = ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), Metrics.ErrorRate);
        learn.Display = null;
        return learn;
    }

    public static string Breed(string path) => Path.GetFileName(path)[..Path.GetFileName(path).LastIndexOf('_')];
}

/// <summary>Noise with classes in turn; counts how often an item is loaded.</summary>
sealed class CountingSet(int items, int side) : Dataset
{
    int loads;

    public int Loads => loads;

    public override int Count => items;

    public override Shape InputShape => [3, side, side];

    public override void Load(int item, Philox random, Span<float> x, out long label)
    {
        Interlocked.Increment(ref loads);
        Tensor.Uniform([x.Length], new Philox(7, (ulong)item)).CopyTo(x);
        label = item % 3;
    }
}
