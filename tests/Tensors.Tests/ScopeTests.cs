using System.Runtime.CompilerServices;

namespace Tessera.Tests;

[NonParallelizable]
public sealed class ScopeTests
{
    long blocks;

    static MemoryPool Memory => Device.Cpu.Memory;

    [SetUp]
    public void Count()
    {
        Collect();
        blocks = Memory.LiveBlocks;
    }

    static void Collect()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Test]
    public void The_end_gives_back_what_was_made_inside()
    {
        Tensor x;
        using (Scope.Begin())
        {
            x = Tensor.Ones([10]);
            var y = (x + 1f).Reshape(2, 5);
            Assert.That(Memory.LiveBlocks, Is.GreaterThan(blocks));
            Assert.That(y.Sum().Item(), Is.EqualTo(20));
        }
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks));
        Assert.That(x.IsReleased, Is.True);
    }

    [Test]
    public void Use_after_release_says_what_to_do()
    {
        Tensor x;
        using (Scope.Begin()) x = Tensor.Ones([2, 3]);
        Assert.That(() => x + 1f, Throws.TypeOf<TesseraException>().With.Message.Contains("[2, 3]").And.Message.Contains("Scope.Keep"));
        Assert.That(x.ToString(), Is.EqualTo("Float32[2, 3] on cpu (released)"));
    }

    [Test]
    public void Kept_tensors_outlive_all_scopes()
    {
        Tensor x;
        using (Scope.Begin())
        using (Scope.Begin())
            x = Scope.Keep(Tensor.Ones([10]));
        Assert.That(x.Sum().Item(), Is.EqualTo(10));
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks + 2)); // x, and the sum outside any scope
        x.Dispose();
        x.Dispose(); // harmless
    }

    [Test]
    public void A_returned_tensor_belongs_to_the_enclosing_scope()
    {
        Tensor x;
        using (Scope.Begin())
        {
            x = Scope.Run(() => Tensor.Ones([10]) * 2f);
            Assert.That(x.ToArray<float>(), Is.All.EqualTo(2f));
            Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks + 1));
        }
        Assert.That(x.IsReleased, Is.True);
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks));
    }

    [Test]
    public void A_view_keeps_the_memory_it_shares()
    {
        using var outer = Scope.Begin();
        var view = Scope.Run(() => Tensor.Arange(10).Narrow(0, 3, 2));
        Assert.That(view.ToArray<long>(), Is.EqualTo(new long[] { 3, 4 }));
    }

    [Test]
    public void Ending_an_outer_scope_ends_the_inner_ones()
    {
        var outer = Scope.Begin();
        var x = Tensor.Ones([10]);
        var inner = Scope.Begin();
        var y = Tensor.Ones([10]);
        outer.Dispose();
        Assert.That((x.IsReleased, y.IsReleased), Is.EqualTo((true, true)));
        inner.Dispose(); // ended already
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks));
        using (Scope.Begin()) Tensor.Ones([1]);
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks));
    }

    [Test]
    public void A_scope_ends_on_its_own_thread()
    {
        var scope = Scope.Begin();
        Exception? error = null;
        var thread = new Thread(() =>
        {
            try
            {
                scope.Dispose();
            }
            catch (TesseraException e)
            {
                error = e;
            }
        });
        thread.Start();
        thread.Join();
        Assert.That(error?.Message, Does.Contain("another thread"));
        scope.Dispose();
    }

    [Test]
    public void Scopes_of_threads_are_independent()
    {
        using var scope = Scope.Begin();
        var mine = Tensor.Ones([10]);
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 100; i++) Scope.Run(() => (Tensor.Ones([100]) + 1f).Sum()).Dispose();
        })).ToArray();
        foreach (var t in threads) t.Start();
        foreach (var t in threads) t.Join();
        Assert.That(mine.IsReleased, Is.False);
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks + 1));
    }

    [Test]
    public void Dropped_tensors_are_finalized()
    {
        long finalized = Memory.Finalized;
        Drop();
        Collect();
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks));
        Assert.That(Memory.Finalized, Is.EqualTo(finalized + 100));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Drop()
    {
        for (int i = 0; i < 100; i++) _ = Tensor.Ones([10]);
    }

    [Test]
    public void A_tensor_nobody_can_reach_is_collected_inside_a_long_scope()
    {
        using var scope = Scope.Begin();
        Drop();
        Collect();
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks));
    }

    [Test]
    public void Steps_of_training_leave_memory_flat()
    {
        var w = Scope.Keep(Tensor.Uniform([8, 4], new Philox(1)));
        w.RequiresGrad = true;
        Step(w); // makes the first gradient
        long live = Memory.Live, allocations = 0;
        for (int i = 0; i < 10_000; i++)
        {
            Step(w);
            if (i == 100) allocations = Memory.Allocations;
        }
        Assert.That(Memory.Live, Is.EqualTo(live));
        Assert.That(Memory.Allocations, Is.LessThanOrEqualTo(allocations + 4)); // the sizes in use at once may differ a little, once
        w.ZeroGrad();
        w.Dispose();
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks));
    }

    static void Step(Tensor w)
    {
        using var scope = Scope.Begin();
        Tensor.Ones([16, 4]).Linear(w).Relu().Square().Mean().Backward();
    }

    [Test]
    public void Scopes_end_in_order_when_work_throws()
    {
        Assert.That(() => Scope.Run(() =>
        {
            using var inner = Scope.Begin();
            _ = Tensor.Ones([3]) + Tensor.Ones([4]);
        }), Throws.TypeOf<ShapeException>());
        Assert.That(Memory.LiveBlocks, Is.EqualTo(blocks));
    }
}
