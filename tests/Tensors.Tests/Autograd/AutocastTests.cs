namespace Tessera.Tests;

/// <summary>What is stored in 16 bits, what stays float32, and where a region of mixed precision begins and ends.</summary>
public sealed class AutocastTests
{
    static readonly DType[] types = [DType.Float16, DType.BFloat16];

    static Tensor Normal(ulong seed, params int[] shape) => Tensor.Normal(shape, new Philox(seed));

    [Test]
    public void ProductsAndWhatReadsThemAreStoredInHalf([ValueSource(nameof(types))] DType type)
    {
        using var scope = Scope.Begin();
        Tensor x = Normal(1, 2, 3, 6, 6), w = Normal(2, 4, 3, 3, 3), scale = Tensor.Ones([4]), shift = Tensor.Zeros([4]);
        using var precision = Autocast.To(type);
        var y = x.Conv2d(w, padding: 1);
        Assert.That(y.DType, Is.EqualTo(type));
        Tensor[] stored =
        [
            y.BatchNorm(scale, shift, null, null, training: true), y.Relu(), y + y, y * 2, y + Normal(3, 2, 4, 6, 6), y.MaxPool2d(2), y.AvgPool2d(2), y.AdaptiveAvgPool2d(4, 5),
            y.Flatten().Linear(Normal(4, 5, 144)), y.Reshape(2, 4, 36).MatMul(Normal(5, 2, 36, 3)), Tensor.Cat([y, y], 1), Tensor.Cat([y, x.Narrow(1, 0, 1)], 1), y.Dropout(0.5f, new Philox(6)),
            y.Silu(), y.Gelu(), y.LayerNorm([6]), y.ConvTranspose2d(Normal(7, 4, 2, 2, 2)), y.Pad(1, 1, 1, 1), y.Interpolate(3, 3, InterpolateMode.Bilinear), y.Permute(0, 2, 3, 1), y.Narrow(1, 0, 2),
        ];
        Assert.That(stored.Select(t => t.DType), Is.All.EqualTo(type));
        Tensor[] wide = [y.Sum(), y.Mean([2, 3]), y.Var(), y.Softmax(1), y.LogSoftmax(1), y.Exp(), y.Norm(), y.AMax(), y.Flatten(2).Sum(2).CrossEntropy(Tensor.From([0L, 1L], [2])), y.To(DType.Float32), x.Relu(), x + 1];
        Assert.That(wide.Select(t => t.DType), Is.All.EqualTo(DType.Float32));
        Assert.That(y.Greater(0).DType, Is.EqualTo(DType.Bool));
    }

    [Test]
    public void ParametersStayFloat32AndSoDoTheirGradients([ValueSource(nameof(types))] DType type)
    {
        using var scope = Scope.Begin();
        Tensor x = Normal(1, 4, 3, 6, 6), w = Normal(2, 4, 3, 3, 3), b = Normal(3, 4), scale = Tensor.Ones([4]), shift = Tensor.Zeros([4]), head = Normal(4, 2, 4);
        Tensor[] parameters = [w, b, scale, shift, head];
        foreach (var p in parameters) p.RequiresGrad = true;
        Tensor Loss() => x.Conv2d(w, b, padding: 1).BatchNorm(scale, shift, null, null, training: true, relu: true).AdaptiveAvgPool2d(1, 1).Flatten().Linear(head).To(DType.Float32).Square().Sum();
        Loss().Backward();
        float[][] exact = [.. parameters.Select(p => p.Grad!.ToArray<float>())];
        foreach (var p in parameters) p.ZeroGrad();
        Tensor loss;
        using (Autocast.To(type)) loss = Loss();
        loss.Backward();
        double epsilon = type == DType.Float16 ? 1.0 / 2048 : 1.0 / 256;
        foreach (var (p, e) in parameters.Zip(exact))
        {
            Assert.That(p.Grad!.DType, Is.EqualTo(DType.Float32));
            float[] g = p.Grad.ToArray<float>();
            // b is followed by batch norm: its gradient is 0 but for rounding. The bound is relative to the largest gradient of all.
            double most = exact.SelectMany(v => v).Max(Math.Abs);
            Assert.That(g.Zip(e, (u, v) => Math.Abs(u - v)).Max(), Is.LessThan(20 * epsilon * most));
        }
        Assert.That(w.Grad!.ToArray<float>(), Is.Not.EqualTo(exact[0]), "it was rounded");
    }

    [Test]
    public void TheRegionEndsAndBelongsToItsThread()
    {
        Assert.That(Autocast.Type, Is.EqualTo(DType.Float32));
        using (Autocast.To(DType.Float16))
        {
            Assert.That(Autocast.Type, Is.EqualTo(DType.Float16));
            using (Autocast.To(DType.Float32)) Assert.That(Normal(1, 2, 2).MatMul(Normal(2, 2, 2)).DType, Is.EqualTo(DType.Float32));
            Assert.That(Autocast.Type, Is.EqualTo(DType.Float16));
            Assert.That(Autocast.To(DType.BFloat16, () => Normal(1, 2, 2).MatMul(Normal(2, 2, 2)).DType), Is.EqualTo(DType.BFloat16));
            Assert.That(Task.Run(() => Autocast.Type).Result, Is.EqualTo(DType.Float32));
        }
        Assert.That(Autocast.Type, Is.EqualTo(DType.Float32));
        var half = Normal(1, 2, 2).To(DType.Float16);
        Assert.That(() => half.Relu(), Throws.TypeOf<DTypeException>(), "outside, halves are for storage");
        Assert.That(() => half.MatMul(half), Throws.TypeOf<DTypeException>());
        Assert.That(() => Autocast.To(DType.Int64), Throws.TypeOf<DTypeException>().With.Message.StartsWith("Autocast.To: element type: got Int64"));
    }

