using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>A recorded training step, replayed, is the bits of the steps one by one.</summary>
public sealed class TrainingGraphTests
{
    static readonly Func<IEnumerable<ParameterGroup>, Optimizer>[] optimizers =
    [
        g => new Sgd(g), g => new Sgd(g, nesterov: true, decoupledDecay: true), g => new Adam(g, beta2: 0.99, eps: 1e-5), g => new AdamW(g),
        g => new RmsProp(g), g => new RmsProp(g, centered: true, decoupledDecay: true),
    ];

    sealed class Run
    {
        readonly Sequential network = new(new Conv2d(2, 4, 3, padding: 1), new BatchNorm2d(4), new Relu(), new Flatten(), new Linear(4 * 4 * 4, 3));
        readonly Tensor x = Tensor.Zeros([4, 2, 4, 4]), y = Tensor.Zeros([4], DType.Int64);

        readonly DType precision;

        public Run(Func<IEnumerable<ParameterGroup>, Optimizer> make, DType precision = DType.Float32)
        {
            this.precision = precision;
            foreach (var (k, p) in network.Parameters().Index()) p.CopyFrom(Tensor.Normal(p.Shape, new Philox((ulong)k + 1)) * 0.3f);
            Tensor[] all = [.. network.Parameters()];
            Optimizer = make([new ParameterGroup(all[..2], "body", weightDecay: 0.1), new ParameterGroup(all[2..], "head")]);
        }

        public Optimizer Optimizer { get; }

        public void Gradients()
        {
            using var scope = Scope.Begin();
            Autocast.To(precision, () => network.Forward(x)).To(DType.Float32).CrossEntropy(y).Backward();
        }

        /// <summary>The input and the rates of a step.</summary>
        public void Start(int step)
        {
            x.CopyFrom(Tensor.Normal([4, 2, 4, 4], new Philox((ulong)step + 100)));
            y.CopyFrom(Tensor.From([0L, 1, 2, step % 3], [4]));
            foreach (var (g, group) in Optimizer.Groups.Index()) (group.Lr, group.Momentum) = (0.01 * (step + 1) / (g + 1), 0.95 - (0.02 * step));
        }

        public float[][] State() => [.. network.Parameters().Concat(network.NamedBuffers().Select(b => b.Tensor)).Concat(Optimizer.State().Where(s => s.Key.Contains("avg") || s.Key.Contains("buffer")).Select(s => s.Value))
            .Where(t => t.DType == DType.Float32).Select(t => t.ToArray<float>())];

        public string Steps() => string.Join(' ', Optimizer.State().Where(s => s.Key.EndsWith("step")).Select(s => s.Value.ToArray<long>()[0]));
    }

    [Test]
    public void Replays_are_the_bits_of_steps([Range(0, 5)] int kind, [Values(DType.Float32, DType.BFloat16)] DType precision)
    {
        using var scope = Scope.Begin();
        Device.Default = TestDevices.Gpu;
        Run eager = new(optimizers[kind], precision), recorded = new(optimizers[kind], precision);
        recorded.Start(0);
        using var graph = TrainingGraph.Record(TestDevices.Gpu, recorded.Optimizer, recorded.Gradients);
        for (int step = 0; step < 4; step++)
        {
            eager.Start(step);
            eager.Optimizer.ZeroGrad();
            eager.Gradients();
            eager.Optimizer.Step();
            if (step > 0)
            {
                recorded.Start(step);
                graph.Replay();
            }
            Assert.That(recorded.State(), Is.EqualTo(eager.State()), $"after step {step + 1}");
            Assert.That(recorded.Steps(), Is.EqualTo(eager.Steps()));
        }
    }

    /// <summary>Channels by eights, a residual and pools: products, maps and pools of halves.</summary>
    [Test]
    public void Replays_of_a_residual_network_in_bfloat16()
    {
        using var scope = Scope.Begin();
        Device.Default = Device.Emulator;
        Tensor x = Tensor.Zeros([2, 3, 16, 16]), y = Tensor.Zeros([2], DType.Int64);
        (Sequential Network, AdamW Optimizer, Action Gradients) Made()
        {
            var (stem, block, head) = (new Sequential(new Conv2d(3, 8, 3, padding: 1), new BatchNorm2d(8), new Relu(), new MaxPool2d(2)), new Conv2d(8, 8, 3, padding: 1), new Linear(8, 3));
            var network = new Sequential(stem, block, head);
            foreach (var (k, p) in network.Parameters().Index()) p.CopyFrom(Tensor.Normal(p.Shape, new Philox((ulong)k + 1)) * 0.3f);
            void Gradients()
            {
                using var step = Scope.Begin();
                using (Autocast.To(DType.BFloat16))
                {
                    Tensor h = stem.Forward(x);
                    head.Forward((block.Forward(h).Relu() + h).AdaptiveAvgPool2d(1, 1).Flatten(1)).To(DType.Float32).CrossEntropy(y).Backward();
                }
            }
            return (network, new AdamW(network.Parameters(), lr: 1e-2), Gradients);
        }
        void Start(int step)
        {
            x.CopyFrom(Tensor.Normal([2, 3, 16, 16], new Philox((ulong)step + 100)));
            y.CopyFrom(Tensor.From([(long)(step % 3), 1], [2]));
        }
        var (eager, eagerly, gradients) = Made();
        var (recorded, optimizer, work) = Made();
        Start(0);
        using var graph = TrainingGraph.Record(Device.Emulator, optimizer, work);
        for (int step = 0; step < 3; step++)
        {
            Start(step);
            eagerly.ZeroGrad();
            gradients();
            eagerly.Step();
            if (step > 0) graph.Replay();
            Assert.That(recorded.Parameters().Select(p => p.ToArray<float>()), Is.EqualTo(eager.Parameters().Select(p => p.ToArray<float>())), $"after step {step + 1}");
        }
    }

