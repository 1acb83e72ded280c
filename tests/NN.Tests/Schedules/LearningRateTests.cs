using System.Text.Json;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public class LearningRateTests
{
    static IEnumerable<TestCaseData> Slices() => GoldenCase.All("schedule/v1_lr_range.json", "lr_range");

    /// <summary>A recorded argument: a number, a list, or {"slice": [first or null, last]}.</summary>
    public static LearningRate Read(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Number => json.GetDouble(),
        JsonValueKind.Array => LearningRate.PerGroup(json.Numbers()),
        _ when json.GetProperty("slice")[0].ValueKind == JsonValueKind.Null => new(json.GetProperty("slice")[1].GetDouble()),
        _ => new(json.GetProperty("slice")[0].GetDouble(), json.GetProperty("slice")[1].GetDouble()),
    };

    [Category("Golden")]
    [TestCaseSource(nameof(Slices))]
    public void SpreadsAsRecorded(GoldenCase c)
    {
        int groups = c["groups"].GetInt32();
        var lr = Read(c["lr"]);
        var result = c["result"];
        double[] expected = result.ValueKind switch
        {
            JsonValueKind.Number => [.. Enumerable.Repeat(result.GetDouble(), groups)],
            JsonValueKind.Array => result.Numbers(),
            _ => [lr.Last], // the reference divides by zero for a slice over one group; here its end counts
        };
        Recorded.Near(lr.ForGroups(groups), expected, 1e-9, 0, lr.ToString());
    }

    [Test]
    public void OneGroupTakesTheEndOfASlice() => Assert.That(new LearningRate(1e-6, 1e-4).ForGroups(1), Is.EqualTo([1e-4]));

    [Test]
    public void AFloatIsOneRateForAll()
    {
        LearningRate lr = 0.5f;
        Assert.That(lr.ForGroups(3), Is.EqualTo([0.5, 0.5, 0.5]));
    }

    [TestCase("1e-3", 1e-3, 1e-3, 1e-3)]
    [TestCase("slice(3e-3)", 3e-4, 3e-4, 3e-3)]
    [TestCase(" slice(1e-6, 1e-4) ", 1e-6, 1e-5, 1e-4)]
    [TestCase("[1e-6,2e-5,0.003]", 1e-6, 2e-5, 3e-3)]
    public void ReadsText(string text, params double[] rates)
    {
        var lr = LearningRate.Parse(text);
        Recorded.Near(lr.ForGroups(3), rates, 1e-12, 0, text);
        Assert.That(LearningRate.Parse(lr.ToString()), Is.EqualTo(lr));
    }

    [TestCase("")]
    [TestCase("fast")]
    [TestCase("slice(1e-3")]
    [TestCase("slice(1,2,3)")]
    [TestCase("1e-3,1e-2")]
    [TestCase("-1e-3")]
    [TestCase("nan")]
    [TestCase("1,5")]
    public void RefusesOtherText(string text) => Assert.That(() => LearningRate.Parse(text), Throws.TypeOf<TesseraException>());

    [Test]
    public void AListMustHaveOneRateAGroup() =>
        Assert.That(() => LearningRate.PerGroup(1e-3, 1e-2).ForGroups(3), Throws.TypeOf<TesseraException>().With.Message.Contains("got 2 rates, expected 3"));
}
