using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Keeps gradients within the range of float16 (Micikevicius et al., "Mixed precision training", 2018): the loss is multiplied by <see cref="Scale"/> before the
/// backward pass, the gradients of the parameters, which are float32, by 1/<see cref="Scale"/> after it. A dynamic scale is halved, and the step left out, where
/// a gradient is not finite, and doubled after so many good steps. Where the scale is static or 1, gradients that are not finite go the way
/// they go in float32. Made by <see cref="Learner.ToFp16"/>.
/// </summary>
public sealed class LossScaler : Callback
{
    const string ScaleKey = "loss_scale", StepsKey = "loss_scale_steps";

    readonly int maxNoskip;
    readonly double? clip;
    readonly double maxScale;

    internal LossScaler(double scale, bool dynamic, int maxNoskip, double? clip, double maxScale)
        => (Scale, IsDynamic, this.maxNoskip, this.clip, this.maxScale) = (scale, dynamic, maxNoskip, clip, maxScale);

    /// <summary>What the loss is multiplied by.</summary>
    public double Scale { get; private set; }

    /// <summary>Whether the scale follows the gradients.</summary>
    public bool IsDynamic { get; }

    /// <summary>Steps since the scale last changed.</summary>
    public int GoodSteps { get; private set; }

    /// <summary>Steps that were left out, over all fit calls.</summary>
    public int SkippedSteps { get; private set; }

    /// <summary>Behind the accumulation of gradients, before all callbacks that read them.</summary>
    public override int Order => -7;

    /// <inheritdoc/>
    public override void BackwardBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        s.Loss *= (float)Scale;
    }

    /// <inheritdoc/>
    public override void BackwardEnd(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (s.SkipStep) return; // gradients that wait for a later step keep the scale, which changes at steps only
        var parameters = s.Learner.Model.Parameters();
        bool finite = Gradients.Unscale(parameters, 1 / Scale);
        if (!finite && IsDynamic && Scale > 1)
        {
            s.SkipStep = true;
            (Scale, GoodSteps) = (Scale / 2, 0);
            SkippedSteps++;
            return;
        }
        if (clip is { } most) Gradients.ClipNorm(parameters, most);
        if (!IsDynamic || ++GoodSteps < maxNoskip || Scale >= maxScale) return;
        (Scale, GoodSteps) = (Math.Min(2 * Scale, maxScale), 0);
    }

    /// <inheritdoc/>
    public override void Remember(RunState run)
    {
        ArgumentNullException.ThrowIfNull(run);
        Scale = run.Value("scale", Scale);
        GoodSteps = (int)run.Value("good_steps", GoodSteps);
        SkippedSteps = (int)run.Value("skipped_steps", SkippedSteps);
    }

    /// <summary>The scale in words: <c>loss scale 65536, dynamic</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"loss scale {Scale}, {(IsDynamic ? "dynamic" : "static")}");

    /// <summary>What a saved learner says beside its tensors.</summary>
    internal void Describe(IDictionary<string, string> metadata)
    {
        metadata[ScaleKey] = Scale.ToString(CultureInfo.InvariantCulture);
        metadata[StepsKey] = GoodSteps.ToString(CultureInfo.InvariantCulture);
    }

    /// <summary>Takes over the scale of a saved learner, where it has a sound one and this one is dynamic.</summary>
    internal void Restore(IReadOnlyDictionary<string, string> metadata)
    {
        if (!IsDynamic || !double.TryParse(metadata.GetValueOrDefault(ScaleKey), CultureInfo.InvariantCulture, out double scale) || !(scale > 0 && scale <= maxScale)) return;
        Scale = scale;
        GoodSteps = int.TryParse(metadata.GetValueOrDefault(StepsKey), CultureInfo.InvariantCulture, out int steps) && steps >= 0 ? steps : 0;
    }

    /// <summary>What makes a scaler like this one again.</summary>
    internal PrecisionSettings Describe() => new(DType.Float16)
    {
        Scale = Scale,
        IsDynamic = IsDynamic,
        MaxNoskip = maxNoskip,
        Clip = clip,
        MaxScale = Math.Min(maxScale, double.MaxValue),
        GoodSteps = GoodSteps,
        SkippedSteps = SkippedSteps,
    };

    /// <summary>What can be put back with <see cref="State"/>.</summary>
    internal (double, int, int) State
    {
        get => (Scale, GoodSteps, SkippedSteps);
        set => (Scale, GoodSteps, SkippedSteps) = value;
    }
}
