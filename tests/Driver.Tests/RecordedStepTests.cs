using Tessera.Cuda;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>What a training step asks of the driver, step by step and recorded: the numbers in docs/gpu.md.</summary>
[NonParallelizable]
public sealed class RecordedStepTests
{
    [Test]
    public void AReplayIsOneLaunchOfAGraph()
    {
        var standIn = StandIn.Driver;
        var (driver, whyNot) = NativeCudaDriver.TryOpen(0);
        Assert.That(whyNot, Is.Null);
        var device = new Device("stand-in", new CudaBackend(driver!), 4L << 30);
        try
        {
            using var scope = Scope.Begin();
            Device.Default = device;
            var network = new ResNet(ResNetOptions.ResNet18 with { Classes = 7 });
            standIn.Clear();
            var optimizer = new AdamW(network.Parameters());
            Tensor x = Tensor.Zeros([2, 3, 64, 64]), y = Tensor.Zeros([2], DType.Int64);
            void Gradients()
            {
                using var step = Scope.Begin();
                network.Forward(x).CrossEntropy(y).Backward();
            }

            int[] eager = [];
            for (int step = 0; step < 3; step++)
            {
                eager = Counted(standIn, () =>
                {
                    optimizer.ZeroGrad();
                    Gradients();
                    optimizer.Step();
                });
            }
            using var graph = TrainingGraph.Record(device, optimizer, Gradients);
            int[] replay = [];
            for (int step = 0; step < 2; step++) replay = Counted(standIn, graph.Replay);
            TestContext.Out.WriteLine($"step: {eager[0]} kernels, {eager[2]} calls; replay: {replay[0]} kernels, {replay[1]} graphs, {replay[2]} calls");
            Assert.That((replay[0], replay[1]), Is.EqualTo((0, 1)));
            Assert.That(replay[2], Is.LessThan(10));
            Assert.That(eager[0], Is.InRange(200, 500), "docs/gpu.md says 349");
            Assert.That(eager[1], Is.Zero);
        }
        finally
        {
            Device.Default = Device.Cpu;
            standIn.Clear();
        }
    }

    /// <summary>Kernels, graphs and calls of the driver that some work makes.</summary>
    static int[] Counted(StandIn standIn, Action work)
    {
        standIn.Clear();
        work();
        string[] calls = standIn.Calls;
        standIn.Clear();
        return [calls.Count(c => c.StartsWith("cuLaunchKernel(", StringComparison.Ordinal)), calls.Count(c => c.StartsWith("cuGraphLaunch(", StringComparison.Ordinal)), calls.Length];
    }
}
