namespace Tessera.Cuda;

/// <content>Cross-entropy: a block a sample, whose logits are read again from the caches.</content>
internal sealed unsafe partial class CudaBackend
{
    public override void CrossEntropy(View x, ClassTargets target, View loss, View kept)
    {
        if (!CanTakeSamples("CrossEntropy", x, target, loss, kept)) base.CrossEntropy(x, target, loss, kept);
        else if (x.Count > 0)
            RunSamples("cross_entropy", x,
                [x, target.Classes, target.Counts, target.Weights, target.ClassWeights, kept, loss, SamplesOf(x), x.Shape[1], Inner(x.Shape), 1 - target.Smoothing, target.Smoothing / x.Shape[1]]);
    }

    public override void CrossEntropyBackward(View x, ClassTargets target, View kept, View g, View gx)
    {
        if (!CanTakeSamples("CrossEntropyBackward", x, target, g, gx, kept)) base.CrossEntropyBackward(x, target, kept, g, gx);
        else if (x.Count > 0)
            RunSamples("cross_entropy_backward", x,
                [x, target.Classes, target.Counts, target.Weights, target.ClassWeights, kept, g, gx, SamplesOf(x), x.Shape[1], Inner(x.Shape), 1 - target.Smoothing, target.Smoothing / x.Shape[1]]);
    }

    void RunSamples(string entry, View x, ReadOnlySpan<KernelArgument> arguments)
    {
        var kernel = PtxFormula.Kernel(Kernels, default(ExpAndLog), "cross_entropy", "cross_entropy.ptx", entry,
            static _ => [new("exp", v => VMath.ExpOfNegative(v[0])), new("log", v => VMath.Log(v[0]))]);
        Launch(kernel, SamplesOf(x), RowThreads(x.Shape[1]), arguments);
    }

    /// <summary>True where all lies densely.</summary>
    static bool CanTakeSamples(string op, View x, ClassTargets target, params ReadOnlySpan<View> floats)
    {
        ExpectFloat(op, x, target.Weights, target.ClassWeights ?? target.Weights);
        _ = target.Classes.Pointer<long>(op);
        _ = target.Counts.Pointer<bool>(op);
        bool dense = x.IsDense && target is { Classes.IsDense: true, Counts.IsDense: true, Weights.IsDense: true } && (target.ClassWeights?.IsDense ?? true);
        foreach (View v in floats)
        {
            ExpectFloat(op, v);
            dense &= v.IsDense;
        }
        ExpectCountable(x);
        return dense;
    }

    static int SamplesOf(View logits) => (int)(logits.Count / logits.Shape[1]);

    /// <summary>Elements from one class to the next: of the logits <c>[N, C, ...]</c>, rank 4 lies channels-last.</summary>
    static int Inner(Shape logits)
    {
        int inner = 1;
        for (int d = 2; logits.Rank != 4 && d < logits.Rank; d++) inner *= logits[d];
        return inner;
    }
}
