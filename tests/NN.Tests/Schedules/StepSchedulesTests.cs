using System.Text.Json;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public class StepSchedulesTests
{
    static IEnumerable<TestCaseData> Cases() => GoldenCase.All("schedule/torch.json");

    [Category("Golden")]
    [TestCaseSource(nameof(Cases))]
    public void StepsAsPyTorch(GoldenCase c)
    {
        double[] lr = c["lr"].Numbers(), mom = c["mom"].Numbers();
        var (rate, momentum) = Schedule(c["scheduler"].GetString()!, c["args"]);
        for (int k = 0; k < lr.Length; k++) Near([rate(k), momentum(k)], [lr[k], mom[k]], $"step {k}");
        Near([rate(lr.Length)], [c["lr_after"].GetDouble()], "the rate after the last step");
    }

    [Test]
    public void MilestonesCountFromTheirStepOn() =>
        Assert.That(Enumerable.Range(0, 6).Select(k => StepSchedules.MultiStep(1, k, [2, 4], 0.5)), Is.EqualTo([1, 1, 0.5, 0.5, 0.25, 0.25]));

    [Test]
    public void RestartsCanGrowLonger() =>
        Assert.That(Enumerable.Range(0, 20).Where(k => StepSchedules.WarmRestarts(1, k, 2, 2) == 1), Is.EqualTo([0, 2, 6, 14]));

    /// <summary>The recorded runs start at rate 0.1, momentum 0.9.</summary>
    static (Func<int, double> Lr, Func<int, double> Momentum) Schedule(string name, JsonElement args)
    {
        const double lr = 0.1;
        double Arg(string key, double absent) => args.TryGetProperty(key, out var v) ? v.GetDouble() : absent;
        int Int(string key) => (int)Arg(key, double.NaN);
        Func<int, double> still = _ => 0.9;
        switch (name)
        {
            case "OneCycleLR":
                OneCycleLr cycle = new(Int("total_steps"))
                {
                    IsLinear = args.TryGetProperty("anneal_strategy", out var s) && s.GetString() == "linear",
                    IsThreePhase = args.TryGetProperty("three_phase", out var t) && t.GetBoolean(),
                    PctStart = Arg("pct_start", 0.3),
                };
                return (k => cycle.Lr(Arg("max_lr", double.NaN), k), cycle.Momentum);
            case "CosineAnnealingLR": return (k => StepSchedules.Cosine(lr, k, Int("T_max"), Arg("eta_min", 0)), still);
            case "CosineAnnealingWarmRestarts": return (k => StepSchedules.WarmRestarts(lr, k, Int("T_0"), (int)Arg("T_mult", 1), Arg("eta_min", 0)), still);
            case "StepLR": return (k => StepSchedules.Step(lr, k, Int("step_size"), Arg("gamma", 0.1)), still);
            case "MultiStepLR": return (k => StepSchedules.MultiStep(lr, k, args.GetProperty("milestones").Ints(), Arg("gamma", 0.1)), still);
            case "ExponentialLR": return (k => StepSchedules.Exponential(lr, k, Arg("gamma", 0.1)), still);
            case "LinearLR": return (k => StepSchedules.Linear(lr, k, Arg("start_factor", 1.0 / 3), Arg("end_factor", 1), (int)Arg("total_iters", 5)), still);
            default: throw new InvalidOperationException($"a scheduler this test does not know: {name}");
        }
    }

    static void Near(double[] actual, double[] expected, string what) => Recorded.Near(actual, expected, 1e-9, 1e-15, what);
}
