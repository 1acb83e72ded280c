using Tessera.Vision;

namespace Tessera.Benchmarks;

/// <summary>A report over the validation photos, top losses with heat maps included, against what it is made from: one pass over them.</summary>
static class InterpretWorks
{
    const string Name = "interpretation with its report";

    public static IEnumerable<Work> All => [new(Name, b => [Measure(b)])];

    static Row Measure(Bench bench)
    {
        string page = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.html");
        var network = Architecture.FromOnnx(Path.Combine(Assets.Folder("models"), "resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"));
        var data = ImageDataBunch.FromNameRegex(bench.Photos ?? Assets.Folder("pets/images"), @"/([^/]+)_\d+\.[^./]+$", size: bench.Size.Side, batchSize: bench.Size.Batch,
            options: new ImageDataOptions { ValidFraction = bench.Size.IsTiny ? 0.01 : 0.5, Seed = 1 }).Normalize(ImageNet.Stats);
        var learn = ImageLearner.Create(data, network);
        learn.Display = null;
        try
        {
            var t = bench.Sampling.Alternate(() => learn.Interpret().SaveReport(page), () => learn.Validate());
            return new(Name, "a validation pass", t[0].Milliseconds, t[1].Milliseconds, "ms", t[0].Milliseconds / t[1].Milliseconds, 1.5, null, true, Math.Min(t[0].Samples, t[1].Samples), t[0].Disturbed + t[1].Disturbed,
                $"{data.ValidSet!.Count} photos, first three stages of a ResNet-50; ratio: how much longer it takes");
        }
        finally
        {
            File.Delete(page);
        }
    }
}
