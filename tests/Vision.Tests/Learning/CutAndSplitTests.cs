using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

/// <summary>A body may be shorter and layer groups may be other than usual; a file keeps both.</summary>
public sealed class CutAndSplitTests
{
    static readonly Lazy<ImageDataBunch> data = new(() => ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16).Normalize(ImageNet.Stats));

    static string Slim => TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx");

    static ImageLearner Make(Architecture architecture, ImageLearnerOptions options)
    {
        var learn = ImageLearner.Create(data.Value, architecture, options);
        learn.Display = null;
        return learn;
    }

    static ImageLearner Again(ImageLearner learn, out string format)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        learn.Export(path);
        format = Safetensors.ReadHeader(path).Metadata["format"];
        var again = ImageLearner.LoadLearner(path);
        again.Display = null;
        return again.WithData(data.Value);
    }

    static double[] TrainOn(ImageLearner learner)
    {
        Generator.Seed(5);
        learner.Unfreeze();
        learner.Fit(1, 1e-2, callbacks: [new StopAfterNBatches(2)]);
        return [.. learner.Recorder.BatchLosses];
    }

    static int[] Layers(Learner learn) => [.. learn.LayerGroups.Select(g => g.Modules.Count)];

    [Test]
    public void AResNetIsCutBehindAStage()
    {
        foreach (var cut in new Index[] { 6, ^2 })
        {
            var learn = Make(Architecture.FromOnnx(Slim), new() { Cut = cut, Hidden = [4] });
            var body = (Sequential)((Sequential)learn.Model)[0];
            Assert.That(body, Has.Count.EqualTo(6), "stem and two stages");
            Assert.That(learn.LayerGroups.Select(g => g.Name), Is.EqualTo(new[] { "body 0", "head" }));
            Assert.That(learn.FrozenTo, Is.EqualTo(1));
            var whole = Make(Architecture.FromOnnx(Slim), new());
            var x = Tensor.Uniform([2, 3, 32, 32], new Philox(1));
            var expected = ((Sequential)((Sequential)whole.Model)[0]).Take(6).Aggregate(x, (y, part) => part.Eval().Call(y));
            Assert.That(((Sequential)learn.Model)[0].Eval().Call(x).ToArray<float>(), Is.EqualTo(expected.ToArray<float>()).Within(1e-5f));

            var again = Again(learn, out string format);
            Assert.That(format, Is.EqualTo("tessera.image-classifier/3"), "a ResNet of two stages always could be said");
            Assert.That((Layers(again), again.FrozenTo), Is.EqualTo((Layers(learn), 1)));
            Assert.That(TrainOn(again), Is.EqualTo(TrainOn(learn)));
        }
    }

    [Test]
    public void AnotherNetworkIsCutBehindAnyOfItsParts()
    {
        var learn = Make(Architecture.SqueezeNet(), new() { Cut = 6, Hidden = [4] });
        Assert.That(((Sequential)((Sequential)learn.Model)[0]), Has.Count.EqualTo(6));
        Assert.That(((Sequential)((Sequential)learn.Model)[1]).OfType<Linear>().First().Weight.Shape, Is.EqualTo(new Shape(4, 256)), "128 channels, pooled twice");
        Assert.That(Layers(learn), Has.Length.EqualTo(3));
        var again = Again(learn, out string format);
        Assert.That(format, Is.EqualTo("tessera.image-classifier/6"));
        Assert.That(Layers(again), Is.EqualTo(Layers(learn)));
        Assert.That(TrainOn(again), Is.EqualTo(TrainOn(learn)));
        Assert.That(Make(Architecture.SqueezeNet(), new() { Cut = ^0, Hidden = [4] }).Report, Does.Not.Contain("parts"));
    }

    static IReadOnlyList<Module> Stages(Sequential model) => [((Sequential)model[0])[5], ((Sequential)model[0])[7], model[1]];

    [Test]
    public void LayerGroupsBeginWhereSplitOnSays()
    {
        var learn = Make(Architecture.FromOnnx(Slim), new() { SplitOn = Stages, Hidden = [4] });
        var body = (Sequential)((Sequential)learn.Model)[0];
        Assert.That(learn.LayerGroups.Select(g => g.Modules[0]), Is.EqualTo(new[] { body[0], First(body[5]), First(body[7]), First(((Sequential)learn.Model)[1]) }));
        Assert.That(learn.FrozenTo, Is.EqualTo(3), "all but the last");
        Assert.That(body[7].Parameters().Where(p => p.Rank > 1).Any(p => p.RequiresGrad), Is.False);
        learn.FreezeTo(2);
        learn.Wd = WeightDecay.PerGroup(0.1, 0.2, 0.3, 0.4);

        var again = Again(learn, out string format);
        Assert.That(format, Is.EqualTo("tessera.image-classifier/3"));
        Assert.That((Layers(again), again.FrozenTo, again.Wd), Is.EqualTo((Layers(learn), 2, learn.Wd)));
        Assert.That(again.Report, Does.Not.Contain("not taken over"));
        Assert.That(TrainOn(again), Is.EqualTo(TrainOn(learn)));
        Assert.That(Layers(Again(again, out _)), Is.EqualTo(Layers(learn)), "a file of a file");

        static Module First(Module module) => LayerGroup.Layers(module).First();
    }

    /// <summary>A graph's layers have names, too.</summary>
    [Test]
    public void TheGroupsOfAGraphComeBack()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("net.onnx");
        Generator.Seed(1);
        new Sequential(new Conv2d(3, 4, 3, 2), new Relu(), new Conv2d(4, 8, 3, 2), new Relu(), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(8, 10)).ExportOnnx(file, [3, 32, 32]);
        var learn = Make(Architecture.FromOnnx(file), new() { Hidden = [4], SplitOn = model => [model[0].NamedModules().Select(m => m.Module).OfType<Conv2d>().Last(), model[1]] });
        Assert.That(Layers(learn), Has.Length.EqualTo(3));
        var again = Again(learn, out _);
        Assert.That(Layers(again), Is.EqualTo(Layers(learn)));
        Assert.That(() => Make(Architecture.FromOnnx(file), new() { Cut = 2 }), Throws.TypeOf<TesseraException>().With.Message.Contains("Architecture.FromOnnx(path, cut:"));
    }

    /// <summary>A head of one's own becomes a graph, which has other modules.</summary>
    [Test]
    public void GroupsBeforeAHeadOfYourOwnComeBack()
    {
        static Module Own(int features, int classes) => new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), new Linear(features, 4), new Relu(), new Linear(4, classes));
        var learn = Make(Architecture.FromOnnx(Slim), new() { Head = Own, SplitOn = Stages });
        Assert.That(Again(learn, out _).LayerGroups.Select(g => g.Parameters.Count()), Is.EqualTo(learn.LayerGroups.Select(g => g.Parameters.Count())));
        var within = Make(Architecture.FromOnnx(Slim), new() { Head = Own, SplitOn = model => [model[1], ((Sequential)model[1])[3]] });
        Assert.That(Again(within, out _).Report, Does.Contain("not taken over: the layer groups"));
    }

    [Test]
    public void GroupsThatAreNoCutsAreNamed()
    {
        var learn = Make(Architecture.FromOnnx(Slim), new() { Hidden = [4] });
        var model = (Sequential)learn.Model;
        learn.LayerGroups = [new LayerGroup("head first", model[1]), new LayerGroup("body", model[0])];
        var again = Again(learn, out _);
        Assert.That(again.Report, Does.EndWith("not taken over: the layer groups (they are the usual ones now: set LayerGroups)"));
        Assert.That(again.LayerGroups.Select(g => g.Name), Is.EqualTo(new[] { "body 0", "body 1", "head" }));
    }

    [Test]
    public void WhatIsNoPartIsAnErrorThatSaysWhat()
    {
        (string What, Architecture Architecture, ImageLearnerOptions Options)[] mistakes =
        [
            ("got 3, expected 5..8, which is all of it, the stem and at least one stage", Architecture.FromOnnx(Slim), new() { Cut = 3 }),
            ("got ^9, expected 5..8", Architecture.FromOnnx(Slim), new() { Cut = ^9 }),
            ("got 14, expected 1..13", Architecture.SqueezeNet(), new() { Cut = 14 }),
            ("not a later part of the model", Architecture.FromOnnx(Slim), new() { SplitOn = model => [model[1], model[0]] }),
            ("not a later part of the model", Architecture.FromOnnx(Slim), new() { SplitOn = _ => [new Relu()] }),
        ];
        foreach (var (what, architecture, options) in mistakes)
        {
            var error = Assert.Catch<TesseraException>(() => Make(architecture, options), what)!;
            Assert.That(error.Message, Does.Contain(what).And.Match(ErrorForm.Of(error)));
        }
    }

    /// <summary>A small file names a large network: it is not made.</summary>
    [Test]
    public void ACutDoesNotLetASmallFileMakeALargeNetwork()
    {
        var learn = Make(Architecture.SqueezeNet(), new() { Cut = 3, Hidden = [4] });
        using var folder = new TemporaryFolder();
        learn.Export(folder.File("m.safetensors"));
        byte[] file = Hostile.SmallModels.Described(File.ReadAllBytes(folder.File("m.safetensors")), text => text.Replace("squeezenet1_1", "convnext_large", StringComparison.Ordinal));
        File.WriteAllBytes(folder.File("m.safetensors"), file);
        Assert.That(() => ImageLearner.LoadLearner(folder.File("m.safetensors")), Throws.TypeOf<DataException>().With.Message.Contains("the description of the model does not fit its tensors"));
    }
}
