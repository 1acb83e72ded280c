using System.Text.Json;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public class LearningRateSearchTests
{
    static IEnumerable<TestCaseData> Smoothings() => GoldenCase.All("schedule/v1_lr_find.json", "smoothing");

    static IEnumerable<TestCaseData> Searches() => GoldenCase.All("schedule/v1_lr_find.json", "lr_find");

    [Category("Golden")]
    [TestCaseSource(nameof(Smoothings))]
    public void SmoothsAsRecorded(GoldenCase c)
    {
        SmoothedValue smooth = new(c["beta"].GetDouble());
        Assert.That(smooth.Value, Is.NaN);
        Recorded.Near([.. c["values"].Numbers().Select(smooth.Add)], c["smoothed"].Numbers(), 1e-9, 0, "smoothed");
    }

    [Category("Golden")]
    [TestCaseSource(nameof(Searches))]
    public void SearchesAsRecorded(GoldenCase c)
    {
        var args = c["args"];
        JsonElement? Arg(string name) => args.TryGetProperty(name, out var v) ? v : null;
        LearningRateSearch search = new(
            Arg("start_lr") is { } start ? LearningRateTests.Read(start) : null,
            Arg("end_lr") is { } end ? LearningRateTests.Read(end) : null,
            Arg("num_it")?.GetInt32() ?? 100, Arg("stop_div")?.GetBoolean() ?? true);
        double[] losses = c["losses"].Numbers(), smoothed = c["smoothed"].Numbers();
        JsonElement[] rates = [.. c["lr"].EnumerateArray()];
        SmoothedValue smooth = new();
        int k = 0;
        for (bool ends = false; !ends; k++)
        {
            Assert.That(k, Is.LessThan(losses.Length), "it should have ended");
            Recorded.Near(search.Lr(k, rates[k].GetArrayLength()), rates[k].Numbers(), 1e-9, 0, $"rates of batch {k}");
            Recorded.Near([smooth.Add(losses[k])], [smoothed[k]], 1e-5, 0, $"smoothed loss of batch {k}");
            ends = search.EndsAfter(k, smooth.Value);
        }
        Assert.That(k, Is.EqualTo(c["batches_run"].GetInt32()), "batches");
        Recorded.Near(search.Lr(k, rates[0].GetArrayLength()), c["lr_after"].Numbers(), 1e-9, 0, "rates left behind");
    }
}
