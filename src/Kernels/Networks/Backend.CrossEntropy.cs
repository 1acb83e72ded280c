namespace Tessera;

public abstract partial class Backend
{
    /// <summary>loss <c>[N, 1, ...]</c> ← -Σ_c q_c · ln softmax(x)_c for logits x <c>[N, C, ...]</c>; 0 for a sample that does not count. All dense.</summary>
    /// <param name="x">The logits.</param>
    /// <param name="target">q.</param>
    /// <param name="loss">One number a sample.</param>
    /// <param name="kept"><c>[2, samples]</c>: written where the same backend's gradient wants to know it again.</param>
    public virtual void CrossEntropy(View x, ClassTargets target, View loss, View kept)
    {
        if (x.Count == 0) return;
        using Temporary logp = new(x), hit = new(loss), zero = new(x.Storage.Device, Layout.RowMajor(new Shape()));
        Softmax(x, logp.View, 1, log: true);
        Gather(logp.View, target.Classes, hit.View, 1);
        Binary(new Ops.Mul(), hit.View, target.Weights, hit.View);
        Unary(new Ops.MulScalar(target.Smoothing - 1), hit.View, hit.View);
        if (target.Smoothing != 0)
        {
            using Temporary spread = new(loss);
            if (target.ClassWeights is { } v) Binary(new Ops.Mul(), logp.View, AcrossChannels(v, x), logp.View);
            Reduce(new Ops.Sum(), logp.View, spread.View);
            Binary(new Ops.AddScaled(-target.Smoothing / x.Shape[1]), hit.View, spread.View, hit.View);
        }
        Fill(zero.View, 0);
        Where(target.Counts, hit.View, zero.View.BroadcastTo(loss.Shape), loss);
    }

    /// <summary>
    /// loss as <see cref="CrossEntropy"/> and gx ← scale·(softmax(x)·Σ_c q_c - q): the gradient of scale·Σ loss, which is known before anybody asks for it, so that
    /// one pass over x gives both. All dense.
    /// </summary>
    /// <param name="x">The logits.</param>
    /// <param name="target">q.</param>
    /// <param name="scale">1, or for a mean one divided by what the losses' sum is divided by.</param>
    /// <param name="loss">One number a sample.</param>
    /// <param name="gx">The gradient of the logits, overwritten.</param>
    public virtual void CrossEntropyWithGradient(View x, ClassTargets target, float scale, View loss, View gx)
    {
        if (x.Count == 0) return;
        using Temporary kept = new(x.Storage.Device, Layout.RowMajor(new Shape(2, checked((int)loss.Count)))), g = new(loss);
        CrossEntropy(x, target, loss, kept.View);
        Fill(g.View, scale);
        CrossEntropyBackward(x, target, kept.View, g.View, gx);
    }

    /// <summary>gx ← g·(softmax(x)·Σ_c q_c - q) for the gradient g <c>[N, 1, ...]</c> of each sample's loss. All dense.</summary>
    /// <param name="x">The logits.</param>
    /// <param name="target">q.</param>
    /// <param name="kept">What <see cref="CrossEntropy"/> kept.</param>
    /// <param name="g">One number a sample.</param>
    /// <param name="gx">The gradient of the logits, overwritten.</param>
    public virtual void CrossEntropyBackward(View x, ClassTargets target, View kept, View g, View gx)
    {
        if (x.Count == 0) return;
        int classes = x.Shape[1];
        using Temporary hit = new(g), mass = new(g);
        Softmax(x, gx, 1, log: false);
        Binary(new Ops.Mul(), g, target.Weights, hit.View);
        Unary(new Ops.MulScalar(1 - target.Smoothing), hit.View, hit.View);
        if (target.Smoothing == 0) Binary(new Ops.Mul(), gx, hit.View.BroadcastTo(x.Shape), gx);
        else
        {
            using Temporary spread = new(g), q = new(x);
            Copy(target.Counts, mass.View);
            Binary(new Ops.Mul(), g, mass.View, spread.View);
            Unary(new Ops.MulScalar(target.Smoothing / classes), spread.View, spread.View);
            Fill(q.View, 1);
            if (target.ClassWeights is { } v) Copy(AcrossChannels(v, x), q.View);
            Binary(new Ops.Mul(), q.View, spread.View.BroadcastTo(x.Shape), q.View); // g·ε/C·v
            Reduce(new Ops.Sum(), q.View, mass.View);
            Binary(new Ops.Add(), mass.View, hit.View, mass.View);
            Binary(new Ops.Mul(), gx, mass.View.BroadcastTo(x.Shape), gx);
            Binary(new Ops.Sub(), gx, q.View, gx);
        }
        Unary(new Ops.Neg(), hit.View, hit.View);
        ScatterAdd(gx, target.Classes, hit.View, 1);
    }
}
