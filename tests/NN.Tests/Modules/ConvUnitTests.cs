using Tessera.NN;

namespace Tessera.Tests;

/// <summary>A convolution with batch norm and ReLU run together is the same function as the modules one by one, which is how they run under a watcher.</summary>
[NonParallelizable]
public sealed class ConvUnitTests
{
    Scope scope = null!;

    [SetUp]
    public void Begin() => scope = Scope.Begin();

    [TearDown]
    public void End() => scope.Dispose();

    static Tensor Input(ulong seed = 5) => Tensor.Normal([3, 4, 9, 7], new Philox(seed));

    static Sequential Net(bool bias, bool norm, bool relu)
    {
        var random = new Philox(7);
        List<Module> modules = [new Conv2d(4, 20, 3, padding: 1, bias: bias)];
        if (norm)
        {
            BatchNorm2d bn = new(20);
            bn.Weight.CopyFrom(Tensor.Uniform([20], new Philox(1), 0.5f, 2));
            bn.Bias.CopyFrom(Tensor.Normal([20], new Philox(2)));
            bn.RunningMean.CopyFrom(Tensor.Normal([20], new Philox(3)));
            bn.RunningVar.CopyFrom(Tensor.Uniform([20], new Philox(4), 0.5f, 2));
            modules.Add(bn);
        }
        if (relu) modules.Add(new Relu());
        modules.Add(new Conv2d(20, 2, 1));
        foreach (var p in modules.OfType<Conv2d>().SelectMany(m => m.Parameters())) p.CopyFrom(Tensor.Normal(p.Shape, random, std: 0.3f));
        return new Sequential([.. modules]);
    }

    static Tensor OneByOne(Module net, Tensor x)
    {
        using (Module.Watch((_, _, _) => { })) return net.Forward(x);
    }

    static void Same(Tensor actual, Tensor expected, string what)
    {
        float[] a = actual.ToArray<float>(), e = expected.ToArray<float>();
        float scale = e.Max(Math.Abs);
        Assert.That(a.Zip(e, (x, y) => Math.Abs(x - y)).Max(), Is.LessThanOrEqualTo(5e-6f * Math.Max(1, scale)), what);
    }

    [Test]
    public void TogetherIsOneByOne([Values] bool bias, [Values] bool norm, [Values] bool relu, [Values] bool training, [Values] bool gradients)
    {
        Sequential one = Net(bias, norm, relu), other = Net(bias, norm, relu);
        one.Train(training);
        other.Train(training);
        one.RequiresGrad(gradients);
        other.RequiresGrad(gradients);
        Tensor x = Input(), z = Input();
        x.RequiresGrad = z.RequiresGrad = gradients;
        Tensor y = one.Forward(x), expected = OneByOne(other, z);
        Same(y, expected, "y");
        foreach (var ((name, a), (_, b)) in one.NamedBuffers().Zip(other.NamedBuffers())) Same(a.To(DType.Float32), b.To(DType.Float32), name);
        if (!gradients) return;
        var g = Tensor.Normal(y.Shape, new Philox(9));
        y.Backward(g);
        expected.Backward(g);
        Same(x.Grad!, z.Grad!, "x");
        foreach (var ((name, a), (_, b)) in one.NamedParameters().Zip(other.NamedParameters())) Same(a.Grad!, b.Grad!, name);
    }

    [Test]
    public void FoldedWeightsFollowEveryTensorTheyComeFrom()
    {
        var net = Net(bias: true, norm: true, relu: true);
        net.Eval();
        using var noGrad = Autograd.NoGrad();
        var x = Input();
        Same(net.Forward(x), OneByOne(net, x), "at first");
        foreach (var (name, t) in net.StateDict().Where(t => t.Value.DType == DType.Float32))
        {
            var before = net.Forward(x);
            t.CopyFrom((t * 1.5f) + 0.25f);
            var after = net.Forward(x);
            Same(after, OneByOne(net, x), name);
            Assert.That(after.ToArray<float>(), Is.Not.EqualTo(before.ToArray<float>()), name);
        }
        net.Train();
        _ = net.Forward(Input(6)); // moves the running statistics
        net.Eval();
        Same(net.Forward(x), OneByOne(net, x), "after training");
    }

    [Test]
    public void TrainingGivesTheFoldedWeightsBack()
    {
        using var noGrad = Autograd.NoGrad();
        var net = Net(bias: false, norm: true, relu: true);
        var x = Input();
        // Weights keep their packed forms from the second use on: these stay.
        net.Forward(x).Dispose();
        net.Forward(x).Dispose();
        // What other tests dropped must not come back in between.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long live = Device.Cpu.Memory.Live;
        net.Eval();
        net.Forward(x).Dispose();
        net.Forward(x).Dispose();
        long folded = Device.Cpu.Memory.Live;
        Assert.That(folded, Is.GreaterThan(live));
        net.Train();
        net.Forward(x).Dispose();
        Assert.That(Device.Cpu.Memory.Live, Is.EqualTo(live));
    }

    [Test]
    public void AResidualMayLearnWhileTheConvolutionStandsStill()
    {
        var net = Net(bias: false, norm: true, relu: false);
        net.Eval();
        net.RequiresGrad(false);
        var unit = new ConvUnit((Conv2d)net[0], net[1]);
        Tensor x = Input(), residual = Tensor.Normal([3, 20, 9, 7], new Philox(8));
        residual.RequiresGrad = true;
        var y = unit.Forward(x, residual, relu: true);
        var g = Tensor.Normal(y.Shape, new Philox(9));
        y.Backward(g);
        Assert.That(residual.Grad!.ToArray<float>(), Is.EqualTo(Tensor.Where(y.Greater(0), g, Tensor.Scalar(0)).ToArray<float>()));
    }
}
