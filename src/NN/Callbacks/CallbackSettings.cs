using System.Globalization;

namespace Tessera.NN;

/// <summary>What makes a callback of this library again: the arguments of its constructor. Between fit calls it has nothing else to keep.</summary>
/// <param name="Kind">The name of its class.</param>
/// <param name="Numbers">Its numbers, in the order in which <see cref="Make"/> takes them.</param>
/// <param name="Monitor">The column it watches; null for none.</param>
/// <param name="Mode">Which way that gets better.</param>
internal sealed record CallbackSettings(string Kind, IReadOnlyList<double> Numbers, string? Monitor = null, MonitorMode Mode = MonitorMode.Auto)
{
    const int LongestName = 100;

    /// <summary>The name of the file or folder that it writes, in the learner's folder; null for callbacks that write none.</summary>
    public string? Name { get; init; }

    /// <summary>Nothing is missing.</summary>
    /// <exception cref="TesseraException">A number is out of its range.</exception>
    public bool IsWhole() => Kind is not null && Numbers is not null && Enum.IsDefined(Mode) && Make() is not null;

    /// <summary>Such as <c>EarlyStop(0, 3, error_rate)</c>.</summary>
    public string ToText()
    {
        IEnumerable<string> arguments = Numbers.Select(n => n.ToString(CultureInfo.InvariantCulture));
        if (Monitor is not null) arguments = arguments.Append(Mode == MonitorMode.Auto ? Monitor : $"{Mode} {Monitor}");
        return arguments.Any() ? $"{Kind}({string.Join(", ", arguments)})" : Kind;
    }

    /// <summary>Such a callback; null where the kind is not known, or the arguments are not its own.</summary>
    /// <exception cref="TesseraException">A number is out of its range.</exception>
    public Callback? Make() => Name is null ? Silent() : IsPlain(Name) ? Writer(Name) : null;

    Callback? Silent() => (Kind, Numbers, Monitor) switch
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

    Callback? Writer(string name) => (Kind, Numbers, Monitor) switch
    {
        (nameof(Checkpoint), [var every, var withOptimizer], { } column) when !HasExtension(name, ".safetensors") => new Checkpoint(name, column, Mode, every != 0, withOptimizer != 0),
        (nameof(CsvLogger), [var append], null) when HasExtension(name, ".csv") => new CsvLogger(name, append != 0) { InModelFolder = true },
        (nameof(TensorBoard), [], null) => new TensorBoard(name) { InModelFolder = true },
        _ => null,
    };

    /// <summary>One part of a path, on every system.</summary>
    static bool IsPlain(string name) => name.Length is > 0 and <= LongestName && name[0] != '.' && name[^1] is not ('.' or ' ')
        && !name.Any(c => char.IsControl(c) || "/\\:*?\"<>|".Contains(c, StringComparison.Ordinal));

    static bool HasExtension(string name, string extension) => name.EndsWith(extension, StringComparison.OrdinalIgnoreCase);
}
