namespace Tessera.NN;

/// <summary>Sets learning rates and momentum from functions of the batch: batch k is trained with their values at k, and the values after the last batch stay.</summary>
/// <param name="lr">The rates of the layer groups at batch k.</param>
/// <param name="momentum">The momentum (Adam's β₁) at batch k; null leaves it alone.</param>
/// <param name="start">The k of the first batch.</param>
/// <param name="batches">Training ends when k reaches it.</param>
public sealed class ScheduleCallback(Func<int, IReadOnlyList<double>> lr, Func<int, double>? momentum = null, int start = 0, int batches = int.MaxValue) : BatchSchedule
{
    private protected override int Start => start;

    private protected override int End => batches;

    private protected override void Set(Learner learner, int k)
    {
        learner.SetLr(lr(k));
        if (momentum is not null) learner.SetMomentum(momentum(k));
    }
}
