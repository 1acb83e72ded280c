namespace Tessera.NN;

/// <summary>
/// A whole training step of a GPU, recorded once and replayed: gradients and the optimizer's step, with the learning rate, momentum and corrections of
/// each step. The same bits as steps one by one, without the processor's share of their work:
/// <code>
/// using var graph = TrainingGraph.Record(device, optimizer, () => { using var step = Scope.Begin(); model.Forward(x).CrossEntropy(y).Backward(); });
/// foreach (var batch in batches) { x.CopyFrom(batch.X); y.CopyFrom(batch.Y); graph.Replay(); }
/// </code>
/// </summary>
public sealed class TrainingGraph : IDisposable
{
    readonly DeviceGraph graph;
    readonly Optimizer optimizer;

    /// <summary>The default generator when the step was recorded, and how many streams a step takes from it.</summary>
    readonly ulong seed, position, streams;

    TrainingGraph(DeviceGraph graph, Optimizer optimizer, ulong seed, ulong position, ulong streams) =>
        (this.graph, this.optimizer, this.seed, this.position, this.streams) = (graph, optimizer, seed, position, streams);

    /// <summary>Does one training step on what its input tensors hold now, then records the same step without doing it.</summary>
    /// <param name="device">A GPU, or the emulator.</param>
    /// <param name="optimizer">SGD, RMSprop, Adam or AdamW over the parameters; its groups' numbers may change between replays, its parameters not.</param>
    /// <param name="gradients">Forward and backward pass, on tensors that stay the same: <see cref="Tensor.CopyFrom"/> brings them new
    /// content. The same work each time, nothing of it on the host; of random numbers only dropout, whose streams come from <c>Generator.Default</c>.
    /// Batch norms count this batch once, however often it is replayed.</param>
    /// <exception cref="TesseraException">The optimizer's step, or the pass, cannot be recorded.</exception>
    /// <exception cref="DeviceException">The device cannot record.</exception>
    public static TrainingGraph Record(Device device, Optimizer optimizer, Action gradients)
    {
        ArgumentNullException.ThrowIfNull(optimizer);
        ArgumentNullException.ThrowIfNull(gradients);
        if (!optimizer.CanRecord)
            throw new TesseraException(
                $"TrainingGraph.Record: optimizer: got {optimizer.GetType().Name}, expected Sgd, RmsProp, Adam or AdamW. "
                    + "Hint: the step of others takes its rates from the host; call Step() after replaying a DeviceGraph of the gradients.");
        int steps = 0;
        Generator random = Generator.Default;
        ulong position = 0;
        try
        {
            var graph = DeviceGraph.Record(device, () =>
            {
                position = random.Position;
                optimizer.ZeroGrad();
                gradients();
                optimizer.Step();
                steps++;
            });
            ulong streams = random.Position - position;
            if (!graph.DrawsTheSame && graph.Streams.Count == (int)streams && graph.Streams.All(s => s.Seed == random.SeedValue && s.Stream - position - 1 < streams))
                return new TrainingGraph(graph, optimizer, random.SeedValue, position, streams);
            graph.Dispose();
            throw new TesseraException(
                $"TrainingGraph.Record: the step draws random numbers: got {streams} streams of Generator.Default and {graph.Streams.Count} of dropout{(graph.DrawsTheSame ? ", and noise" : "")}, "
                    + "expected each of the former to be one of the latter. Hint: other numbers would be the same in each replay; draw them outside of the step, into a tensor that it reads.");
        }
        finally
        {
            // What was only recorded is no step: neither the optimizer's nor the generator's.
            if (steps == 2)
            {
                optimizer.TakeBackStep();
                random.Position = position;
            }
        }
    }

    /// <summary>Gives the device one more step, with the numbers that the optimizer's groups have now, and dropout by the next streams of <c>Generator.Default</c>.</summary>
    /// <exception cref="TesseraException">The optimizer has other parameters or gradients than when it was recorded.</exception>
    public void Replay()
    {
        Generator random = Generator.Default;
        graph.Replay(optimizer.Step, new Cuda.StreamMove(seed ^ random.SeedValue, random.Position - position));
        random.Position += streams;
    }

    /// <summary>Waits for the device and gives the graph's memory back. Gradients and moments stay.</summary>
    public void Dispose() => graph.Dispose();
}
