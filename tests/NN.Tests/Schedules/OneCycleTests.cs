using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public class OneCycleTests
{
    static IEnumerable<TestCaseData> Cases() => GoldenCase.All("schedule/v1_one_cycle.json");

    [Category("Golden")]
    [TestCaseSource(nameof(Cases))]
    public void RunsAsRecorded(GoldenCase c)
    {
        int batches = c["batches"].GetInt32();
        double[][] lr = [.. c["lr"].EnumerateArray().Select(r => r.Numbers())];
        double[] mom = c["mom"].Numbers();
        switch (c["kind"].GetString())
        {
            case "one_cycle":
                OneCycleCase(c, batches, lr, mom);
                break;
            case "flat_cosine":
                FlatCosine flat = new(c["epochs"].GetInt32() * batches);
                for (int k = 0; k < lr.Length; k++) Same([flat.Lr(c["lr_arg"].GetDouble(), k), flat.Momentum(k)], [lr[k][0], mom[k]], $"batch {k}");
                break;
            case "fit_then_one_cycle_then_fit":
                Expect(lr, mom, (_ => [1e-3, 1e-3], _ => 0.9), (k => Rates(new OneCycle(batches), new(1e-2), 2, k), new OneCycle(batches).Momentum), (_ => new LearningRate(1e-3).ForGroups(2), _ => 0.95));
                break;
            default:
                Assert.Fail($"a kind of case this test does not know: {c["kind"]}");
                break;
        }
    }

    [Test]
    public void HasTheLessonsNumbers()
    {
        OneCycle cycle = new(4 * 92);
        Assert.That(cycle.Rising, Is.EqualTo(110));
        (int K, double Lr, double? Momentum)[] recorded =
        [
            (0, 1.2e-4, 0.95), (1, 1.205872423e-4, 0.949979610), (27, 5.273302011e-4, 0.935856590), (55, 1.56e-3, 0.90), (109, 2.999412758e-3, 0.850020390), (110, 3e-3, 0.85),
            (111, 2.999888798e-3, 0.850003707), (150, 2.825563665e-3, 0.855814568), (239, 1.500006e-3, 0.90), (300, 4.855030665e-4, 0.933816900), (366, 4.567934531e-7, null),
            (367, 1.232024853e-7, 0.949996293),
        ];
        foreach (var (k, lr, momentum) in recorded)
        {
            Assert.That(cycle.Lr(3e-3, k), Is.EqualTo(lr).Within(lr * 1e-9), $"rate of batch {k}");
            if (momentum is { } m) Assert.That(cycle.Momentum(k), Is.EqualTo(m).Within(1e-9), $"momentum of batch {k}");
        }
        Assert.That(cycle.Lr(3e-3, 368), Is.EqualTo(3e-3 / 250_000).Within(1e-22));
        Assert.That(cycle.Momentum(368), Is.EqualTo(0.95));
    }

    static void OneCycleCase(GoldenCase c, int batches, double[][] lr, double[] mom)
    {
        var args = c["args"];
        double? Arg(string name) => args.TryGetProperty(name, out var v) ? v.GetDouble() : null;
        int total = (int)(Arg("tot_epochs") ?? c["epochs"].GetInt32()), start = (int)(Arg("start_epoch") ?? 0) * batches;
        OneCycle cycle = new(total * batches) { FinalDiv = Arg("final_div") };
        if (Arg("pct_start") is { } pct) cycle = cycle with { PctStart = pct };
        if (Arg("div_factor") is { } div) cycle = cycle with { DivFactor = div };
        if (args.TryGetProperty("moms", out var moms)) cycle = cycle with { Momenta = (moms[0].GetDouble(), moms[1].GetDouble()) };

        int groups = c["groups"].GetInt32(), steps = c["steps"].GetInt32();
        var max = LearningRateTests.Read(c["max_lr"]);
        Assert.That(lr, Has.Length.EqualTo(steps));
        for (int k = 0; k < steps; k++)
        {
            Same(Rates(cycle, max, groups, start + k), lr[k], $"rates of batch {k}");
            Assert.That(cycle.Momentum(start + k), Is.EqualTo(mom[k]).Within(1e-9), $"momentum of batch {k}");
        }
        var after = c["after"];
        Same(Rates(cycle, max, groups, start + steps), after.GetProperty("lr").Numbers(), "rates left behind");
        foreach (double m in after.GetProperty("mom").Numbers()) Assert.That(cycle.Momentum(start + steps), Is.EqualTo(m).Within(1e-9), "momentum left behind");
    }

    static double[] Rates(OneCycle cycle, LearningRate max, int groups, int k) => [.. max.ForGroups(groups).Select(m => cycle.Lr(m, k))];

    static void Expect(double[][] lr, double[] mom, params (Func<int, double[]> Lr, Func<int, double> Mom)[] fits)
    {
        int n = lr.Length / fits.Length;
        for (int k = 0; k < lr.Length; k++)
        {
            Same(fits[k / n].Lr(k % n), lr[k], $"rates of batch {k}");
            Assert.That(fits[k / n].Mom(k % n), Is.EqualTo(mom[k]).Within(1e-9), $"momentum of batch {k}");
        }
    }

    static void Same(double[] actual, double[] expected, string what) => Recorded.Near(actual, expected, 1e-9, 1e-20, what);
}
