using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Other data from an epoch on: photos that grow while training goes on (progressive resizing). Weights, optimizer and schedule go on as they are, so all data must
/// give the same number of batches an epoch. The last one stays the learner's data.
/// </summary>
public sealed class DataSchedule : Callback
{
    readonly (int Epoch, DataBunch Data)[] stages;

    /// <summary>Stages in the order of their first epochs.</summary>
    /// <param name="stages">The first epoch of each, and its data; before the first of them the learner's data are used.</param>
    /// <exception cref="TesseraException">The epochs do not grow.</exception>
    public DataSchedule(params (int Epoch, DataBunch Data)[] stages)
    {
        ArgumentNullException.ThrowIfNull(stages);
        for (int i = 1; i < stages.Length; i++)
            if (stages[i].Epoch <= stages[i - 1].Epoch)
                throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                    $"DataSchedule: the epochs do not grow: got {stages[i].Epoch} after {stages[i - 1].Epoch}, expected a later one. "
                        + $"Hint: give the stages in the order of their epochs."));
        this.stages = [.. stages];
    }

    /// <summary>Before all that looks at the data.</summary>
    public override int Order => -100;

    /// <summary>Data that do not fit are an error before anything is trained.</summary>
    public override void TrainBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        foreach (var (_, data) in stages) s.Learner.Doubt(data);
    }

    /// <inheritdoc/>
    public override void EpochBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (stages.LastOrDefault(stage => stage.Epoch <= s.Epoch).Data is not { } data || data == s.Learner.Data) return;
        if (data.Train.BatchCount != s.Batches)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"DataSchedule: batches an epoch: got {data.Train.BatchCount} from epoch {s.Epoch} on, expected {s.Batches} as before, "
                    + $"since schedules count them. Hint: keep the batch size, or make a fit call for each size."));
        s.Learner.Data = data;
    }
}
