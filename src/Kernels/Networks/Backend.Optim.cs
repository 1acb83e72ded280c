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

    /// <summary>
    /// One RMSprop step with α = <see cref="StepOptions.Beta2"/>: v ← αv + (1-α)g², d = v, or with a (centered) a ← a + (1-α)(g - a) and d = max(v - a², 0),
    /// s = g/(√d + eps), with m m ← momentum·m + s and s = m, w ← w·(1 - lr·decay) - lr·s.
    /// </summary>
    /// <param name="w">The parameter, changed.</param>
    /// <param name="g">Its gradient.</param>
    /// <param name="v">Running mean of the squares, changed.</param>
    /// <param name="m">Momentum, changed; null for a step without.</param>
    /// <param name="a">Running mean of the gradients, changed; null where not centered.</param>
    /// <param name="options">Rates.</param>
    public virtual void RmsPropStep(View w, View g, View v, View? m, View? a, StepOptions options)
    {
        using var gradient = new Temporary(w);
        using var work = new Temporary(w);
        float newest = (float)(1 - options.Beta2);
        WithL2(w, g, gradient.View, options);
        Unary(new Ops.Square(), gradient.View, work.View);
        Unary(new Ops.MulScalar((float)options.Beta2), v, v);
        Binary(new Ops.AddScaled(newest), v, work.View, v);
        if (a is { } mean)
        {
            Binary(new Ops.Lerp(newest), mean, gradient.View, mean);
            Unary(new Ops.Square(), mean, work.View);
            Binary(new Ops.Sub(), v, work.View, work.View);
            Unary(new Ops.Relu(), work.View, work.View);
        }
        else Copy(v, work.View);
        Unary(new Ops.Sqrt(), work.View, work.View);
        Unary(new Ops.AddScalar(options.Eps), work.View, work.View);
        Binary(new Ops.Div(), gradient.View, work.View, work.View);
        if (m is { } momentum) Binary(new Ops.AddScaled((float)options.Momentum), work.View, momentum, momentum);
        Apply(w, m ?? work.View, options.Lr, options);
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

    /// <summary><see cref="RmsPropStep"/> of many parameters with the same options; all have V.</summary>
    public virtual void RmsPropSteps(ReadOnlySpan<StepTensors> parameters, StepOptions options)
    {
        foreach (var t in parameters) RmsPropStep(t.W, t.G, t.V!.Value, t.M, t.A, options);
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
