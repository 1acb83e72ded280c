using System.Globalization;

namespace Tessera.NN;

/// <summary>A stretch of a schedule: rates and momentum go from one value to another. The values of its end are those of the next phase's beginning, where that says nothing else.</summary>
/// <param name="Batches">How many batches, at least 1.</param>
/// <param name="From">The rates of the layer groups at its first batch.</param>
/// <param name="To">The rates after its last batch.</param>
public sealed record TrainingPhase(int Batches, LearningRate From, LearningRate To)
{
    /// <summary>The momentum (Adam's β₁) at its first batch and after its last; null leaves it alone.</summary>
    public (double From, double To)? Momentum { get; init; }

    /// <summary>How values go from one to the other: <see cref="Schedules.Linear"/>, <see cref="Schedules.Cosine"/>, <see cref="Schedules.Exponential"/>. Default: linear.</summary>
    public Func<double, double, ISchedule> Anneal { get; init; } = Schedules.Linear;

    internal double[] Lr(int k, int groups) => [.. From.ForGroups(groups).Zip(To.ForGroups(groups), (a, b) => Anneal(a, b).At((double)k / Batches))];
}

/// <summary>Phases one after another; training ends after the last. For <c>learn.Fit</c>, whose own rates do not count then.</summary>
public sealed class GeneralScheduler : BatchSchedule
{
    readonly TrainingPhase[] phases;

    /// <summary>A schedule of phases.</summary>
    /// <exception cref="TesseraException">There is no phase, or one has no batch.</exception>
    public GeneralScheduler(params TrainingPhase[] phases)
    {
        ArgumentNullException.ThrowIfNull(phases);
        if (phases.Length == 0 || phases.Any(p => p.Batches < 1))
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"GeneralScheduler: got {phases.Length} phases, "
                    + $"the shortest of {phases.Select(p => p.Batches).DefaultIfEmpty().Min()} batches, expected at least one phase of at least one batch. "
                    + $"Hint: learn.Data.Train.BatchCount is the batches of an epoch."));
        this.phases = [.. phases];
    }

    /// <summary>Batches of all phases.</summary>
    public int Batches => phases.Sum(p => p.Batches);

    private protected override int End => Batches;

    private protected override void Set(Learner learner, int k)
    {
        var (phase, at) = (phases[0], k);
        foreach (var next in phases[1..])
        {
            if (at < phase.Batches) break;
            (phase, at) = (next, at - phase.Batches);
        }
        at = Math.Min(at, phase.Batches);
        learner.SetLr(phase.Lr(at, learner.LayerGroups.Count));
        if (phase.Momentum is { } m) learner.SetMomentum(phase.Anneal(m.From, m.To).At((double)at / phase.Batches));
    }
}
