using Tessera.NN;

namespace Tessera.Tests;

/// <summary>A small problem that is quickly learned: three clouds of points, and a network with batch norm and two layer groups.</summary>
static class Toy
{
    public const int Features = 6, Classes = 3;

    public static DataBunch Data(int batchSize = 8, int items = 50, int validItems = 21, int workers = 0, bool shuffle = true, ulong seed = 5) => new(
        new DataLoader(Points(items, 1), batchSize, shuffle, dropLast: true, seed, workers),
        validItems == 0 ? null : new DataLoader(Points(validItems, 2), batchSize, workers: workers));

    /// <summary>Item i belongs to class i mod 3, around a point of its class.</summary>
    public static TensorDataset Points(int items, ulong seed)
    {
        using var scope = Scope.Begin();
        long[] y = [.. Enumerable.Range(0, items).Select(i => (long)(i % Classes))];
        float[] centres = [.. Enumerable.Range(0, items * Features).Select(i => i / Features % Classes == i % Features % Classes ? 1.5f : 0)];
        return new TensorDataset(Tensor.From(centres, [items, Features]) + Tensor.Normal([items, Features], new Philox(seed), std: 0.5f), Tensor.From(y, [items]));
    }

    /// <summary>Linear, batch norm, ReLU | linear.</summary>
    public static Sequential Model(ulong seed = 1)
    {
        Generator.Seed(seed);
        return new Sequential(new Sequential(new Linear(Features, 16), new BatchNorm1d(16), new Relu()), new Linear(16, Classes));
    }

    public static Learner Learner(DataBunch? data = null, Sequential? model = null)
    {
        var net = model ?? Model();
        return new Learner(data ?? Data(), net, new CrossEntropyLoss(), Metrics.ErrorRate) { Display = null }.Split(net[1]);
    }

    /// <summary>All of the model's state as it is now.</summary>
    public static Dictionary<string, float[]> State(Module model) =>
        model.StateDict().Where(t => t.Value.DType == DType.Float32).ToDictionary(t => t.Key, t => t.Value.ToArray<float>());
}

/// <summary>A callback made of functions.</summary>
sealed class Probe : Callback
{
    public int At { get; init; }

    public override int Order => At;

    public Action<string, TrainingState>? Event { get; init; }

    public Exception? Error { get; private set; }

    public override void TrainBegin(TrainingState s) => Event?.Invoke("train_begin", s);

    public override void EpochBegin(TrainingState s) => Event?.Invoke("epoch_begin", s);

    public override void BatchBegin(TrainingState s) => Event?.Invoke("batch_begin", s);

    public override void LossBegin(TrainingState s) => Event?.Invoke("loss_begin", s);

    public override void BackwardBegin(TrainingState s) => Event?.Invoke("backward_begin", s);

    public override void BackwardEnd(TrainingState s) => Event?.Invoke("backward_end", s);

    public override void StepEnd(TrainingState s) => Event?.Invoke("step_end", s);

    public override void BatchEnd(TrainingState s) => Event?.Invoke("batch_end", s);

    public override void EpochEnd(TrainingState s) => Event?.Invoke("epoch_end", s);

    public override void TrainEnd(TrainingState s, Exception? error)
    {
        Error = error;
        Event?.Invoke("train_end", s);
    }
}

/// <summary>Keeps what is shown.</summary>
sealed class Shown : ITrainingDisplay
{
    public List<string> Lines { get; } = [];

    public List<TrainingProgress> Reports { get; } = [];

    public int Ends { get; private set; }

    public void Progress(in TrainingProgress progress) => Reports.Add(progress);

    public void Line(string text) => Lines.Add(text);

    public void End() => Ends++;
}
