using System.Runtime.CompilerServices;

namespace Tessera.Tests;

public sealed class AutogradTests
{
    Scope scope = null!;

    [SetUp]
    public void Begin() => scope = Scope.Begin();

    [TearDown]
    public void End() => scope.Dispose();

    static Tensor Leaf(Shape shape, params float[] values)
    {
        var x = Tensor.From(values, shape);
        x.RequiresGrad = true;
        return x;
    }

    static float[] Grad(Tensor x) => x.Grad!.ToArray<float>();

    /// <summary>y = the sum of its inputs; counts which gradients were asked for.</summary>
    sealed class CountingOp : Op
    {
        public List<int> Asked { get; } = [];

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => x[0] + x[1];

        protected override Tensor? Gradient(int i, Tensor g)
        {
            Asked.Add(i);
            return g;
        }
    }

    [Test]
    public void Broadcast_dimensions_are_summed_back()
    {
        var (a, b, c) = (Leaf([2, 3], 1, 2, 3, 4, 5, 6), Leaf([3], 1, 10, 100), Leaf([2, 1], 1, -1));
        (a * b * c).Sum().Backward();
        Assert.That(Grad(a), Is.EqualTo(new float[] { 1, 10, 100, -1, -10, -100 }));
        Assert.That(Grad(b), Is.EqualTo(new float[] { -3, -3, -3 }));
        Assert.That(Grad(c), Is.EqualTo(new float[] { 321, 654 }));
        Assert.That(c.Grad!.Shape, Is.EqualTo(c.Shape));
    }

