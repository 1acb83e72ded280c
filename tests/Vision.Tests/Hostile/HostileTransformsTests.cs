using System.Text.Json.Nodes;
using Tessera.Vision;

namespace Tessera.Tests.Hostile;

/// <summary>Model files under a right checksum whose validation transforms are odd: refused when they are read, never a crash when a photo comes.</summary>
public sealed class HostileTransformsTests
{
    const string Half = """{"Low":0.5,"High":0.5}""", Where = $"\"RowPct\":{Half},\"ColPct\":{Half},\"P\":1";

    static readonly (string Parameter, string Transform)[] odd =
    [
        ("Tries", $$"""{"$type":"ZoomSquish",{{Where}}}"""),
        ("Tries", $$"""{"$type":"ZoomSquish","Tries":null,{{Where}}}"""),
        ("Scale", $$"""{"$type":"ZoomSquish","Tries":[{"Scale":{"Low":0,"High":1},"Ratio":{{Half}},"InvertP":0}],{{Where}}}"""),
        ("Ratio", $$"""{"$type":"ZoomSquish","Tries":[{"Scale":{{Half}},"InvertP":0}],{{Where}}}"""),
        ("P", $$"""{"$type":"CropPad","RowPct":{{Half}},"ColPct":{{Half}}}"""),
        ("ColPct", $$"""{"$type":"CropPad","RowPct":{{Half}},"P":1}"""),
        ("High", $$"""{"$type":"CropPad","RowPct":{"Low":0.5},"ColPct":{{Half}},"P":1}"""),
        ("RowPct", $$"""{"$type":"CropPad","RowPct":{"Low":5,"High":5},"ColPct":{{Half}},"P":1}"""),
        ("RowPct", $$"""{"$type":"Crop","Size":8,"RowPct":{"Low":-1,"High":0},"ColPct":{{Half}},"P":1}"""),
        ("Channel", """{"$type":"RgbRandomize","Threshold":0.3,"Channel":-1,"P":1}"""),
        ("Threshold", """{"$type":"RgbRandomize","Threshold":1e300,"Channel":1,"P":1}"""),
        ("Scale", $$"""{"$type":"Zoom","Scale":{"Low":0,"High":0},{{Where}}}"""),
        ("Scale", $$"""{"$type":"Squish","Scale":{"Low":-1,"High":1e999},{{Where}}}"""),
        ("Degrees", """{"$type":"Rotate","Degrees":{"Low":-1.7e308,"High":1.7e308},"P":1}"""),
        ("Change", """{"$type":"Brightness","Change":{"Low":2,"High":2},"P":1}"""),
        ("Scale", """{"$type":"Contrast","Scale":{"Low":0,"High":1},"P":1}"""),
        ("Direction", """{"$type":"Tilt","Magnitude":{"Low":0,"High":0},"Direction":7,"P":1}"""),
        ("Direction", """{"$type":"Skew","Magnitude":{"Low":0,"High":0},"Direction":-9,"P":1}"""),
        ("Magnitude", """{"$type":"Jitter","Magnitude":{"Low":0,"High":1e300},"P":1}"""),
        ("K", """{"$type":"Dihedral","K":8,"P":1}"""),
        ("K", """{"$type":"DihedralAffine","P":1}"""),
        ("Holes", """{"$type":"Cutout","Holes":{"Item1":1000000000,"Item2":1000000000},"Length":{"Item1":0,"Item2":0},"P":1}"""),
        ("Mode", """{"$type":"Pad","Padding":1,"Mode":77,"P":1}"""),
        ("Padding", """{"$type":"Pad","Padding":-1,"Mode":0,"P":1}"""),
        ("Size", $$"""{"$type":"Crop",{{Where}}}"""),
        ("impossible", """{"$type":"Pad","Padding":3000,"Mode":0,"P":1}"""),
        ("impossible", """{"$type":"Pad","Padding":12,"Mode":0,"P":1},{"$type":"Pad","Padding":12,"Mode":0,"P":1}"""),
        ("impossible", "null"),
        ("impossible", string.Join(',', Enumerable.Repeat("""{"$type":"FlipLeftRight","P":1}""", 101))),
    ];

