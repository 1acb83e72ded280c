namespace Tessera.NN;

/// <summary>Grows the learning rates batch by batch and ends the fit call as its plan says.</summary>
/// <param name="search">The plan.</param>
sealed class LearningRateFinder(LearningRateSearch search) : Callback
{
    /// <summary>Whether it ended before all batches were tried.</summary>
    public bool EndedEarly { get; private set; }

    public override void TrainBegin(TrainingState s)
    {
        s.SkipValidation = true;
        s.Learner.SetLr(search.Lr(0, s.Learner.LayerGroups.Count));
    }

    public override void BackwardBegin(TrainingState s) => s.AcceptsBadLoss = true;

    public override void BatchEnd(TrainingState s)
    {
        int k = s.Iteration - 1;
        if (search.EndsAfter(k, s.SmoothedLoss))
        {
            EndedEarly = k + 1 < search.Batches;
            s.StopEpoch = s.StopTraining = true;
        }
        s.Learner.SetLr(search.Lr(k + 1, s.Learner.LayerGroups.Count));
    }
}
