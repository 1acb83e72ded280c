using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>
/// Training runs recorded with PyTorch and with the lesson's own library, step by step. Where a ReLU's input is within rounding of zero, rounding
/// decides the path a run takes from there: a number beyond its recorded tolerance is accepted only where our own run, started from weights that
/// differ by 10⁻⁶ of themselves, moves as far up to that step. The losses of the early steps, before rounding made the recorded runs part, must
/// hold without that. Each run is made twice: with exact convolutions, held to the recorded tolerance, and with Winograd's, which round several
/// times as much (docs/performance.md) and are given twice the tolerance.
/// </summary>
[Category("Golden")]
[NonParallelizable]
public sealed class TrainGoldenTests
{
    const int Neighbours = 4, EmulatedSteps = 4;

    /// <summary>Whether a report of minutes is wanted: TESSERA_LONG.</summary>
    static bool IsLong => Environment.GetEnvironmentVariable("TESSERA_LONG") is { Length: > 0 };

    static IEnumerable<TestCaseData> Runs() => GoldenCase.All("train/runs.json", "runs");

    static IEnumerable<TestCaseData> RunsOnDevices() => TestDevices.With(Runs()).Where(c => c.Arguments[1] != Device.Cpu);

    [TestCaseSource(nameof(Runs))]
    public void ARecordedRun(GoldenCase recorded) => Compare(recorded, slack: 2);

    [TestCaseSource(nameof(Runs))]
    public void ARecordedRunWithExactConvolutions(GoldenCase recorded)
    {
        Determinism.Exact = true;
        Compare(recorded, slack: 1);
    }

    /// <summary>
    /// With the GPU's kernels: plain float32 sums, in an order of their own. Of a network with convolutions the emulator, whose steps take seconds, makes
    /// the early ones, and all where TESSERA_LONG is set.
    /// </summary>
    [TestCaseSource(nameof(RunsOnDevices))]
    public void ARecordedRunOnAnotherDevice(GoldenCase recorded, Device device)
    {
        (Device.Default, Determinism.Exact) = (device, true);
        bool whole = device != Device.Emulator || recorded["kind"].GetString() is "mlp" || IsLong;
        Compare(recorded, slack: 1, mostSteps: whole ? int.MaxValue : EmulatedSteps);
    }

    /// <summary>
    /// With tensor cores, whose sums are rounded towards zero, six times the tolerance is given. No step is held to it where our run from neighbouring weights moves as
    /// far: on an H200 the fourth loss of a tiny ResNet was 27 times the tolerance off, after three steps of AdamW, which makes a gradient of any size a step of one size.
    /// </summary>
    [TestCaseSource(nameof(RunsOnDevices))]
    public void ARecordedRunOnTensorCores(GoldenCase recorded, Device device)
    {
        if (device.Name is "emulator") Assert.Ignore("minutes on the emulator; the kernels have tests of their own");
        Device.Default = device;
        Compare(recorded, slack: 6, earlySteps: false);
    }

    [TearDown]
    public void FastAgain() => (Determinism.Exact, Device.Default) = (false, Device.Cpu);

