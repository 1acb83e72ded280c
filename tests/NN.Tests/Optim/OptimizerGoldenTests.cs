using System.Text.Json;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

[Category("Golden")]
public class OptimizerGoldenTests
{
    static IEnumerable<TestCaseData> Trajectories() => GoldenCase.All("optim/cases.json", where: c => c.Maybe("optimizer") is not null);

    static IEnumerable<TestCaseData> Averages() => GoldenCase.All("optim/cases.json", where: c => c.Maybe("decays") is not null);

    static IEnumerable<TestCaseData> Others() => GoldenCase.All("optim/cases.json", where: c => c.Maybe("optimizer") is null && c.Maybe("decays") is null);

    [TestCaseSource(nameof(Trajectories))]
    public void StepsAsRecorded(GoldenCase c)
    {
        var arrays = c.Arrays(c.Id + ".safetensors");
        Model model = new(arrays);
        var optimizer = Make(c, model);
        int steps = c["steps"].GetInt32();
        for (int t = 0; t < steps; t++)
        {
            if (c.Maybe("scheduled")?.GetBoolean() == true) Schedule(optimizer, (double)t / steps);
            foreach (var (name, p) in model.Named) Give(p, arrays[$"grad/{name}"], t);
            if (c.Maybe("clip_norm") is { } clip)
            {
                double norm = Gradients.ClipNorm(model.Named.Select(p => p.Tensor), clip.GetDouble());
                Assert.That(norm, Is.EqualTo(arrays["norm_before_clip_f64"].Doubles()[t]).Within(1e-4).Percent, $"norm before step {t}");
            }
            optimizer.Step();
            optimizer.ZeroGrad();
            foreach (var (name, p) in model.Named)
                Near(p, arrays[$"after_f64/{name}"].Row(t), c, $"{name} after step {t}");
        }
    }

    [TestCaseSource(nameof(Averages))]
    public void AveragesAsRecorded(GoldenCase c)
    {
        var arrays = c.Arrays(c.Id + ".safetensors");
        foreach (double decay in c["decays"].Numbers())
        {
            Model model = new(arrays);
            using MovingAverage average = new(model.Named.Select(p => p.Tensor), decay);
            for (int t = 0; t < arrays["values_f64/w"].Shape[0]; t++)
            {
                foreach (var (name, p) in model.Named) p.CopyFrom(Tensor.From(Array.ConvertAll(arrays[$"values_f64/{name}"].Row(t), v => (float)v), p.Shape));
                average.Update();
                foreach (var ((name, _), e) in model.Named.Zip(average.Averages))
                    Near(e, arrays[FormattableString.Invariant($"ema_{decay}/{name}")].Row(t), c, $"decay {decay}, {name} after step {t}");
            }
        }
    }

    [TestCaseSource(nameof(Others))]
    public void ThereIsNoOtherKindOfCase(GoldenCase c) => Assert.Fail($"a kind of case these tests do not know: {c.Id}");

    static void Near(Tensor actual, double[] expected, GoldenCase c, string what) =>
        Recorded.Near(Array.ConvertAll(actual.ToArray<float>(), x => (double)x), expected, c["rtol"].GetDouble(), c["atol"].GetDouble(), what);

    /// <summary>p.Grad = row t of the recorded gradients: the gradient of Σ p·g.</summary>
    static void Give(Tensor p, TestArray grads, int t) => Scope.Run(() => (p * Tensor.From(Array.ConvertAll(grads.Row(t), g => (float)g), p.Shape)).Sum().Backward());

    /// <summary>At progress f the lesson wrapper's runs set lr = base·(1 + f) and momentum .95 - .1f.</summary>
    static void Schedule(Optimizer optimizer, double f)
    {
        foreach (var (i, group) in optimizer.Groups.Index())
            (group.Lr, group.Momentum) = (Model.LessonRates[i / 2] * (1 + f), 0.95 - (0.1 * f));
    }

    static Optimizer Make(GoldenCase c, Model model)
    {
        var args = c["args"];
        double Arg(string name, double absent) => args.TryGetProperty(name, out var v) ? v.GetDouble() : absent;
        bool Is(string name) => args.TryGetProperty(name, out var v) && v.GetBoolean();
        double Beta(int i, double absent) => args.TryGetProperty("betas", out var v) ? v[i].GetDouble() : absent;
        string kind = c["optimizer"].GetString()!;
        if (kind.StartsWith("fastai", StringComparison.Ordinal))
        {
            bool adam = kind.Contains("Adam", StringComparison.Ordinal), decoupled = Is("true_wd");
            var groups = model.LessonGroups(args.GetProperty("wd"), Is("bn_wd"), adam ? 0.9 : 0);
            return adam ? new Adam(groups, beta2: 0.99, decoupledDecay: decoupled) : new Sgd(groups, decoupledDecay: decoupled);
        }
        Tensor[] p = [.. model.Named.Select(t => t.Tensor)];
        return kind switch
        {
            "SGD" => new Sgd(p, Arg("lr", double.NaN), Arg("momentum", 0), Arg("weight_decay", 0), Is("nesterov")),
            "Adam" => new Adam(p, Arg("lr", 1e-3), Beta(0, 0.9), Beta(1, 0.999), Arg("eps", 1e-8), Arg("weight_decay", 0)),
            "AdamW" => new AdamW(p, Arg("lr", 1e-3), Beta(0, 0.9), Beta(1, 0.999), Arg("eps", 1e-8), Arg("weight_decay", 0.01)),
            "RMSprop" => new RmsProp(p, Arg("lr", 0.01), Arg("alpha", 0.99), Arg("eps", 1e-8), Arg("weight_decay", 0), Arg("momentum", 0), Is("centered")),
            _ => throw new InvalidOperationException($"an optimizer this test does not know: {kind}"),
        };
    }

    /// <summary>The recorded parameters in layers: a convolution (k), a batch norm (s), a linear layer (w, b).</summary>
    sealed class Model
    {
        readonly Conv2d conv = new(3, 2, 3, bias: false);
        readonly BatchNorm2d norm = new(1);
        readonly Linear linear = new(3, 4);

        public Model(IReadOnlyDictionary<string, TestArray> arrays)
        {
            Named = [("k", conv.Weight), ("s", norm.Weight), ("w", linear.Weight), ("b", linear.Bias!)];
            foreach (var (name, p) in Named) p.CopyFrom(arrays[$"start/{name}"].ToTensor());
        }

        public static double[] LessonRates { get; } = [1e-3, 3e-3, 1e-2];

        public IReadOnlyList<(string Name, Tensor Tensor)> Named { get; }

        public ParameterGroup[] LessonGroups(JsonElement wd, bool normDecay, double momentum)
        {
            double[] decays = wd.ValueKind == JsonValueKind.Array ? wd.Numbers() : [.. Enumerable.Repeat(wd.GetDouble(), 3)];
            Module[] layers = [conv, norm, linear];
            return [.. layers.Index().SelectMany(l => ParameterGroup.Split($"{l.Index}", [l.Item], LessonRates[l.Index], momentum, decays[l.Index], normDecay))];
        }
    }
}
