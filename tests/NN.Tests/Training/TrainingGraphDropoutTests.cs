using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Recorded steps with dropout: each replay drops what the step would have dropped, had it not been recorded.</summary>
public sealed class TrainingGraphDropoutTests
{
    /// <summary>A network whose step takes three streams, two of them for dropout of whole items.</summary>
    sealed class Run
    {
        readonly Sequential network = new(new Conv2d(2, 4, 3, padding: 1), new StochasticDepth(0.3), new Relu(), new Dropout(0), new StochasticDepth(0.2), new Flatten(), new Dropout(0.4), new Linear(4 * 4 * 4, 3));
        readonly Tensor x = Tensor.Zeros([4, 2, 4, 4]), y = Tensor.From([0L, 1, 2, 1], [4]);
        readonly DType precision;

        public Run(DType precision)
        {
            this.precision = precision;
            foreach (var (k, p) in network.Parameters().Index()) p.CopyFrom(Tensor.Normal(p.Shape, new Philox((ulong)k + 1)) * 0.3f);
            Optimizer = new AdamW(network.Parameters(), lr: 0.02);
        }

        public AdamW Optimizer { get; }

        public void Start(int step) => x.CopyFrom(Tensor.Normal([4, 2, 4, 4], new Philox((ulong)step + 100)));

        public void Gradients()
        {
            using var scope = Scope.Begin();
            Autocast.To(precision, () => network.Forward(x)).To(DType.Float32).CrossEntropy(y).Backward();
        }

        public float[][] Weights() => [.. network.Parameters().Select(p => p.ToArray<float>())];
    }

    /// <summary>The generator starts again from another seed before step 3, as for a second run.</summary>
    static void Seed(int step)
    {
        if (step is 0 or 3) Generator.Seed(7 + (ulong)step);
    }

    [Test]
    public void Replays_are_the_bits_of_steps([Values(DType.Float32, DType.BFloat16)] DType precision)
    {
        using var scope = Scope.Begin();
        Device.Default = TestDevices.Gpu;
        Run eager = new(precision), recorded = new(precision);
        List<float[][]> expected = [];
        List<ulong> positions = [];
        for (int step = 0; step < 5; step++)
        {
            Seed(step);
            eager.Start(step);
            eager.Optimizer.ZeroGrad();
            eager.Gradients();
            eager.Optimizer.Step();
            expected.Add(eager.Weights());
            positions.Add(Generator.Default.Position);
        }

        Seed(0);
        recorded.Start(0);
        using var graph = TrainingGraph.Record(TestDevices.Gpu, recorded.Optimizer, recorded.Gradients);
        for (int step = 0; step < 5; step++)
        {
            if (step > 0)
            {
                Seed(step);
                recorded.Start(step);
                graph.Replay();
            }
            Assert.That(recorded.Weights(), Is.EqualTo(expected[step]), $"after step {step + 1}");
            Assert.That(Generator.Default.Position, Is.EqualTo(positions[step]), "the generator stands where steps leave it");
        }
        Assert.That(expected[1], Is.Not.EqualTo(expected[0]));
    }

    [Test]
    public void Numbers_that_no_replay_moves_on_are_refused()
    {
        using var scope = Scope.Begin();
        Device.Default = TestDevices.Gpu;
        Tensor w = Tensor.Ones([3]);
        w.RequiresGrad = true;
        (string Name, Action Work)[] cases =
        [
            ("a stream of one's own", () => w.Dropout(0.5f, new Philox(1)).Sum().Backward()),
            ("noise", () => (w * Tensor.Normal([3], Generator.Default.Next())).Sum().Backward()),
            ("a number for the host", () => (w * Generator.Default.Next().Uniform(0)).Sum().Backward()),
            ("a stream made from the generator's", () => w.Dropout(0.5f, Generator.Default.Next().At(1, 2)).Sum().Backward()),
        ];
        foreach (var (name, work) in cases)
        {
            ulong before = Generator.Default.Position;
            w.ZeroGrad();
            Assert.That(() => TrainingGraph.Record(TestDevices.Gpu, new Sgd([w], lr: 0.5), work), Throws.InstanceOf<TesseraException>().With.Message.Contains("random numbers"), name);
            Assert.That(Generator.Default.Position - before, Is.LessThanOrEqualTo(1ul), $"{name}: one step was done");
        }
    }
}
