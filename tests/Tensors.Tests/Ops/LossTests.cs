namespace Tessera.Tests;

/// <summary>Corners of losses and batch statistics that the recorded cases leave open.</summary>
public sealed class LossTests
{
    Scope scope = null!;

    [SetUp]
    public void Begin() => scope = Scope.Begin();

    [TearDown]
    public void End() => scope.Dispose();

    [Test]
    public void An_impossible_class_that_is_not_the_target_costs_nothing()
    {
        var x = Tensor.From([0f, float.NegativeInfinity, 0f], [1, 3]);
        x.RequiresGrad = true;
        var loss = x.CrossEntropy(Tensor.From([0L]));
        loss.Backward();
        Assert.That(loss.Item(), Is.EqualTo(MathF.Log(2)).Within(1e-6f));
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new[] { -0.5f, 0, 0.5f }).Within(1e-6f));
    }

    [Test]
    public void Ignored_samples_get_no_gradient_and_do_not_count()
    {
        var x = Tensor.Normal([3, 4], new Philox(1));
        x.RequiresGrad = true;
        var loss = x.CrossEntropy(Tensor.From([1L, -100L, 2L]), labelSmoothing: 0.1f);
        loss.Backward();
        var kept = Tensor.Cat([x.Detach().Narrow(0, 0, 1), x.Detach().Narrow(0, 2, 1)]);
        Assert.That(loss.Item(), Is.EqualTo(kept.CrossEntropy(Tensor.From([1L, 2L]), labelSmoothing: 0.1f).Item()).Within(1e-6f));
        Assert.That(x.Grad!.Narrow(0, 1, 1).ToArray<float>(), Is.All.Zero);
    }

    [Test]
    public void A_class_of_weight_zero_still_takes_part_in_smoothing()
    {
        var (x, target, weight) = (Tensor.Normal([1, 3], new Philox(2)), Tensor.From([0L]), Tensor.From([0f, 1f, 1f]));
        float[] logp = x.LogSoftmax(1).ToArray<float>();
        float loss = x.CrossEntropy(target, weight, labelSmoothing: 0.3f, reduction: Reduction.Sum).Item();
        Assert.That(loss, Is.EqualTo(-0.1f * (logp[1] + logp[2])).Within(1e-6f));
    }

    [Test]
    public void Cross_entropy_is_the_nll_of_log_softmax()
    {
        var (x, target) = (Tensor.Normal([2, 3, 4, 5], new Philox(3), std: 3), Tensor.Zeros([2, 4, 5], DType.Int64));
        float[] Gradient(Func<Tensor, Tensor> loss)
        {
            var leaf = x.Clone();
            leaf.RequiresGrad = true;
            loss(leaf).Backward();
            return leaf.Grad!.ToArray<float>();
        }
        Assert.That(Gradient(v => v.CrossEntropy(target)), Is.EqualTo(Gradient(v => v.LogSoftmax(1).NllLoss(target))).Within(1e-7f));
    }

    static Tensor Logits(ulong seed)
    {
        var x = Tensor.Normal([5, 70], new Philox(seed), std: 3);
        x.RequiresGrad = true;
        return x;
    }

    static Tensor Classes => Tensor.From([1L, -100L, 69L, 2L, 30L]);

    /// <summary>The gradient that is computed along with the loss, against that of losses one by one; the loss as without recording, bit by bit.</summary>
    [Test]
    public void A_recorded_loss_is_the_same_and_brings_its_gradient_along([Values(0f, 0.1f)] float smoothing, [Values(Reduction.Mean, Reduction.Sum)] Reduction reduction, [Values] bool weighted)
    {
        Tensor a = Logits(1), b = Logits(1);
        var weight = weighted ? Tensor.Uniform([70], new Philox(2)) : null;
        var loss = a.CrossEntropy(Classes, weight, smoothing, reduction: reduction);
        Assert.That(loss.Item(), Is.EqualTo(Autograd.NoGrad(() => a.CrossEntropy(Classes, weight, smoothing, reduction: reduction)).Item()));
        loss.Backward();
        var each = b.CrossEntropy(Classes, weight, smoothing, reduction: Reduction.None);
        float scale = reduction == Reduction.Sum ? 1 : 1 / (weight is null ? 4 : weight.IndexSelect(0, Tensor.From([1L, 69L, 2L, 30L])).Sum().Item());
        each.Backward(Tensor.Full([5], scale));
        Assert.That(a.Grad!.ToArray<float>(), Is.EqualTo(b.Grad!.ToArray<float>()).Within(1e-7f));
    }

    [Test]
    public void A_scaled_loss_scales_its_gradient_and_a_kept_one_gives_it_again()
    {
        Tensor a = Logits(3), b = Logits(3), c = Logits(3);
        a.CrossEntropy(Classes).Backward();
        (b.CrossEntropy(Classes) * 1024).Backward();
        Assert.That(b.Grad!.ToArray<float>(), Is.EqualTo(a.Grad!.ToArray<float>().Select(g => g * 1024)));
        var kept = c.CrossEntropy(Classes);
        kept.Backward(retain: true);
        c.Grad!.CopyFrom(c.Grad * 5); // as an optimizer may: it is the leaf's own
        c.ZeroGrad();
        kept.Backward(retain: true);
        kept.Backward();
        Assert.That(c.Grad!.ToArray<float>(), Is.EqualTo(a.Grad!.ToArray<float>().Select(g => g * 2)));
    }

    [Test, NonParallelizable]
    public void A_gradient_that_came_with_the_loss_becomes_that_of_the_leaf_without_a_copy()
    {
        var x = Tensor.Normal([64, 1000], new Philox(4));
        x.RequiresGrad = true;
        var y = Tensor.Zeros([64], DType.Int64);
        var pool = Device.Cpu.Memory;
        using (Scope.Begin())
        {
            var loss = x.CrossEntropy(y);
            long before = pool.Live;
            pool.ResetPeak();
            loss.Backward();
            Assert.That(pool.Peak - before, Is.LessThan(x.Count * sizeof(float)));
        }
        Assert.That(x.Grad!.Count, Is.EqualTo(x.Count));
    }

    [Test]
    public void Running_statistics_move_in_place_and_evaluation_uses_them()
    {
        var (mean, var) = (Tensor.Zeros([2]), Tensor.Ones([2]));
        int version = mean.View.Storage.Version;
        var x = Tensor.From([0f, 10f, 2f, 30f], [2, 2]); // means 1 and 20, unbiased variances 2 and 200
        x.BatchNorm(null, null, mean, var, training: true, momentum: 0.5f);
        Assert.That(mean.ToArray<float>(), Is.EqualTo(new[] { 0.5f, 10 }).Within(1e-5f));
        Assert.That(var.ToArray<float>(), Is.EqualTo(new[] { 1.5f, 100.5f }).Within(1e-3f));
        Assert.That(mean.View.Storage.Version, Is.GreaterThan(version));
        float[] y = x.BatchNorm(null, null, mean, var, training: false).ToArray<float>();
        Assert.That(y[0], Is.EqualTo(-0.5f / MathF.Sqrt(1.5f)).Within(1e-4f));
        Assert.That(mean.ToArray<float>(), Is.EqualTo(new[] { 0.5f, 10 }).Within(1e-5f));
    }
}
