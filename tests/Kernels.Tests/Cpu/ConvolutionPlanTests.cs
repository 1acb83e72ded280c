using static Tessera.ConvolutionAlgorithm;

namespace Tessera.Tests;

[NonParallelizable]
public sealed class ConvolutionPlanTests
{
    static readonly Window2d same = new(3, 3, 1, 1, 1, 1, 1, 1);

    [TestCase(16, 64, 56, 64, Winograd, Winograd)]
    [TestCase(1, 64, 56, 64, Winograd, Winograd)]
    [TestCase(16, 512, 7, 512, Winograd, Winograd)]
    [TestCase(1, 512, 7, 512, WinogradSmall, Direct)]
    [TestCase(1, 512, 4, 512, Direct, Direct)]
    [TestCase(1, 128, 7, 512, Direct, Direct)]
    [TestCase(3, 256, 7, 256, WinogradSmall, Direct)]
    [TestCase(16, 3, 56, 64, Direct, Direct)]
    [TestCase(32, 64, 2, 64, Direct, Direct)]
    public void ThreeByThreeByShape(int n, int c, int size, int k, ConvolutionAlgorithm forward, ConvolutionAlgorithm weight)
    {
        Shape x = [n, c, size, size], w = [k, c, 3, 3];
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, x, w, same).Algorithm, Is.EqualTo(forward));
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.BackwardWeight, x, w, same).Algorithm, Is.EqualTo(weight));
    }

    static IEnumerable<TestCaseData> Windows() =>
    [
        new TestCaseData(new Window2d(1, 1), 64, PlainGemm),
        new TestCaseData(new Window2d(1, 1, 2, 2), 64, Direct),
        new TestCaseData(new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 64, Direct),
        new TestCaseData(new Window2d(3, 3, 1, 1, 2, 2, 2, 2, 2, 2), 64, Direct),
        new TestCaseData(new Window2d(3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 4), 16, Direct),
        new TestCaseData(same with { Groups = 64 }, 1, Depthwise),
        new TestCaseData(same, 64, Winograd),
    ];

    [TestCaseSource(nameof(Windows))]
    public void ByWindow(Window2d window, int channels, ConvolutionAlgorithm expected)
        => Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, [8, 64, 28, 28], [64, channels, window.R, window.S], window).Algorithm, Is.EqualTo(expected));

    [Test]
    public void TheGradientOfTheInputCountsTheTilesOfTheInput()
    {
        Shape x = [4, 32, 6, 6], w = [32, 32, 3, 3];
        var valid = new Window2d(3, 3); // 4x4 results are a tile each, 6x6 gradients four
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, x, w, valid), Is.EqualTo(new ConvolutionPlan(Direct, "fewer than 16 tiles of 4x4 results")));
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.BackwardData, x, w, valid).Algorithm, Is.EqualTo(Winograd), "16 tiles");
    }

    [Test]
    public void WhatIsForcedIsTakenWhereItIsPossibleAndExactSumsNeverByWinograd()
    {
        Shape x = [1, 8, 8, 8], w = [8, 8, 3, 3];
        ConvolutionPlan.Forced = Winograd;
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, x, w, same), Is.EqualTo(new ConvolutionPlan(Winograd, "forced")));
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, x, w, same with { StrideH = 2 }).Algorithm, Is.EqualTo(Direct), "not possible");
        ConvolutionPlan.Forced = WinogradSmall;
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.BackwardData, x, w, same), Is.EqualTo(new ConvolutionPlan(WinogradSmall, "forced")));
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.BackwardWeight, x, w, same).Algorithm, Is.EqualTo(Direct), "not possible");
        Determinism.Exact = true;
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, x, w, same).Algorithm, Is.EqualTo(Direct));
        ConvolutionPlan.Forced = Winograd;
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, x, w, same).Algorithm, Is.EqualTo(Direct));
        Determinism.Exact = false;
        ConvolutionPlan.Forced = Direct;
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, [8, 64, 28, 28], [64, 64, 3, 3], same).Algorithm, Is.EqualTo(Direct));
        Assert.That(ConvolutionPlan.Of(ConvolutionPass.Forward, [8, 64, 28, 28], [64, 64, 1, 1], new(1, 1)).Algorithm, Is.EqualTo(Direct));
    }

    [Test]
    public void AnyAlgorithmThatIsPossibleGivesTheSameButForRounding()
    {
        Shape s = [3, 20, 9, 11], ws = [24, 20, 3, 3], ys = [3, 24, 9, 11];
        View x = Views.Of(s, Arrays.Normal(s.Count, 1)), w = Views.Of(ws, Arrays.Normal(ws.Count, 2)), y = Views.Empty<float>(ys);
        var expected = Plain.Conv2d(s, Arrays.Normal(s.Count, 1), ws, Arrays.Normal(ws.Count, 2), null, ys, same);
        foreach (var algorithm in (ConvolutionAlgorithm[])[Auto, Direct, Winograd, WinogradSmall])
        {
            ConvolutionPlan.Forced = algorithm;
            Views.Clear(y);
            Views.Cpu.Conv2d(x, w, y, same);
            Assert.That(Arrays.Error(Views.Get<float>(y), expected).Rms, Is.LessThan(6e-6), algorithm.ToString());
        }
    }

    [Test]
    public void AWatcherSeesEachConvolutionOfItsThread()
    {
        Shape s = [1, 4, 5, 5], ws = [2, 4, 3, 3];
        View x = Views.Of(s, new float[100]), w = Views.Of(ws, new float[72]), y = Views.Empty<float>([1, 2, 5, 5]);
        List<(Shape, Shape, Window2d)> seen = [];
        using (ConvolutionPlan.Watch((a, b, window) => seen.Add((a, b, window)))) Views.Cpu.Conv2d(x, w, y, same);
        Views.Cpu.Conv2d(x, w, y, same);
        Assert.That(seen, Is.EqualTo(new[] { (s, ws, same) }));
    }

    [TearDown]
    public void Restore()
    {
        ConvolutionPlan.Forced = Auto;
        Determinism.Exact = false;
    }
}
