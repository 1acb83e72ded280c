namespace Tessera.Cuda;

/// <content>Steps of optimizers: one pass over parameter, gradient and state, up to 64 parameters in a launch. The same bits as the CPU's.</content>
internal sealed unsafe partial class CudaBackend
{
    public override void SgdStep(View w, View g, View? m, StepOptions options) => SgdSteps([new StepTensors(w, g, m)], options);

    public override void AdamStep(View w, View g, View m, View v, StepOptions options) => AdamSteps([new StepTensors(w, g, m, v)], options);

    public override void SgdSteps(ReadOnlySpan<StepTensors> parameters, StepOptions options)
    {
        StepList list = default;
        foreach (var t in parameters)
        {
            if (!CanStep("SgdStep", t))
            {
                RefuseComposedStep("SgdStep", t);
                base.SgdStep(t.W, t.G, t.M, options);
            }
            else for (long done = 0; (done = list.Add(t, done)) < t.W.Count; list = default) Launch(ref list);
        }
        Launch(ref list);

        void Launch(ref StepList list)
        {
            if (list.Chunks == 0) return;
            int flags = (options.First ? 1 : 0) | (options.Nesterov ? 2 : 0);
            float kept = 1 - (options.Lr * options.Decay);
            nint row = Row([-options.Lr, (float)options.Momentum, options.L2, kept, BitConverter.Int32BitsToSingle(flags)]);
            LaunchStep("sgd", list.Chunks, [KernelArgument.Struct(ref list), -options.Lr, (float)options.Momentum, options.L2, kept, flags, row]);
        }
    }

    public override void AdamSteps(ReadOnlySpan<StepTensors> parameters, StepOptions options)
    {
        StepList list = default;
        foreach (var t in parameters)
        {
            if (!CanStep("AdamStep", t))
            {
                RefuseComposedStep("AdamStep", t);
                base.AdamStep(t.W, t.G, t.M!.Value, t.V!.Value, options);
            }
            else for (long done = 0; (done = list.Add(t, done)) < t.W.Count; list = default) Launch(ref list);
        }
        Launch(ref list);

        void Launch(ref StepList list)
        {
            if (list.Chunks == 0) return;
            float rate = (float)(options.Lr / options.Correction1), root = (float)(1 / Math.Sqrt(options.Correction2)), kept = 1 - (options.Lr * options.Decay);
            float newest1 = (float)(1 - options.Momentum), beta2 = (float)options.Beta2, newest2 = (float)(1 - options.Beta2);
            nint row = Row([-rate, root, options.L2, kept, options.Eps, newest1, beta2, newest2]);
            LaunchStep("adam", list.Chunks, [KernelArgument.Struct(ref list), -rate, root, options.L2, kept, options.Eps, newest1, beta2, newest2, row]);
        }
    }

    void LaunchStep(string entry, int chunks, ReadOnlySpan<KernelArgument> arguments)
    {
        if (!writesRatesOnly) Launch("optim.ptx", entry, chunks, BlockSize, arguments);
    }

    /// <summary>Where a recorded launch finds its numbers at each replay; null while nothing is recorded: then its arguments hold.</summary>
    nint Row(ReadOnlySpan<float> numbers) => rates?.Put(numbers) ?? 0;

    /// <summary>Parameters with gaps are stepped by composed operations, whose numbers a recording would keep.</summary>
    void RefuseComposedStep(string op, in StepTensors t)
    {
        if (rates != null)
            throw new TesseraException($"{op}: a recorded step: got a parameter of layout {t.W.Layout} with a gradient of {t.G.Layout}, expected dense tensors of one shape. Hint: call Contiguous() first.");
    }

    /// <summary>True where all tensors lie alike and without gaps: elements of equal place belong together.</summary>
    static bool CanStep(string op, in StepTensors t)
    {
        foreach (var view in (ReadOnlySpan<View?>)[t.W, t.G, t.M, t.V])
        {
            if (view is not { } v) continue;
            ExpectFloat(op, v);
            if (!v.IsDense || v.Shape != t.W.Shape) return false;
        }
        return true;
    }
}
