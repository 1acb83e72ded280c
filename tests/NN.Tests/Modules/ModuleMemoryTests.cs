using Tessera.NN;

namespace Tessera.Tests;

[NonParallelizable]
public sealed class ModuleMemoryTests
{
    const int Bytes = 1 << 20;

    static MemoryPool Memory => Device.Cpu.Memory;

    Scope scope = null!;

    [SetUp]
    public void Begin()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        scope = Scope.Begin();
    }

    [TearDown]
    public void End() => scope.Dispose();

    static Tensor Input() => Tensor.Ones([Bytes / 4]);

    /// <summary>Ten links that each make two tensors.</summary>
    static Sequential Chain() => new([.. Enumerable.Range(0, 10).Select(_ => new Twice())]);

    sealed class Twice : Module
    {
        public override Tensor Forward(Tensor x) => (x * 0.5f).Sigmoid();
    }

    [Test]
    public void WithoutGradientsOnlyTheLiveActivationsExist()
    {
        var (x, chain) = (Input(), Chain());
        long live = Memory.Live;
        Memory.ResetPeak();
        using (Autograd.NoGrad()) chain.Forward(x);
        Assert.That(Memory.Peak - live, Is.LessThanOrEqualTo(3 * Bytes), "a link's input, its product and its result");
        Assert.That(Memory.Live - live, Is.EqualTo(Bytes));
        Assert.That(x.IsReleased, Is.False);
    }

    [Test]
    public void WithGradientsWhatTheyReadExistsToo()
    {
        var (x, chain) = (Input(), Chain());
        x.RequiresGrad = true;
        long live = Memory.Live;
        Memory.ResetPeak();
        var y = chain.Forward(x);
        Assert.That(Memory.Live - live, Is.EqualTo(10 * Bytes), "the sigmoids");
        Assert.That(Memory.Peak - live, Is.LessThanOrEqualTo(11 * Bytes));
        y.Backward(Tensor.Ones(y.Shape));
        Assert.That(Memory.Live - live, Is.EqualTo(3 * Bytes), "the result, the seed, and the gradient");
        x.ZeroGrad();
    }

    [Test]
    public void WhatAWatcherKeepsOutlivesTheCall()
    {
        List<Tensor> seen = [];
        var net = new Sequential(new Relu(), new Sigmoid(), new Tanh());
        using (Module.Watch((module, _, y) => seen.Add(module is Sigmoid ? Scope.Keep(y) : y))) net.Call(Tensor.Ones([3]));
        Assert.That(seen.Select(y => y.IsReleased), Is.EqualTo([true, false, false, false]), "ReLU, sigmoid, tanh, the chain");
        seen[1].Dispose();
    }

    [Test]
    public void AModuleThatGivesBackItsInputLeavesItAlone()
    {
        var x = Input();
        var y = new Sequential(new Dropout(), new Dropout()).Eval().Call(x);
        Assert.That((y, x.IsReleased), Is.EqualTo((x, false)));
    }
}
