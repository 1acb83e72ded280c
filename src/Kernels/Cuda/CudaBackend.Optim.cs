namespace Tessera.Cuda;

/// <content>Steps of optimizers: one pass over parameter, gradient and state, up to 64 parameters in a launch. The same bits as the CPU's.</content>
internal sealed unsafe partial class CudaBackend
{
    public override void SgdStep(View w, View g, View? m, StepOptions options) => SgdSteps([new StepTensors(w, g, m)], options);

    public override void AdamStep(View w, View g, View m, View v, StepOptions options) => AdamSteps([new StepTensors(w, g, m, v)], options);

    public override void RmsPropStep(View w, View g, View v, View? m, View? a, StepOptions options) => RmsPropSteps([new StepTensors(w, g, m, v, a)], options);

    public override void SgdSteps(ReadOnlySpan<StepTensors> parameters, StepOptions options)
    {
        int flags = (options.First ? 1 : 0) | (options.Nesterov ? 2 : 0);
        Steps("SgdStep", "sgd.ptx", "sgd", parameters, [-options.Lr, (float)options.Momentum, options.L2, Kept(options), BitConverter.Int32BitsToSingle(flags)],
            t => base.SgdStep(t.W, t.G, t.M, options));
    }

    public override void AdamSteps(ReadOnlySpan<StepTensors> parameters, StepOptions options)
    {
        float rate = (float)(options.Lr / options.Correction1), root = (float)(1 / Math.Sqrt(options.Correction2));
        float newest1 = (float)(1 - options.Momentum), beta2 = (float)options.Beta2, newest2 = (float)(1 - options.Beta2);
        Steps("AdamStep", "adam.ptx", "adam", parameters, [-rate, root, options.L2, Kept(options), options.Eps, newest1, beta2, newest2],
            t => base.AdamStep(t.W, t.G, t.M!.Value, t.V!.Value, options));
    }

    public override void RmsPropSteps(ReadOnlySpan<StepTensors> parameters, StepOptions options)
    {
        float alpha = (float)options.Beta2, newest = (float)(1 - options.Beta2);
        Steps("RmsPropStep", "rmsprop.ptx", "rmsprop", parameters, [-options.Lr, (float)options.Momentum, options.L2, Kept(options), options.Eps, alpha, newest],
            t => base.RmsPropStep(t.W, t.G, t.V!.Value, t.M, t.A, options));
    }

    static float Kept(in StepOptions options) => 1 - (options.Lr * options.Decay);

    /// <summary>Launches of up to 64 parameters with the same numbers; those that do not lie alike take the composed step.</summary>
    void Steps(string op, string file, string entry, ReadOnlySpan<StepTensors> parameters, float[] numbers, Action<StepTensors> composed)
    {
        StepLists lists = new((ref StepList list) => LaunchStep(file, entry, ref list, numbers));
        foreach (var t in parameters)
        {
            if (CanStep(op, t))
            {
                lists.Add(t);
                continue;
            }
            RefuseComposedStep(op, t);
            composed(t);
        }
        lists.End();
    }

    void LaunchStep(string file, string entry, ref StepList list, ReadOnlySpan<float> numbers)
    {
        nint row = rates?.Put(numbers, list) ?? 0; // where a recorded launch finds its numbers at each replay
        if (writesRatesOnly) return;
        Span<KernelArgument> arguments = stackalloc KernelArgument[numbers.Length + 2];
        arguments[0] = KernelArgument.Struct(ref list);
        for (int i = 0; i < numbers.Length; i++) arguments[i + 1] = numbers[i];
        arguments[^1] = row;
        Launch(file, entry, list.Chunks, BlockSize, arguments);
    }

    /// <summary>Parameters with gaps are stepped by composed operations, whose numbers a recording would keep.</summary>
    void RefuseComposedStep(string op, in StepTensors t)
    {
        if (rates != null)
            throw new TesseraException($"{op}: a recorded step: got a parameter of layout {t.W.Layout} with a gradient of {t.G.Layout}, expected dense tensors of one shape. "
                + "Hint: call Contiguous() first.");
    }

    /// <summary>True where all tensors lie alike and without gaps: elements of equal place belong together.</summary>
    static bool CanStep(string op, in StepTensors t)
    {
        foreach (var view in (ReadOnlySpan<View?>)[t.W, t.G, t.M, t.V, t.A])
        {
            if (view is not { } v) continue;
            ExpectFloat(op, v);
            if (!v.IsDense || v.Shape != t.W.Shape) return false;
        }
        return true;
    }
}