    [Test]
    public void IntegersAreNoFactors()
    {
        using var precision = Autocast.To(DType.BFloat16);
        var x = Tensor.From([1L, 2], [1, 2]);
        Assert.That(() => x.MatMul(Normal(1, 2, 2)), Throws.TypeOf<DTypeException>());
    }

    [Test]
    public void GradientsOfSeveralUsesAddUpInHalf([ValueSource(nameof(types))] DType type)
    {
        using var scope = Scope.Begin();
        var x = Tensor.From([1f, 2, 3, 4], [2, 2]);
        x.RequiresGrad = true;
        Tensor loss;
        using (Autocast.To(type))
        {
            var y = x.MatMul(Tensor.From([1f, 0, 0, 1], [2, 2]));
            loss = (y + (y * 2) + y.Relu()).Sum();
        }
        loss.Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.All.EqualTo(4f));
        var leaf = x.Detach().To(type);
        leaf.RequiresGrad = true;
        for (int i = 0; i < 2; i++)
            using (Autocast.To(type)) leaf.MatMul(Tensor.From([1f, 0, 0, 1], [2, 2])).Sum().Backward();
        Assert.That((leaf.Grad!.DType, leaf.Grad.To(DType.Float32).ToArray<float>()[0]), Is.EqualTo((type, 2f)), "a leaf of 16 bits adds up too");
    }

    [Test]
    public void CheckpointsRunAgainInTheSamePrecision()
    {
        using var scope = Scope.Begin();
        Tensor x = Normal(1, 4, 8), w = Normal(2, 8, 8);
        x.RequiresGrad = w.RequiresGrad = true;
        Tensor Run(bool checkpointed)
        {
            x.ZeroGrad();
            w.ZeroGrad();
            Tensor loss;
            using (Autocast.To(DType.BFloat16))
            {
                Tensor F(Tensor t, bool again) => t.Linear(w).Relu().Linear(w);
                loss = (checkpointed ? Autograd.Checkpoint(x, [w], F) : F(x, false)).To(DType.Float32).Square().Sum();
            }
            loss.Backward();
            return Tensor.Cat([x.Grad!.Flatten(0), w.Grad!.Flatten(0), loss.Detach().Reshape(1)]);
        }
        Assert.That(Run(true).ToArray<float>(), Is.EqualTo(Run(false).ToArray<float>()));
    }

    [Test]
    public void RoundedWeightsAreKeptUntilTheyChange()
    {
        using var scope = Scope.Begin();
        Tensor x = Tensor.Ones([1, 4]), w = Tensor.Ones([2, 4]);
        w.RequiresGrad = true;
        using var noGrad = Autograd.NoGrad();
        using var precision = Autocast.To(DType.BFloat16);
        for (int use = 0; use < 3; use++) Assert.That(x.Linear(w).To(DType.Float32).ToArray<float>(), Is.All.EqualTo(4f));
        w.CopyFrom(Tensor.Full([2, 4], 2));
        for (int use = 0; use < 3; use++) Assert.That(x.Linear(w).To(DType.Float32).ToArray<float>(), Is.All.EqualTo(8f));
        using (Autocast.To(DType.Float16)) Assert.That(x.Linear(w).To(DType.Float32).ToArray<float>(), Is.All.EqualTo(8f));
        Assert.That(x.Linear(w.Narrow(0, 1, 1)).Shape, Is.EqualTo(new Shape(1, 1)), "another part of the same memory");
    }

    /// <summary>Float16 loses what is below 2^-25 and what is above 65504; that is what a loss is scaled for.</summary>
    [Test]
    public void SmallGradientsVanishInFloat16AndSurviveScaled()
    {
        using var scope = Scope.Begin();
        var w = Tensor.Ones([1, 1]);
        w.RequiresGrad = true;
        float Gradient(DType type, float scale)
        {
            w.ZeroGrad();
            Tensor loss;
            using (Autocast.To(type)) loss = Tensor.Ones([1, 1]).Linear(w).To(DType.Float32).Sum() * 1e-8f * scale;
            loss.Backward();
            return w.Grad!.Item() / scale;
        }
        Assert.That(Gradient(DType.Float16, 1), Is.Zero);
        Assert.That(Gradient(DType.Float16, 65536), Is.EqualTo(1e-8f).Within(1e-11));
        Assert.That(Gradient(DType.BFloat16, 1), Is.EqualTo(1e-8f).Within(1e-10));
        Assert.That(Gradient(DType.Float16, 1e13f), Is.EqualTo(float.PositiveInfinity));
    }
}
