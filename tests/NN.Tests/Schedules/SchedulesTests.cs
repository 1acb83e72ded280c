using CsCheck;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public class SchedulesTests
{
    static IEnumerable<TestCaseData> Cases() => GoldenCase.All("schedule/v2_schedules.json");

    /// <summary>fastai 2 computes progress in float32: rates agree to about 1e-7 of the largest.</summary>
    [Category("Golden")]
    [TestCaseSource(nameof(Cases))]
    public void ComposeToFastai2(GoldenCase c)
    {
        int batches = c["batches"].GetInt32(), groups = c["groups"].GetInt32();
        double[][] lr = [.. c["lr"].EnumerateArray().Select(r => r.Numbers())];
        double[] mom = c["mom"].Numbers();
        int[] frozen = c["frozen"].Ints();
        int k = 0;
        foreach (var fit in Fits(c))
        {
            double[] max = fit.Max.ForGroups(groups);
            for (int i = 0; i < fit.Epochs * batches; i++, k++)
            {
                double f = (double)i / (fit.Epochs * batches);
                Recorded.Near([.. max.Select(m => m * fit.Lr.At(f))], lr[k], 1e-6, 1e-9, $"rates of batch {k}");
                Recorded.Near([fit.Momentum.At(f)], [mom[k]], 1e-7, 0, $"momentum of batch {k}");
                Assert.That(frozen[k], Is.EqualTo(fit.Frozen));
            }
        }
        Assert.That(k, Is.EqualTo(lr.Length));
    }

    [Test]
    public void GoFromStartToEnd() => Gen.Select(Gen.Double[1e-6, 1], Gen.Double[1e-6, 1], Gen.Double[0.5, 3], Gen.Double[0, 1]).Sample((a, b, power, f) =>
    {
        foreach (var schedule in new[] { Schedules.Linear(a, b), Schedules.Cosine(a, b), Schedules.Exponential(a, b), Schedules.Polynomial(a, b, power) })
        {
            Assert.That(schedule.At(0), Is.EqualTo(a).Within(1e-12));
            Assert.That(schedule.At(1), Is.EqualTo(b).Within(1e-12));
            Assert.That(schedule.At(f), Is.InRange(Math.Min(a, b) - 1e-12, Math.Max(a, b) + 1e-12));
        }
    }, iter: 200);

    [Test]
    public void HaveTheirFormulas()
    {
        Assert.That(Schedules.Linear(1, 3).At(0.25), Is.EqualTo(1.5));
        Assert.That(Schedules.Cosine(1, 0).At(0.5), Is.EqualTo(0.5).Within(1e-15));
        Assert.That(Schedules.Exponential(1, 100).At(0.5), Is.EqualTo(10).Within(1e-12));
        Assert.That(Schedules.Polynomial(1, 0, 2).At(0.5), Is.EqualTo(0.25));
        Assert.That(Schedules.Constant(7).At(0.3), Is.EqualTo(7));
    }

    [Test]
    public void PhasesFollowEachOther()
    {
        var phases = Schedules.Phases((0.25, Schedules.Linear(0, 1)), (0, Schedules.Constant(9)), (0.75, Schedules.Linear(5, 2)));
        Assert.That(new[] { 0, 0.125, 0.25, 0.625, 1 }.Select(phases.At), Is.EqualTo([0, 0.5, 1, 3.5, 2]));
        Assert.That(() => Schedules.Phases((0.5, Schedules.Constant(1))), Throws.TypeOf<TesseraException>());
    }

    static IEnumerable<(int Epochs, LearningRate Max, ISchedule Lr, ISchedule Momentum, int Frozen)> Fits(GoldenCase c)
    {
        var args = c["args"];
        int epochs = args.GetProperty("epochs").GetInt32();
        double Arg(string key, double absent) => args.TryGetProperty(key, out var v) ? v.GetDouble() : absent;
        LearningRate Rate(string key, double absent) =>
            args.GetProperty(key) is var v && v.ValueKind == System.Text.Json.JsonValueKind.String ? absent : LearningRateTests.Read(v);
        switch (c["name"].GetString())
        {
            case "fit_one_cycle":
                yield return OneCycle(epochs, Rate("lr", 1e-3), Arg("pct_start", 0.25), Arg("div", 25), 0);
                break;
            case "fit_flat_cos":
                yield return (epochs, Rate("lr", 1e-3), Schedules.Phases((0.75, Schedules.Constant(1)), (0.25, Schedules.Cosine(1, 1e-5))), Schedules.Constant(0.9), 0);
                break;
            case "fine_tune":
                double lr = Rate("base_lr", 2e-3).Last;
                yield return OneCycle((int)Arg("freeze_epochs", 1), new(lr), 0.99, 25, c["groups"].GetInt32() - 1);
                yield return OneCycle(epochs, new(lr / 2 / 100, lr / 2), 0.3, 5, 0);
                break;
            default:
                throw new InvalidOperationException($"a case this test does not know: {c["name"]}");
        }
    }

    static (int, LearningRate, ISchedule, ISchedule, int) OneCycle(int epochs, LearningRate max, double pct, double div, int frozen) => (
        epochs, max,
        Schedules.Phases((pct, Schedules.Cosine(1 / div, 1)), (1 - pct, Schedules.Cosine(1, 1e-5))),
        Schedules.Phases((pct, Schedules.Cosine(0.95, 0.85)), (1 - pct, Schedules.Cosine(0.85, 0.95))), frozen);
}
