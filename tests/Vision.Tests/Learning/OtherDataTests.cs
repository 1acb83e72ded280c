using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

/// <summary>Photos that take the place of others must have the same classes, and should be normalised alike.</summary>
public sealed class OtherDataTests
{
    static ImageDataBunch Data(IReadOnlyList<string>? classes = null, int size = 32) =>
        ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: size, batchSize: 16, options: new() { Classes = classes, Check = false });

    static ImageLearner Learner(List<string> shown)
    {
        var learn = ImageLearner.Create(Data().Normalize(ImageNet.Stats), Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { Hidden = [4] });
        learn.Display = new Lines(shown);
        return learn;
    }

    [Test]
    public void OtherClassesAreAnError()
    {
        var learn = Learner([]);
        var data = learn.Data;
        foreach (string[] classes in new[] { [.. learn.Images.Classes.Reverse()], learn.Images.Classes.Take(2).ToArray() })
        {
            var other = Data(classes).Normalize(ImageNet.Stats);
            Assert.That(() => learn.Data = other, Throws.TypeOf<DataException>().With.Message.StartsWith($"Data: other classes: got {classes[0]}, {classes[1]}").And.Message.Contains("Hint: "));
            Assert.That(() => learn.Fit(2, callbacks: [new DataSchedule((1, other))]), Throws.TypeOf<DataException>().With.Message.Contains("other classes"), "before anything is trained");
        }
        Assert.That(learn.Data, Is.SameAs(data));
        Assert.That(learn.EpochsTrained, Is.Zero);
        Assert.That(() => learn.Data = null!, Throws.ArgumentNullException);
    }

    [Test]
    public void OtherNormalisationIsAWarning()
    {
        List<string> shown = [];
        var learn = Learner(shown);
        learn.Data = Data(size: 48).Normalize(ImageNet.Stats);
        learn.Data = Data().Normalize(ImageNet.Stats with { Mean = [0.48f, 0.47f, 0.41f] });
        Assert.That(shown, Is.Empty, "measured on other photos of the kind");
        learn.Data = Data();
        Assert.That(shown, Has.One.StartsWith("warning: Data: photos are normalised otherwise than before: got none, expected mean 0.48, 0.47, 0.41; std ").And.One.Contains("Hint: data.Normalize"));
        learn.Data = Data().Normalize(ImageNet.Stats with { Std = [1, 1, 1] });
        Assert.That(shown, Has.Count.EqualTo(2).And.One.Contains("got mean 0.485, 0.456, 0.406; std 1, 1, 1, expected none"));
        shown.Clear();
        learn.WithData(Data());
        Assert.That(shown, Is.Empty);
        Assert.That(learn.Images.Stats!.Std, Is.EqualTo(new[] { 1f, 1, 1 }), "what is not normalised gets the statistics before");
    }

    sealed class Lines(List<string> lines) : ITrainingDisplay
    {
        public void Line(string text) => lines.Add(text);

        public void Progress(in TrainingProgress progress) { }

        public void End() { }
    }
}