    static void Compare(GoldenCase recorded, double slack, int mostSteps = int.MaxValue, bool earlySteps = true)
    {
        var run = new GoldenRun(recorded);
        if (mostSteps < run.RecordedSteps) run.Steps = Math.Min(mostSteps, run.StrictSteps);
        run.Train(fit => CheckSums(run, fit));
        Lazy<GoldenRun[]> nearby = new(() => [.. Enumerable.Range(1, Neighbours).Select(n => new GoldenRun(recorded, n) { Steps = run.Steps }.Train())]);

        foreach (var (name, g) in run.Arrays("grad_step0/")) Assert.That(Doubles(run.FirstGradients[name]), Is.EqualTo(g).Within(OfLargest(g, 1e-4)), $"first gradient of {name}");
        foreach (var (name, b) in run.Arrays("bn_step1_f64/")) Assert.That(Doubles(run.FirstStatistics[name]), Is.EqualTo(b).Within(OfLargest(b, 1e-5)), $"{name} after a step");
        if (IsLong) Report(run);
        CheckSeries("loss", r => r.Losses, run.OfSteps("loss_f64"), run["loss_tolerance"], strict: earlySteps ? run.StrictSteps : 0);
        if (run.Has("grad_norm_f64")) Check("grad_norm", r => [.. r.GradNorms.Select(g => g[0])], run.OfSteps);
        if (run.Kind is "lesson")
        {
            Assert.That(run.Lrs.SelectMany(g => g), Is.EqualTo(run.OfSteps("lr_groups")).Within(1e-9).Percent);
            Assert.That(run.Momenta, Is.EqualTo(run.OfSteps("mom")).Within(1e-9).Percent);
            Check("smoothed", r => r.Smoothed, run.OfSteps);
            Check("grad_norm_groups", r => [.. r.GradNorms.SelectMany(g => g)], run.OfSteps);
        }
        if (!run.IsWhole) return;

        Func<string, double[]> all = key => run[key];
        if (run.Kind is "lesson") Check("valid_loss_and_error", r => [.. r.Validation.SelectMany(v => (double[])[v.Loss, v.Error])], all);
        foreach (var (name, _) in run.Arrays("end_f64/")) Check("end", r => r.State(name), all, name);
        if (run.Has("eval_logits_f64")) Check("eval_logits", r => r.EvaluationLogits(), all);

        // As near to the double-precision run as eight times what PyTorch's own float32 run was, or 10⁻⁵ of the largest number.
        void Check(string key, Func<GoldenRun, IReadOnlyList<double>> of, Func<string, double[]> numbers, string? name = null)
        {
            string suffix = name is null ? "" : $"/{name}";
            double[] f64 = numbers($"{key}_f64{suffix}"), f32 = numbers($"{key}_f32{suffix}");
            double tolerance = Math.Max(8 * f64.Zip(f32, (a, b) => Math.Abs(a - b)).Max(), OfLargest(f64, 1e-5));
            CheckSeries($"{key}{suffix}", of, f64, [.. Enumerable.Repeat(tolerance, f64.Length)], whole: name is not null || key is "eval_logits");
        }

        void CheckSeries(string what, Func<GoldenRun, IReadOnlyList<double>> of, double[] expected, double[] tolerance, int strict = 0, bool whole = false)
        {
            var actual = of(run);
            Assert.That(actual, Has.Count.EqualTo(expected.Length), what);
            for (int k = 0; k < expected.Length; k++)
            {
                double allowed = slack * tolerance[k];
                if (Math.Abs(actual[k] - expected[k]) <= allowed) continue;
                if (k < strict) Assert.That(actual[k], Is.EqualTo(expected[k]).Within(allowed), $"{what}, number {k}");
                int upTo = whole ? expected.Length : k + 1;
                double moves = nearby.Value.Max(n => of(n).Take(upTo).Zip(actual, (a, b) => Math.Abs(a - b)).Max());
                Assert.That(actual[k], Is.EqualTo(expected[k]).Within(Math.Max(allowed, 4 * moves)), $"{what}, number {k}");
            }
        }
    }

    /// <summary>Sum and L2 norm of every tensor after a fit call.</summary>
    static void CheckSums(GoldenRun run, int fit)
    {
        foreach (var (name, expected) in run.Arrays($"phase{fit}_sums_f64/"))
        {
            double[] values = run.State(name);
            double norm = Math.Sqrt(values.Sum(x => x * x));
            Assert.That(norm, Is.EqualTo(expected[1]).Within(1e-5 + (1e-4 * expected[1])), $"norm of {name} after fit call {fit}");
            Assert.That(values.Sum(), Is.EqualTo(expected[0]).Within(1e-5 + (1e-4 * Math.Sqrt(values.Length) * expected[1])), $"sum of {name} after fit call {fit}");
        }
    }

    static void Report(GoldenRun run)
    {
        double[] expected = run.OfSteps("loss_f64"), off = [.. run.Losses.Zip(expected, (a, b) => Math.Abs(a - b))];
        for (int k = 0; k < off.Length; k++) TestContext.Out.WriteLine($"{run.Kind} step {k}: loss {run.Losses[k]:G7}, recorded {expected[k]:G7}, off {off[k]:G2}, tolerance {run["loss_tolerance"][k]:G2}");
    }

    static double[] Doubles(float[] values) => Array.ConvertAll(values, x => (double)x);

    static double OfLargest(double[] values, double fraction) => (fraction * values.Max(Math.Abs)) + 1e-7;
}
