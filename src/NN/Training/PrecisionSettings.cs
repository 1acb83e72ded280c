namespace Tessera.NN;

/// <summary>Mixed precision as a learner has it, with the scale of its loss.</summary>
/// <param name="Type">Float16 or BFloat16.</param>
internal sealed record PrecisionSettings(DType Type)
{
    /// <summary>What the loss is multiplied by.</summary>
    public double Scale { get; init; }

    /// <summary>Whether the scale follows the gradients.</summary>
    public bool IsDynamic { get; init; }

    /// <summary>The scale is doubled after so many good steps.</summary>
    public int MaxNoskip { get; init; }

    /// <summary>Bound of the gradients' norm.</summary>
    public double? Clip { get; init; }

    /// <summary>The largest scale.</summary>
    public double MaxScale { get; init; }

    /// <summary>Steps since the scale last changed.</summary>
    public int GoodSteps { get; init; }

    /// <summary>Steps that were left out.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>The numbers are possible.</summary>
    public bool IsWhole() => Type == DType.BFloat16 || (Type == DType.Float16 && Scale > 0 && double.IsFinite(Scale) && MaxNoskip >= 1 && Clip is null or > 0
        && (!IsDynamic || MaxScale >= Scale) && GoodSteps >= 0 && SkippedSteps >= 0);
}