    [Test]
    public void A_dynamic_loss_scale_reads_a_number_and_is_refused()
    {
        using var scope = Scope.Begin();
        Device.Default = Device.Emulator;
        Tensor w = Tensor.Ones([3]);
        w.RequiresGrad = true;
        Sgd sgd = new([w], lr: 0.5);
        Assert.That(() => TrainingGraph.Record(Device.Emulator, sgd, () =>
        {
            (w.Sum() * 1024f).Backward();
            Gradients.Unscale([w], 1.0 / 1024);
        }), Throws.InstanceOf<CudaException>().With.Message.Contains("while a graph is recorded nothing can be read"));
        Assert.That(w.ToArray<float>(), Has.All.EqualTo(0.5f), "one step was done before; the device works on");
    }

    [Test]
    public void Weights_written_by_a_replay_count_as_written()
    {
        using var scope = Scope.Begin();
        Device.Default = TestDevices.Gpu;
        Tensor w = Tensor.Ones([3]);
        w.RequiresGrad = true;
        Sgd sgd = new([w], lr: 0.5);
        using var graph = TrainingGraph.Record(TestDevices.Gpu, sgd, () => w.Sum().Backward());
        var before = w.View.Storage.Version;
        graph.Replay();
        Assert.That(w.View.Storage.Version, Is.GreaterThan(before));
        Assert.That(w.ToArray<float>(), Is.EqualTo(new float[] { 0, 0, 0 }));
    }

    [Test]
    public void A_class_outside_is_an_error_of_the_replay()
    {
        using var scope = Scope.Begin();
        Device.Default = TestDevices.Gpu;
        Tensor w = Tensor.Ones([2, 3]), y = Tensor.From([0L, 2], [2]);
        w.RequiresGrad = true;
        using var graph = TrainingGraph.Record(TestDevices.Gpu, new Sgd([w], lr: 0.5), () => w.CrossEntropy(y).Backward());
        graph.Replay();
        w.ToArray<float>();
        y.CopyFrom(Tensor.From([0L, 7], [2]));
        graph.Replay();
        Assert.That(() => w.ToArray<float>(), Throws.InstanceOf<ShapeException>().With.Message.Contains("got 7"));
        y.CopyFrom(Tensor.From([0L, 1], [2]));
        graph.Replay();
        Assert.That(w.ToArray<float>(), Has.All.Matches<float>(float.IsFinite));
    }

    [Test]
    public void What_cannot_be_recorded_is_refused()
    {
        using var scope = Scope.Begin();
        Device.Default = TestDevices.Gpu;
        Tensor w = Tensor.Ones([3]);
        w.RequiresGrad = true;
        Assert.That(() => TrainingGraph.Record(TestDevices.Gpu, new Own([w]), () => { }), Throws.InstanceOf<TesseraException>().With.Message.Contains("got Own, expected Sgd, RmsProp, Adam or AdamW"));
        Sgd sgd = new([w], lr: 0.5);
        Assert.That(() => TrainingGraph.Record(TestDevices.Gpu, sgd, () => w.Dropout(0.5f, new Philox(1)).Sum().Backward()), Throws.InstanceOf<TesseraException>().With.Message.Contains("random numbers"));
        using var graph = TrainingGraph.Record(TestDevices.Gpu, sgd, () => w.Sum().Backward());
        sgd.ZeroGrad();
        Assert.That(graph.Replay, Throws.InstanceOf<TesseraException>().With.Message.Contains("got 0, expected the 1 that were recorded"));
    }

    [TestCase(0, 0.9)]
    [TestCase(0.9, 0)]
    public void A_momentum_that_comes_or_goes_is_refused(double recorded, double then)
    {
        using var scope = Scope.Begin();
        Device.Default = TestDevices.Gpu;
        Tensor w = Tensor.Ones([3]);
        w.RequiresGrad = true;
        foreach (var optimizer in (Optimizer[])[new Sgd([w], 0.5, recorded), new RmsProp([w], momentum: recorded)])
        {
            using var graph = TrainingGraph.Record(TestDevices.Gpu, optimizer, () => w.Sum().Backward());
            graph.Replay();
            float[] before = w.ToArray<float>();
            optimizer.Groups[0].Momentum = then;
            Assert.That(graph.Replay, Throws.InstanceOf<TesseraException>().With.Message.Contains("a momentum that becomes 0"));
            Assert.That(w.ToArray<float>(), Is.EqualTo(before));
        }
    }

    /// <summary>An optimizer of a user, composed of tensor operations.</summary>
    sealed class Own(Tensor[] parameters) : Optimizer([new ParameterGroup(parameters)], decoupledDecay: false)
    {
        protected override IReadOnlyList<string> StateNames => [];

        protected override void Update(IReadOnlyList<ParameterStep> steps)
        {
            foreach (var s in steps) s.W.CopyFrom(s.W - (s.G * s.Options.Lr));
        }
    }

    [TearDown]
    public void BackOnTheCpu() => Device.Default = Device.Cpu;
}
