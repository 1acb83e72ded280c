using Tessera.NN;
using Tessera.Vision;
using static TorchSharp.torch.nn.functional;

namespace Tessera.Benchmarks;

/// <summary>What of a network is learned: all of it, its head behind a body in evaluation mode, or the head and the batch norms of a frozen body.</summary>
enum Learned
{
    All,
    Head,
    HeadAndNorms,
}

/// <summary>A training step of a ResNet: forward, cross-entropy, backward, AdamW.</summary>
interface ITraining : IDisposable
{
    /// <summary>One step over the batch it was made with.</summary>
    void Step();
}

/// <summary>A training step in Tessera, written as in <c>Learner.FitBatch</c>.</summary>
sealed class OurTraining : ITraining
{
    readonly ResNet network;
    readonly CrossEntropyLoss loss = new();
    readonly AdamW optimizer;
    readonly Tensor x, y;
    readonly DType precision;

    /// <param name="depth">18, 34 or 50.</param>
    /// <param name="learned">What of the network.</param>
    /// <param name="size">Photos and widths.</param>
    /// <param name="precision">Float32, or what <see cref="Autocast"/> stores activations in.</param>
    public OurTraining(int depth, Learned learned, BenchSize size, DType precision = DType.Float32)
    {
        this.precision = precision;
        network = new ResNet(Networks.Options(depth, size.Width));
        if (learned != Learned.All) Freeze(learned);
        optimizer = new AdamW(network.Parameters().Where(p => p.RequiresGrad));
        x = Tensor.From(Networks.Photos(size.Batch, size.Side), [size.Batch, 3, size.Side, size.Side]);
        y = Tensor.From(Networks.Classes(size.Batch, 1000), [size.Batch]);
    }

    public void Step()
    {
        Gradients();
        optimizer.Step();
        optimizer.ZeroGrad();
    }

    /// <summary>The same step recorded on <see cref="Device.Default"/>.</summary>
    public TrainingGraph Recorded() => TrainingGraph.Record(Device.Default, optimizer, Gradients);

    void Gradients()
    {
        using var scope = Scope.Begin();
        loss.Forward(Autocast.To(precision, () => network.Forward(x)).To(DType.Float32), y).Backward();
    }

    void Freeze(Learned learned)
    {
        network.RequiresGrad(false);
        network.Classifier!.RequiresGrad(true);
        foreach (var norm in network.NamedModules().Select(m => m.Module).OfType<BatchNorm>())
        {
            norm.RequiresGrad(learned == Learned.HeadAndNorms);
            norm.Train(learned == Learned.HeadAndNorms);
        }
    }

    public void Dispose()
    {
        x.Dispose();
        y.Dispose();
    }
}

/// <summary>The same in TorchSharp.</summary>
sealed class TorchTraining : ITraining
{
    readonly TorchResNet network;
    readonly Torch.optim.Optimizer optimizer;
    readonly TorchTensor x, y;

    public TorchTraining(int depth, Learned learned, BenchSize size, bool channelsLast)
    {
        network = new TorchResNet(depth, width: size.Width);
        TorchLayout.Apply(network, channelsLast);
        network.train();
        if (learned != Learned.All) Freeze(network, learned);
        optimizer = Torch.optim.AdamW(network.parameters().Where(p => p.requires_grad));
        x = TorchLayout.Of(Torch.tensor(Networks.Photos(size.Batch, size.Side), [size.Batch, 3, size.Side, size.Side]), channelsLast);
        y = Torch.tensor(Networks.Classes(size.Batch, 1000));
    }

    public void Step()
    {
        using var scope = Torch.NewDisposeScope();
        cross_entropy(network.call(x), y).backward();
        optimizer.step();
        optimizer.zero_grad();
    }

    /// <summary>Leaves the head, or the head and the batch norms, to be learned.</summary>
    public static void Freeze(TorchResNet network, Learned learned)
    {
        foreach (var p in network.Body.parameters()) p.requires_grad = false;
        foreach (var norm in network.Body.modules().OfType<TorchSharp.Modules.BatchNorm2d>())
        {
            foreach (var p in norm.parameters()) p.requires_grad = learned == Learned.HeadAndNorms;
            norm.train(learned == Learned.HeadAndNorms);
        }
    }

    public void Dispose()
    {
        optimizer.Dispose();
        network.Dispose();
        x.Dispose();
        y.Dispose();
    }
}
