namespace Tessera.NN;

/// <summary>What makes a callback of this library again: the arguments of its constructor. Between fit calls it has nothing else to keep.</summary>
/// <param name="Kind">The name of its class.</param>
/// <param name="Numbers">Its numbers, in the order in which <see cref="Make"/> takes them.</param>
/// <param name="Monitor">The column it watches; null for none.</param>
/// <param name="Mode">Which way that gets better.</param>
internal sealed record CallbackSettings(string Kind, IReadOnlyList<double> Numbers, string? Monitor = null, MonitorMode Mode = MonitorMode.Auto)
{
    /// <summary>Nothing is missing.</summary>
    /// <exception cref="TesseraException">A number is out of its range.</exception>
    public bool IsWhole() => Kind is not null && Numbers is not null && Enum.IsDefined(Mode) && Make() is not null;

    /// <summary>Such a callback; null where the kind is not known, or the arguments are not its own.</summary>
    /// <exception cref="TesseraException">A number is out of its range.</exception>
    public Callback? Make() => (Kind, Numbers, Monitor) switch
    {
        (nameof(Mixup), [var alpha], null) => new Mixup(alpha),
        (nameof(CutMix), [var alpha], null) => new CutMix(alpha),
        (nameof(Ema), [var decay], null) => new Ema(decay),
        (nameof(GradientClip), [var max], null) => new GradientClip(max),
        (nameof(GradientAccumulation), [var batches], null) => new GradientAccumulation((int)batches),
        (nameof(StopAfterNBatches), [var batches], null) => new StopAfterNBatches((int)batches),
        (nameof(NanStop), [], null) => new NanStop(),
        (nameof(EarlyStop), [var minDelta, var patience], { } column) => new EarlyStop(column, Mode, minDelta, (int)patience),
        (nameof(ReduceLrOnPlateau), [var patience, var factor, var minDelta, var minLr], { } column) => new ReduceLrOnPlateau(column, Mode, (int)patience, factor, minDelta, minLr),
        _ => null,
    };
}
