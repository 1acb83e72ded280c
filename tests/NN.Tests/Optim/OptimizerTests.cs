using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public class OptimizerTests
{
    static readonly TestCaseData[] kinds =
    [
        new TestCaseData((Func<IEnumerable<ParameterGroup>, Optimizer>)(g => new Sgd(g, nesterov: true))).SetArgDisplayNames("Sgd"),
        new TestCaseData((Func<IEnumerable<ParameterGroup>, Optimizer>)(g => new Adam(g, decoupledDecay: true))).SetArgDisplayNames("Adam"),
        new TestCaseData((Func<IEnumerable<ParameterGroup>, Optimizer>)(g => new AdamW(g))).SetArgDisplayNames("AdamW"),
        new TestCaseData((Func<IEnumerable<ParameterGroup>, Optimizer>)(g => new RmsProp(g, centered: true))).SetArgDisplayNames("RmsProp"),
        new TestCaseData((Func<IEnumerable<ParameterGroup>, Optimizer>)(g => new RmsProp(g, decoupledDecay: true))).SetArgDisplayNames("RmsProp, plain"),
    ];

    [TestCaseSource(nameof(kinds))]
    public void GoesDownhill(Func<IEnumerable<ParameterGroup>, Optimizer> make)
    {
        var w = Leaf(3, -2);
        var optimizer = make([new ParameterGroup([w], lr: 0.05)]);
        for (int i = 0; i < 300; i++) Step(optimizer, w);
        Assert.That(w.ToArray<float>(), Is.All.InRange(-0.15f, 0.15f));
    }

    [TestCaseSource(nameof(kinds))]
    public void ContinuesFromItsStateToTheBit(Func<IEnumerable<ParameterGroup>, Optimizer> make)
    {
        var (a, b) = (Leaf(3, -2), Leaf(0, 0));
        var first = make([new ParameterGroup([a], lr: 0.01, momentum: 0.8, weightDecay: 0.1)]);
        for (int i = 0; i < 5; i++) Step(first, a);

        var second = make([new ParameterGroup([b], lr: 1, momentum: 0, weightDecay: 0)]);
        b.CopyFrom(a);
        second.LoadState(first.State());
        for (int i = 0; i < 5; i++)
        {
            Step(first, a);
            Step(second, b);
        }
        Assert.That(b.ToArray<float>(), Is.EqualTo(a.ToArray<float>()));
        Assert.That(second.Groups[0].WeightDecay, Is.EqualTo(0.1));
    }

    [TestCaseSource(nameof(kinds))]
    public void LeavesFrozenAndUnusedParametersAlone(Func<IEnumerable<ParameterGroup>, Optimizer> make)
    {
        var (used, unused, frozen) = (Leaf(1, 1), Leaf(1, 1), Leaf(1, 1));
        var optimizer = make([new ParameterGroup([used, unused, frozen], lr: 0.1, weightDecay: 0.5)]);
        (used * 2 + frozen).Sum().Backward();
        frozen.RequiresGrad = false;
        optimizer.Step();
        Assert.That(used.ToArray<float>(), Is.Not.EqualTo(new[] { 1f, 1 }));
        Assert.That(unused.ToArray<float>(), Is.EqualTo(new[] { 1f, 1 }));
        Assert.That(frozen.ToArray<float>(), Is.EqualTo(new[] { 1f, 1 }));
        Assert.That(optimizer.State().Keys.Where(k => !k.StartsWith("0.0.")), Is.EqualTo(["0.lr_momentum_decay"]));
    }

    /// <summary>Parameters of many sizes in groups of different rates, one of them joining later: on a GPU several make a launch.</summary>
    [TestCaseSource(nameof(kinds))]
    public void GivesTheSameBitsOnEveryDevice(Func<IEnumerable<ParameterGroup>, Optimizer> make)
    {
        float[][] Run(Device device)
        {
            Tensor[] w = [.. from n in new[] { 1, 7, 64, 130, 9 } select Tensor.From([.. Enumerable.Range(0, n).Select(i => MathF.Sin(i + n))], [n]).To(device)];
            foreach (var p in w) p.RequiresGrad = true;
            var optimizer = make([new ParameterGroup(w[..2], lr: 0.1, momentum: 0.9, weightDecay: 0.1), new ParameterGroup(w[2..], lr: 0.02, momentum: 0.8)]);
            for (int step = 0; step < 3; step++)
            {
                foreach (var p in w[..(step == 0 ? 4 : 5)]) Scope.Run(() => (p * p).Backward(p.Detach() * p.Detach()));
                optimizer.Step();
                optimizer.ZeroGrad();
            }
            return [.. w.Select(p => p.ToArray<float>())];
        }
        Assert.That(Run(TestDevices.Gpu), Is.EqualTo(Run(Device.Cpu)));
    }

    [TestCaseSource(nameof(kinds))]
    public void MomentsOutliveScopes(Func<IEnumerable<ParameterGroup>, Optimizer> make)
    {
        var (a, b) = (Leaf(3, -2), Leaf(3, -2));
        var (scoped, plain) = (make([new ParameterGroup([a])]), make([new ParameterGroup([b])]));
        for (int i = 0; i < 3; i++)
        {
            Scope.Run(() => Step(scoped, a));
            Step(plain, b);
        }
        Assert.That(a.ToArray<float>(), Is.EqualTo(b.ToArray<float>()));
    }

    [Test]
    public void StateOfAnotherModelIsRefusedAndNothingChanges()
    {
        var (a, b) = (Leaf(1, 2), Tensor.Ones([3]));
        b.RequiresGrad = true;
        var (first, second) = (new Adam([a]), new Adam([b], lr: 0.5));
        Step(first, a);
        Step(second, b);
        float[] before = second.State()["0.0.exp_avg"].ToArray<float>();
        Assert.That(() => second.LoadState(first.State()), Throws.TypeOf<TesseraException>().With.Message.Contains("0.0.exp_avg: got [2], expected [3]"));
        Assert.That(second.State()["0.0.exp_avg"].ToArray<float>(), Is.EqualTo(before));
        Assert.That(second.Groups[0].Lr, Is.EqualTo(0.5));
        Assert.That(() => new Sgd([a], 0.1).LoadState(first.State()), Throws.TypeOf<TesseraException>().With.Message.Contains("unexpected entry"));
    }

    [Test]
    public void AParameterBelongsToOneGroup()
    {
        var w = Leaf(1, 2);
        Assert.That(() => new Sgd([new ParameterGroup([w]), new ParameterGroup([w])]), Throws.TypeOf<TesseraException>().With.Message.Contains("in two groups"));
    }

    [Test]
    public void AdamCorrectsItsBiasWithTheBeta1OfTheStep()
    {
        var w = Leaf(0, 0);
        Adam adam = new([w], lr: 0.1, beta1: 0.95, beta2: 0.99);
        Step(adam, w, 1);
        adam.Groups[0].Momentum = 0.85;
        Step(adam, w, 1);
        // m = .85·.05 + .15, v̂ = 1: the second step is 0.1·m/(1 - .85²)
        double expected = -0.1 - (0.1 * ((0.85 * 0.05) + 0.15) / (1 - (0.85 * 0.85)));
        Assert.That(w.ToArray<float>()[0], Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void LayerGroupsSplitIntoWeightsAndTheRest()
    {
        Sequential body = new(new Conv2d(3, 4, 3), new BatchNorm2d(4), new Relu()), head = new(new Flatten(), new Linear(4, 2));
        ParameterGroup[] groups = [.. ParameterGroup.Split("body", [body], 1e-3, weightDecay: 0.1, normDecay: false), .. ParameterGroup.Split("head", [head], 1e-2, weightDecay: 0.1, normDecay: false)];
        Assert.That(groups.Select(g => g.Parameters.Select(p => p.Shape.ToString())), Is.EqualTo(new[]
        {
            new[] { "[4, 3, 3, 3]" }, ["[4]", "[4]", "[4]"], ["[2, 4]"], ["[2]"],
        }));
        Assert.That(groups.Select(g => g.Lr), Is.EqualTo([1e-3, 1e-3, 1e-2, 1e-2]));
        Assert.That(groups.Select(g => g.WeightDecay), Is.EqualTo([0.1, 0, 0.1, 0]));

        body.RequiresGrad(false);
        Assert.That(ParameterGroup.Split("all", [body, head]).Select(g => g.Parameters.Count), Is.EqualTo([1, 1]));
        Assert.That(ParameterGroup.Split("norm", [new LayerNorm([2, 2])]).Select(g => g.Parameters.Count), Is.EqualTo([0, 2]));
    }

    [Test]
    public void ClippingLeavesSmallGradientsAlone()
    {
        var w = Leaf(0, 0);
        (w * Tensor.From(3f, 4)).Sum().Backward();
        Assert.That(Gradients.ClipNorm([w], 10), Is.EqualTo(5).Within(1e-6));
        Assert.That(w.Grad!.ToArray<float>(), Is.EqualTo(new[] { 3f, 4 }));
        Assert.That(Gradients.ClipNorm([w], 1), Is.EqualTo(5).Within(1e-6));
        Assert.That(w.Grad!.ToArray<float>(), Is.EqualTo(new[] { 0.6f, 0.8f }).Within(1e-6f));
    }

    /// <summary>Squares of float32 from 1.8e19 on are above its range.</summary>
    [Test]
    public void LargeGradientsAreClippedToo([Values("cpu", "gpu")] string name)
    {
        var device = name == "cpu" ? Device.Cpu : TestDevices.Gpu;
        Tensor a = Tensor.Zeros([1], device: device), b = Tensor.Zeros([2], device: device);
        a.RequiresGrad = b.RequiresGrad = true;
        (a * Tensor.From([3e25f], [1], device)).Sum().Backward();
        (b * Tensor.From([4e25f, 0], [2], device)).Sum().Backward();
        Assert.That(Gradients.ClipNorm([a, b, Leaf(1)], 1), Is.EqualTo(5e25).Within(1e-4).Percent);
        Assert.That(a.Grad!.ToArray<float>(), Is.EqualTo(new[] { 0.6f }).Within(1e-6f));
        Assert.That(b.Grad!.ToArray<float>(), Is.EqualTo(new[] { 0.8f, 0 }).Within(1e-6f));
    }

    /// <summary>A gradient that stays the same has no variance: what rounding leaves of it may be below 0, and has no root.</summary>
    [Test]
    public void CenteredRmsPropOfAConstantGradientStaysANumber()
    {
        var w = Leaf(new float[64]);
        var slopes = Tensor.From([.. Enumerable.Range(1, 64).Select(i => 0.1f * i / 7)], [64]);
        RmsProp optimizer = new([w], lr: 1e-6, alpha: 0.5, centered: true);
        for (int i = 0; i < 60; i++)
        {
            (w * slopes).Sum().Backward();
            optimizer.Step();
            optimizer.ZeroGrad();
        }
        Assert.That(w.ToArray<float>(), Is.All.LessThan(0));
    }

    [Test]
    public void SwapExchangesParametersAndAverages()
    {
        var w = Leaf(1, 1);
        using MovingAverage average = new([w], 0.5);
        w.CopyFrom(Tensor.From(3f, 5));
        average.Update();
        average.Swap();
        Assert.That(w.ToArray<float>(), Is.EqualTo(new[] { 2f, 3 }));
        average.Swap();
        Assert.That(w.ToArray<float>(), Is.EqualTo(new[] { 3f, 5 }));
    }

    static Tensor Leaf(params float[] values)
    {
        var w = Tensor.From(values, [values.Length]);
        w.RequiresGrad = true;
        return w;
    }

    /// <summary>One step of Σ w² (gradient 2w), or of gradient <paramref name="g"/> everywhere.</summary>
    static void Step(Optimizer optimizer, Tensor w, float? g = null)
    {
        (g is { } slope ? w * slope : w * w).Sum().Backward();
        optimizer.Step();
        optimizer.ZeroGrad();
    }
}