    static IEnumerable<TestCaseData> Odd => odd.Select(o => new TestCaseData(o.Parameter, o.Transform).SetArgDisplayNames(o.Transform[..Math.Min(o.Transform.Length, 60)]));

    [TestCaseSource(nameof(Odd))]
    public void AModelOfOddTransformsIsRefused(string parameter, string transform)
    {
        byte[] file = WithTransforms($"[{transform}]");
        Assert.That(() => ImageClassifier.Load(new MemoryStream(file), "m.safetensors"), Throws.TypeOf<DataException>().With.Message.StartsWith("m.safetensors: ").And.Message.Contains(parameter).And.Message.Not.Contains("k__"));
    }

    /// <summary>Numbers at the ends of what is taken: an answer of some kind, within little memory.</summary>
    [TestCase("""{"$type":"Zoom","Scale":{"Low":1e-300,"High":1e-300},"RowPct":{"Low":1,"High":1},"ColPct":{"Low":0,"High":0},"P":1}""")]
    [TestCase("""{"$type":"Squish","Scale":{"Low":1e300,"High":1e300},"RowPct":{"Low":1,"High":1},"ColPct":{"Low":0,"High":0},"P":1}""")]
    [TestCase("""{"$type":"Tilt","Magnitude":{"Low":-10,"High":-10},"Direction":3,"P":1}""")]
    [TestCase("""{"$type":"Jitter","Magnitude":{"Low":10,"High":10},"P":1}""")]
    [TestCase("""{"$type":"Cutout","Holes":{"Item1":1000,"Item2":1000},"Length":{"Item1":0,"Item2":1000000},"P":1}""")]
    [TestCase("""{"$type":"Pad","Padding":16,"Mode":2,"P":1},{"$type":"Crop","Size":16,"RowPct":{"Low":1,"High":1},"ColPct":{"Low":0,"High":0},"P":1}""")]
    [TestCase("""{"$type":"ZoomSquish","Tries":[],"RowPct":{"Low":1,"High":1},"ColPct":{"Low":1,"High":1},"P":1}""")]
    public void ExtremesAnswer(string transform)
    {
        var model = ImageClassifier.Load(new MemoryStream(WithTransforms($"[{transform}]")), "m.safetensors");
        Assert.That(model.Predict(new Image(9, 7, new byte[189])).Probabilities.Sum(), Is.EqualTo(1).Within(1e-5));
    }

    [Test]
    public void TransformsThatMakeAnotherSizeAreOneError()
    {
        var model = ImageClassifier.Load(new MemoryStream(WithTransforms("""[{"$type":"Pad","Padding":16,"Mode":2,"P":1}]""")), "m.safetensors");
        Assert.That(() => model.Predict(new Image(9, 7, new byte[189])), Throws.TypeOf<ShapeException>().With.Message.Contains("the result does not fit"));
    }

    /// <summary>What would not be read is not written.</summary>
    [Test]
    public void PaddingByMoreThanThePhotoIsNotSaved() =>
        Assert.That(() => SmallModels.OfResNet([new Pad(17), new CropPad()]), Throws.TypeOf<TesseraException>().With.Message.StartsWith("Save: photos become too large").And.Message.Contains("17 pixels"));

    [Test]
    public void PaddingBeyondAnyPictureIsOneError()
    {
        var pipeline = new TransformPipeline([new Pad(10_000)]);
        Assert.That(() => pipeline.Apply(new Image(1, 1, new byte[3])), Throws.TypeOf<ShapeException>().With.Message.StartsWith("Pad: the picture would become too large"));
    }

    static byte[] WithTransforms(string list) => SmallModels.Described(SmallModels.OfResNet(), text =>
    {
        var description = JsonNode.Parse(text)!.AsObject();
        description["Transforms"] = JsonNode.Parse(list);
        return description.ToJsonString();
    });
}