    [Test]
    public void A_tensor_used_twice_gets_both_gradients()
    {
        var x = Leaf([2], 3, -2);
        ((x * x) + x).Sum().Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 7, -3 }));
    }

    [Test]
    public void A_shared_result_collects_before_it_passes_on()
    {
        var x = Leaf([1], 2);
        var y = x * 3f;
        var op = new CountingOp();
        var z = op.Apply(y, y);
        (z * z).Backward(); // (2·3x)² = 36x²
        Assert.That(Grad(x), Is.EqualTo(new float[] { 144 }));
        Assert.That(op.Asked, Is.EqualTo(new[] { 0, 1 }));
    }

    [Test]
    public void Gradients_accumulate_until_ZeroGrad()
    {
        var x = Leaf([1], 2);
        (x * 3f).Backward();
        (x * 4f).Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 7 }));
        x.ZeroGrad();
        Assert.That(x.Grad, Is.Null);
        (x * 5f).Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 5 }));
    }

    [Test]
    public void A_second_backward_pass_is_an_error_without_retain()
    {
        var x = Leaf([1], 2);
        var y = x * x;
        y.Backward();
        Assert.That(() => y.Backward(), Throws.TypeOf<AutogradException>().With.Message.Contains("already used").And.Message.Contains("retain: true"));
        Assert.That(Grad(x), Is.EqualTo(new float[] { 4 }));
    }

    [Test]
    public void A_part_used_by_two_losses_is_an_error_without_retain()
    {
        var x = Leaf([1], 2);
        var y = x * x;
        var (first, second) = (y * 2f, y * 3f);
        first.Backward();
        Assert.That(() => second.Backward(), Throws.TypeOf<AutogradException>().With.Message.Contains("Mul"));
    }

    [Test]
    public void Retained_operations_run_again()
    {
        var x = Leaf([1], 2);
        var y = x * x;
        y.Backward(retain: true);
        y.Backward(retain: true);
        y.Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 12 }));
    }

    [Test]
    public void An_input_changed_in_place_is_noticed()
    {
        var x = Leaf([2], 1, 2);
        var w = Tensor.From([3f, 4f], [2]);
        var y = (x * w).Sum();
        w.CopyFrom(Tensor.Zeros([2]));
        Assert.That(() => y.Backward(), Throws.TypeOf<AutogradException>().With.Message.Contains("changed in place").And.Message.Contains("Mul"));
    }

    [Test]
    public void An_output_changed_in_place_is_noticed()
    {
        var x = Leaf([2], 1, 2);
        var y = x.Exp();
        var loss = y.Sum();
        y.CopyFrom(Tensor.Zeros([2]));
        Assert.That(() => loss.Backward(), Throws.TypeOf<AutogradException>().With.Message.Contains("the output"));
    }

    [Test]
    public void A_change_of_what_the_gradient_does_not_use_is_no_error()
    {
        var x = Leaf([2], 1, 2);
        var y = x + Tensor.Ones([2]);
        var loss = y.Sum();
        y.CopyFrom(Tensor.Zeros([2]));
        loss.Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 1, 1 }));
    }

    [Test]
    public void A_change_through_a_view_is_noticed()
    {
        var x = Leaf([2], 1, 2);
        var w = Tensor.From([3f, 4f], [2]);
        var y = (x * w).Sum();
        w.Narrow(0, 1, 1).CopyFrom(Tensor.Zeros([1]));
        Assert.That(() => y.Backward(), Throws.TypeOf<AutogradException>());
    }

    [Test]
    public void Nothing_is_recorded_inside_NoGrad()
    {
        var x = Leaf([1], 2);
        Tensor y;
        using (Autograd.NoGrad())
        {
            Assert.That(Autograd.IsEnabled, Is.False);
            using (Autograd.NoGrad()) y = x * x;
            Assert.That(Autograd.IsEnabled, Is.False);
        }
        Assert.That(Autograd.IsEnabled, Is.True);
        Assert.That(y.RequiresGrad, Is.False);
        Assert.That(() => y.Backward(), Throws.TypeOf<AutogradException>().With.Message.Contains("nothing to differentiate"));
    }

    [Test]
    public void NoGrad_is_a_matter_of_the_thread()
    {
        using var region = Autograd.NoGrad();
        bool elsewhere = false;
        var thread = new Thread(() => elsewhere = Autograd.IsEnabled);
        thread.Start();
        thread.Join();
        Assert.That(elsewhere, Is.True);
    }

    [Test]
    public void No_gradient_is_computed_that_nobody_needs()
    {
        var (x, frozen) = (Leaf([1], 2), Tensor.From([3f], [1]));
        var op = new CountingOp();
        op.Apply(x, frozen).Backward();
        Assert.That(op.Asked, Is.EqualTo(new[] { 0 }));
        Assert.That(frozen.Grad, Is.Null);

        var skipped = new CountingOp();
        Assert.That(skipped.Apply(frozen, frozen).IsLeaf, Is.True);
    }

    [Test]
    public void A_frozen_start_costs_nothing()
    {
        var (image, frozen, trained) = (Tensor.Ones([4, 3]), Tensor.Ones([5, 3]), Leaf([2, 5], 1, 2, 3, 4, 5, 6, 7, 8, 9, 10));
        var features = image.Linear(frozen).Relu();
        Assert.That(features.RequiresGrad, Is.False);
        features.Linear(trained).Sum().Backward();
        Assert.That(Grad(trained), Is.All.EqualTo(12f));
    }

    [Test]
    public void Gradients_of_leaves_do_not_share_memory()
    {
        var (a, b) = (Leaf([2], 1, 2), Leaf([2], 3, 4));
        var seed = Tensor.From([5f, 6f], [2]);
        (a + b).Backward(seed);
        a.Grad!.CopyFrom(Tensor.Zeros([2]));
        Assert.That(Grad(b), Is.EqualTo(new float[] { 5, 6 }));
        b.Grad!.CopyFrom(Tensor.Zeros([2]));
        Assert.That(seed.ToArray<float>(), Is.EqualTo(new float[] { 5, 6 }));
    }

    [Test]
    public void A_leaf_gradient_does_not_share_memory_with_a_given_gradient_or_view()
    {
        var a = Leaf([2, 3], 1, 2, 3, 4, 5, 6);
        var seed = Tensor.Ones([3, 2]);
        a.Transpose().Backward(seed);
        a.Backward(Tensor.Ones([2, 3]));
        seed.CopyFrom(Tensor.Zeros([3, 2]));
        Assert.That(Grad(a), Is.All.EqualTo(2f));
        Assert.That(a.Grad!.IsDense, Is.True);
    }

    [Test]
    public void Two_gradients_that_are_one_tensor_stay_apart()
    {
        var (a, b) = (Leaf([2], 1, 2), Leaf([2], 3, 4));
        (new SharingOp().Apply(a, b) * 2f).Sum().Backward();
        a.Grad!.CopyFrom(Tensor.Zeros([2]));
        Assert.That(Grad(b), Is.EqualTo(new float[] { 6, 6 }));
    }

    /// <summary>y = 3a + 3b, giving one gradient tensor to both.</summary>
    sealed class SharingOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => (x[0] + x[1]) * 3f;

        protected override void Gradients(Tensor g, Tensor?[] grads) => grads[0] = grads[1] = g * 3f;

        protected override Tensor? Gradient(int i, Tensor g) => null;
    }

    [Test]
    public void An_input_returned_as_its_gradient_stays_alive()
    {
        var (a, w) = (Leaf([2], 1, 2), Leaf([2], 5, 6));
        var y = new DotOp().Apply(a, w);
        y.Backward();
        Assert.That(Grad(a), Is.EqualTo(new float[] { 5, 6 }));
        a.Grad!.CopyFrom(Tensor.Zeros([2]));
        Assert.That(w.ToArray<float>(), Is.EqualTo(new float[] { 5, 6 }));
    }

    /// <summary>y = Σ a·b for a gradient of 1.</summary>
    sealed class DotOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => (x[0] * x[1]).Sum();

        protected override Tensor? Gradient(int i, Tensor g) => Input(1 - i);
    }

    [Test]
    public void A_failed_pass_leaves_nothing_behind()
    {
        var x = Leaf([1], 2);
        var failing = new FailingOp();
        var y = failing.Apply(x);
        var z = (x * 5f) + y + (y * 3f);
        Assert.That(() => z.Backward(retain: true), Throws.InvalidOperationException);
        x.ZeroGrad();
        failing.Fails = false;
        z.Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 9 }));
    }

    sealed class FailingOp : Op
    {
        public bool Fails { get; set; } = true;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => x[0].Clone();

        protected override Tensor? Gradient(int i, Tensor g) => Fails ? throw new InvalidOperationException() : g;
    }

    [Test, NonParallelizable]
    public void Gradients_of_results_are_given_back_as_the_pass_goes()
    {
        const int Bytes = 1 << 20;
        var memory = Device.Cpu.Memory;
        var x = Scope.Keep(Tensor.Ones([Bytes / 4]));
        x.RequiresGrad = true;
        var y = x;
        for (int i = 0; i < 10; i++) y = (y + y.Sigmoid()).Exp().Log().Reshape(-1, 4).Transpose().Transpose().Flatten(0);
        long live = memory.Live;
        memory.ResetPeak();
        y.Sum().Backward();
        Assert.That(memory.Peak - live, Is.LessThan(8 * Bytes));
        x.ZeroGrad();
        x.Dispose();
    }

    [Test, NonParallelizable]
    public void What_no_gradient_reads_is_given_back_at_the_end_of_a_local_scope()
    {
        var memory = Device.Cpu.Memory;
        var x = Leaf([4], 1, 2, 3, 4);
        int blocks = memory.LiveBlocks;
        Tensor y, product;
        using (var local = Scope.Local())
        {
            var sum = x + x;            // nothing reads it again
            product = sum * 2f;         // nor this: the gradient of exp reads its result
            y = local.Return(product.Exp() * x);
        }
        Assert.That(memory.LiveBlocks, Is.EqualTo(blocks + 2), "the result, and e^4x for both gradients");
        Assert.That(product.IsReleased, Is.True);
        y.Sum().Backward();
        Assert.That(Grad(x)[1], Is.EqualTo(Math.Exp(8) * 9).Within(1e-3), "d(x·e^4x) = (1 + 4x)·e^4x");
    }

    [Test, NonParallelizable]
    public void Saved_tensors_are_given_back_as_the_pass_goes()
    {
        const int Bytes = 1 << 20;
        var memory = Device.Cpu.Memory;
        var x = Tensor.Full([Bytes / 4], 0.5);
        x.RequiresGrad = true;
        long before = memory.Live;
        Tensor loss;
        using (var local = Scope.Local())
        {
            var y = x;
            for (int i = 0; i < 20; i++) y = y.Sigmoid() + 1f; // only the sigmoids are saved
            loss = local.Return(y.Sum());
        }
        Assert.That(memory.Live - before, Is.InRange(20 * Bytes, 21 * Bytes));
        memory.ResetPeak();
        loss.Backward();
        Assert.That(memory.Peak - before, Is.LessThan(24 * Bytes));
        Assert.That(memory.Live - before, Is.LessThan(2 * Bytes), "the gradient");
    }

    [Test, NonParallelizable]
    public void A_scope_ends_what_recorded_operations_hold()
    {
        var memory = Device.Cpu.Memory;
        var x = Leaf([2], 1, 2);
        int blocks = memory.LiveBlocks;
        Tensor y;
        using (var inner = Scope.Begin())
        {
            using var local = Scope.Local();
            y = inner.Return(local.Return(x.Exp().Exp()));
        }
        Assert.That(memory.LiveBlocks, Is.EqualTo(blocks + 1));
        Assert.That(() => y.Sum().Backward(), Throws.TypeOf<TesseraException>().With.Message.Contains("given back"));
    }

    /// <summary>y = x², which forgets to say that the gradient reads x.</summary>
    sealed class ForgetfulOp : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => x[0] * x[0];

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g * Input(0) * 2f;
    }

    [Test]
    public void Reading_what_was_not_saved_says_so()
    {
        var y = new ForgetfulOp().Apply(Leaf([1], 2));
        Assert.That(() => y.Backward(), Throws.TypeOf<AutogradException>().With.Message.EqualTo("Forgetful: input 0 was not saved: expected Saves to say that the gradients read it."));
    }

    [Test, NonParallelizable]
    public void Gradients_add_up_in_place()
    {
        var x = Leaf([1 << 18], new float[1 << 18]);
        (x * 2f).Sum().Backward();
        var grad = x.Grad!;
        var memory = Device.Cpu.Memory;
        long live = memory.Live;
        ((x * 3f) + (x * 4f) + (x * 5f)).Sum().Backward();
        Assert.That(x.Grad, Is.SameAs(grad));
        Assert.That(Grad(x), Is.All.EqualTo(14f));
        Assert.That(memory.Live - live, Is.LessThan(6 << 20), "the results only");
    }

    [Test]
    public void A_deep_chain_needs_no_deep_stack()
    {
        var x = Leaf([1], 1);
        var y = x;
        for (int i = 0; i < 10_000; i++) y += 1f;
        y.Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 1 }));
        Assert.That(y.Item(), Is.EqualTo(10_001));
    }

    [Test]
    public void A_ladder_of_shared_results_is_walked_once_an_operation()
    {
        var x = Leaf([1], 1);
        var y = x;
        for (int i = 0; i < 60; i++) y = (y + y) * 0.5f; // 2⁶⁰ paths
        y.Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 1 }));
    }

    [Test]
    public void Detach_cuts_the_history()
    {
        var x = Leaf([1], 3);
        (x * x.Detach()).Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 3 }));
    }

    [Test]
    public void Gradients_pass_through_views()
    {
        var x = Leaf([2, 3], 1, 2, 3, 4, 5, 6);
        var y = x.Permute(1, 0).Narrow(0, 0, 2).Unsqueeze(0).Expand([4, 2, 2]).Reshape(4, 4).Select(1, 1);
        (y * y).Sum().Backward(); // 4 times element [1, 0]
        Assert.That(Grad(x), Is.EqualTo(new float[] { 0, 0, 0, 32, 0, 0 }));
    }

    [Test]
    public void Every_second_element_is_a_view_with_a_gradient()
    {
        var x = Leaf([5], 1, 2, 3, 4, 5);
        x.Narrow(0, 1, 2, 2).Sum().Backward();
        Assert.That(Grad(x), Is.EqualTo(new float[] { 0, 1, 0, 1, 0 }));
    }

    [Test]
    public void Only_a_scalar_starts_without_a_gradient()
    {
        var x = Leaf([2], 1, 2);
        Assert.That(() => (x * 2f).Backward(), Throws.TypeOf<AutogradException>().With.Message.Contains("not a scalar"));
        Assert.That(() => (x * 2f).Backward(Tensor.Ones([3])), Throws.TypeOf<ShapeException>());
        Assert.That(() => Tensor.Ones([1]).Backward(), Throws.TypeOf<AutogradException>());
    }

    /// <summary>Identity by way of a temporary that nothing mentions once a kernel would have its address.</summary>
    sealed class TemporaryOp : Op
    {
        public List<bool> Released { get; } = [];

        protected override Tensor Forward(ReadOnlySpan<Tensor> x) => Use(x[0]);

        protected override Tensor? Gradient(int i, Tensor g) => Use(g);

        Tensor Use(Tensor x)
        {
            var view = CopyOf(x);
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Released.Add(view.Storage.IsReleased);
            return x.Clone();
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static View CopyOf(Tensor x) => x.Clone().View;
    }

    [Test]
    public void Temporaries_live_while_their_operation_runs()
    {
        var op = new TemporaryOp();
        var x = Tensor.Ones([3]);
        x.RequiresGrad = true;
        op.Apply(x).Sum().Backward();
        Assert.That(op.Released, Is.EqualTo((bool[])[false, false]), "forward, backward");
    }

    [Test]
    public void Gradients_pass_from_device_to_device()
    {
        var other = new Device("other", Device.Cpu.Backend);
        var x = Leaf([1, 2, 1, 2], 1, 2, 3, 4);
        var moved = x.To(other);
        Assert.That((moved.Device, moved.To(other)), Is.EqualTo((other, moved)));
        (moved * moved).Sum().Backward();
        Assert.That(x.Grad!.Device, Is.EqualTo(x.Device));
        Assert.That(Grad(x), Is.EqualTo(new float[] { 2, 4, 6, 8 }));
    }

    [Test]
    public void Integers_have_no_gradient()
    {
        Assert.That(() => Tensor.Arange(3).RequiresGrad = true, Throws.TypeOf<DTypeException>());
        var x = Leaf([3], 1, 2, 3);
        Assert.That(x.ArgMax().RequiresGrad, Is.False);
        Assert.That(x.Greater(0).RequiresGrad, Is.False);
    }

    [Test]
    public void Spent_operations_let_their_inputs_go()
    {
        var x = Leaf([1], 2);
        var y = Chain(x, out var middle);
        y.Backward();
        GC.Collect();
        Assert.That(middle.IsAlive, Is.False);
        Assert.That(Grad(x), Is.EqualTo(new float[] { 16 }));
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    static Tensor Chain(Tensor x, out WeakReference middle)
    {
        var m = x * 2f;
        middle = new WeakReference(m);
        return m * m;
    }

    [Test]
    public void Threads_record_and_run_backward_on_their_own()
    {
        var errors = new List<Exception>();
        var threads = Enumerable.Range(1, 4).Select(k => new Thread(() =>
        {
            try
            {
                using var own = Scope.Begin();
                for (int n = 0; n < 50; n++)
                {
                    var x = Leaf([3], k, k + 1, k + 2);
                    (x * x).Sum().Backward();
                    Assert.That(Grad(x), Is.EqualTo(new float[] { 2 * k, 2 * (k + 1), 2 * (k + 2) }));
                }
            }
            catch (Exception e)
            {
                lock (errors) errors.Add(e);
            }
        })).ToArray();
        foreach (var t in threads) t.Start();
        foreach (var t in threads) t.Join();
        Assert.That(errors, Is.Empty);
    }

    [Test]
    public void Mistakes_of_element_type_say_how_to_cast()
    {
        Assert.That(() => Tensor.Arange(3) + Tensor.Arange(3), Throws.TypeOf<DTypeException>().With.Message.Contains("To(DType.Float32)"));
        Assert.That(() => Tensor.Arange(3).Relu(), Throws.TypeOf<DTypeException>().With.Message.StartsWith("Relu:"));
        Assert.That(() => Tensor.Arange(3).Sum(), Throws.TypeOf<DTypeException>());
        Assert.That(() => Tensor.Arange(4).Reshape(2, 2).MatMul(Tensor.Ones([2, 2])), Throws.TypeOf<DTypeException>());
    }
}
