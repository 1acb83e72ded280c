namespace Tessera;

/// <summary>Switches recording on and off, and runs the recorded operations backwards.</summary>
public static partial class Autograd
{
    [ThreadStatic]
    static int disabled;

    /// <summary>True where operations on tensors that need a gradient are recorded (on this thread).</summary>
    public static bool IsEnabled => disabled == 0;

    /// <summary>Stops recording until the result is disposed: <c>using (Autograd.NoGrad()) ...</c></summary>
    public static NoGradRegion NoGrad()
    {
        disabled++;
        return default;
    }

    /// <summary>Records until the result is disposed, also inside of <see cref="NoGrad()"/>.</summary>
    static RecordingRegion Record()
    {
        var before = new RecordingRegion(disabled);
        disabled = 0;
        return before;
    }

    readonly struct RecordingRegion(int before) : IDisposable
    {
        public void Dispose() => disabled = before;
    }

    /// <summary>Runs work without recording.</summary>
    public static T NoGrad<T>(Func<T> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        using (NoGrad()) return work();
    }

    /// <summary>The end of a stretch without recording.</summary>
    public readonly struct NoGradRegion : IDisposable
    {
        /// <summary>Recording is as it was before.</summary>
        public void Dispose() => disabled--;
    }

    /// <summary>
    /// Reverse mode: operations run their gradients from the latest to the earliest, so that each has collected its whole output gradient before
    /// it runs. Leaves add to their Grad.
    /// </summary>
    internal static void Run(Tensor root, Tensor seed, bool retain)
    {
        using var noGrad = NoGrad();
        var queue = new PriorityQueue<Op, long>();
        try
        {
            Give(new Edge(root), seed.Alias(seed.View), queue);
            while (queue.TryDequeue(out var op, out _)) Step(op, queue, retain);
        }
        finally
        {
            while (queue.TryDequeue(out var op, out _)) op.OutputGrad = null; // after an error
        }
    }

    /// <summary>One operation backwards. Its temporaries and its output gradient are given back at once, so that a pass needs little memory.</summary>
    static void Step(Op op, PriorityQueue<Op, long> queue, bool retain)
    {
        var g = op.OutputGrad!;
        op.OutputGrad = null;
        Tensor?[] grads;
        using (var scope = Scope.Begin())
        {
            grads = op.Run(g);
            for (int i = 0; i < grads.Length; i++)
                if (grads[i] is { } t) grads[i] = scope.Return(scope.Owns(t) ? t : t.Alias(t.View));
        }
        g.Dispose();
        var inputs = op.Inputs;
        if (!retain) op.Spend(); // before the gradients go on: one that it had saved may be changed in place then
        for (int i = 0; i < grads.Length; i++)
            if (grads[i] is { } t) Give(inputs[i], t, queue);
    }

    /// <summary>Hands a gradient over to a leaf's Grad or to what its producer has collected.</summary>
    static void Give(Edge to, Tensor g, PriorityQueue<Op, long> queue)
    {
        if (to.Producer is not { } op)
        {
            if (to.Leaf is { RequiresGrad: true } leaf) leaf.Accumulate(g);
            else g.Dispose();
            return;
        }
        if (op.IsSpent)
            throw new AutogradException($"Backward: the recorded operations were already used: {op.Name} of shape {to.Shape}. Hint: call Backward once, or Backward(retain: true) the first time.");
        if (op.OutputGrad is { } sum)
        {
            op.OutputGrad = Sum(sum, g);
        }
        else
        {
            op.OutputGrad = g;
            queue.Enqueue(op, -op.Sequence);
        }
    }

    /// <summary>a + b, both handed over: in the memory of one of them where nobody else uses it.</summary>
    internal static Tensor Sum(Tensor a, Tensor b)
    {
        if (!a.IsSole && b.IsSole && a.DType == b.DType) (a, b) = (b, a);
        var sum = a.IsSole ? a : Tensor.Empty(a.Shape, a.DType, a.Device);
        Tensor.MapInto(default(Ops.Add), a.View, b.View, sum.View);
        sum.View.Storage.Touch();
        if (sum != a) a.Dispose();
        b.Dispose();
        return sum;
    }
}

public sealed partial class Tensor
{
    /// <summary>
    /// Computes d(this)/d(leaf) for every leaf that requires a gradient and adds it to the leaf's <see cref="Grad"/>. The recorded operations are
    /// let go as they run.
    /// </summary>
    /// <param name="gradient">Gradient with respect to this tensor, of its shape; by default 1 for a single element.</param>
    /// <param name="retain">Keep the recorded operations for another backward pass.</param>
    /// <exception cref="AutogradException">Nothing was recorded, it was already used, or this is not a scalar and no gradient was given.</exception>
    public void Backward(Tensor? gradient = null, bool retain = false)
    {
        if (!RequiresGrad)
            throw new AutogradException($"Backward: nothing to differentiate: a tensor of shape {Shape} that does not depend on any with RequiresGrad. Hint: set RequiresGrad on the parameters, and stay outside NoGrad.");
        if (gradient is null && Count != 1)
            throw new AutogradException($"Backward: not a scalar: got shape {Shape}, expected a single element or an explicit gradient. Hint: call Sum() or Mean() first.");
        if (gradient is not null && gradient.Shape != Shape)
            throw new ShapeException($"Backward: gradient of another shape: got {gradient.Shape}, expected {Shape}.");
        Autograd.Run(this, gradient ?? Ones(Shape, Device), retain);
    }

    /// <summary>True where this tensor is all of its memory, and its only user.</summary>
    internal bool IsSole => IsDense && !View.Storage.IsShared && View.Storage.Bytes == Count * DType.Size();

    /// <summary>Grad ← Grad + g, which is handed over. It is copied where it shares memory, since optimizers may change Grad in place.</summary>
    internal void Accumulate(Tensor g)
    {
        if (Grad is { } sum)
        {
            MapInto(default(Ops.Add), sum.View, g.View, sum.View);
            sum.View.Storage.Touch();
        }
        else
        {
            Grad = Scope.Keep(g.IsSole ? g : g.Clone());
        }
        if (g != Grad) g.Dispose();
    }
}
