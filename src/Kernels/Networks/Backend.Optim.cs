namespace Tessera;

public abstract partial class Backend
{
    /// <summary>
    /// One SGD step of parameter w with gradient g: w ← w·(1 - lr·decay) - lr·step with g' = g + l2·w, m ← momentum·m + g' (the first time m ← g')
    /// and step = m, or with Nesterov g' + momentum·m, or without a momentum buffer m g'.
    /// </summary>
    public virtual void SgdStep(View w, View g, View? m, StepOptions options)
    {
        using var step = new Temporary(w);
        WithL2(w, g, step.View, options);
        if (m is { } momentum)
        {
            if (options.First) Copy(step.View, momentum);
            else Binary(new Ops.AddScaled((float)options.Momentum), step.View, momentum, momentum);
            if (options.Nesterov) Binary(new Ops.AddScaled((float)options.Momentum), step.View, momentum, step.View);
            else Copy(momentum, step.View);
        }
        Apply(w, step.View, options.Lr, options);
    }

    /// <summary>One Adam step: m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², w ← w·(1 - lr·decay) - lr·(m/c₁)/(√(v/c₂) + eps).</summary>
    public virtual void AdamStep(View w, View g, View m, View v, StepOptions options)
    {
        using var gradient = new Temporary(w);
        using var work = new Temporary(w);
        WithL2(w, g, gradient.View, options);
        Binary(new Ops.Lerp((float)(1 - options.Momentum)), m, gradient.View, m);
        Unary(new Ops.Square(), gradient.View, gradient.View);
        Unary(new Ops.MulScalar((float)options.Beta2), v, v);
        Binary(new Ops.AddScaled((float)(1 - options.Beta2)), v, gradient.View, v);
        Unary(new Ops.Sqrt(), v, work.View);
        Unary(new Ops.Affine((float)(1 / Math.Sqrt(options.Correction2)), options.Eps), work.View, work.View);
        Binary(new Ops.Div(), m, work.View, work.View);
        Apply(w, work.View, (float)(options.Lr / options.Correction1), options);
    }

    /// <summary><see cref="SgdStep"/> of many parameters with the same options: one launch for many small ones where launches cost.</summary>
    public virtual void SgdSteps(ReadOnlySpan<StepTensors> parameters, StepOptions options)
    {
        foreach (var t in parameters) SgdStep(t.W, t.G, t.M, options);
    }

    /// <summary><see cref="AdamStep"/> of many parameters with the same options; all have both moments.</summary>
    public virtual void AdamSteps(ReadOnlySpan<StepTensors> parameters, StepOptions options)
    {
        foreach (var t in parameters) AdamStep(t.W, t.G, t.M!.Value, t.V!.Value, options);
    }

    void WithL2(View w, View g, View result, StepOptions options)
    {
        if (options.L2 == 0) Copy(g, result);
        else Binary(new Ops.AddScaled(options.L2), g, w, result);
    }

    void Apply(View w, View step, float rate, StepOptions options)
    {
        if (options.Decay != 0) Unary(new Ops.MulScalar(1 - (options.Lr * options.Decay)), w, w);
        Binary(new Ops.AddScaled(-rate), w, step, w);
    }
}
