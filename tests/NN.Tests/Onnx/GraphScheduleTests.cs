using Google.Protobuf;
using Tessera.NN;
using static Tessera.Tests.OnnxBytes;

namespace Tessera.Tests;

/// <summary>Large activations go part by part through the steps between two cuts of a graph; nobody sees it in the results.</summary>
[NonParallelizable]
public sealed class GraphScheduleTests
{
    const long Nothing = 0, Everything = long.MaxValue / 4;
    long bytes;

    [SetUp]
    public void Remember() => bytes = GraphSchedule.CacheBytes;

    [TearDown]
    public void Restore() => GraphSchedule.CacheBytes = bytes;

    static float[] Random(int n, ulong seed) => Tensor.Normal([n], new Philox(seed)).ToArray<float>();

    /// <summary>A stem with a pool, a residual block, a block of concatenated branches, a mean and a linear layer.</summary>
    static readonly NodeProto[] nodes =
    [
        Node("Conv", "x w0 b0", "a"), Node("Relu", "a", "b"),
        Node("MaxPool", "b", "c", ("kernel_shape", new long[] { 3, 3 }), ("strides", new long[] { 2, 2 }), ("pads", new long[] { 1, 1, 1, 1 })),
        Node("Conv", "c w1", "d", ("pads", new long[] { 1, 1, 1, 1 })), Node("Relu", "d", "e"),                 // Winograd
        Node("Conv", "e w2", "f"), Node("Conv", "c w3", "g"), Node("Add", "f g", "h"), Node("Relu", "h", "i"),   // a residual
        Node("Conv", "i w6", "j"), Node("Conv", "i w7", "k", ("pads", new long[] { 1, 1, 1, 1 })), Node("Concat", "j k", "l", ("axis", 1L)),
        Node("BatchNormalization", "l s t m v", "n"), Node("Conv", "n w4", "o", ("strides", new long[] { 2, 2 })),
        Node("GlobalAveragePool", "o", "p"), Node("Flatten", "p", "q"), Node("Gemm", "q w5", "y", ("transB", 1L)),
    ];

    static OnnxModel Network() => Model(13, nodes).With(
        Floats("w0", [16, 3, 3, 3], Random(432, 1)), Floats("b0", [16], Random(16, 2)), Floats("w1", [16, 16, 3, 3], Random(2304, 3)), Floats("w2", [16, 16, 1, 1], Random(256, 4)),
        Floats("w3", [16, 16, 1, 1], Random(256, 5)), Floats("w4", [8, 32, 3, 3], Random(2304, 6)), Floats("w5", [4, 8], Random(32, 7)),
        Floats("w6", [16, 16, 1, 1], Random(256, 13)), Floats("w7", [16, 16, 3, 3], Random(2304, 14)),
        Floats("s", [32], Random(32, 8)), Floats("t", [32], Random(32, 9)), Floats("m", [32], Random(32, 10)), Floats("v", [32], [.. Random(32, 11).Select(x => (x * x) + 0.5f)])).Parse();

    static Dictionary<string, float[]> Run(GraphModule graph, Tensor x, long cache)
    {
        GraphSchedule.CacheBytes = cache;
        using var noGrad = Autograd.NoGrad();
        return graph.Run(new Dictionary<string, Tensor> { ["x"] = x }).ToDictionary(v => v.Key, v => v.Value.ToArray<float>());
    }

    [Test]
    public void PartsGiveTheBitsOfTheWholeBatch()
    {
        var graph = Network().ToModule();
        foreach (int batch in (int[])[2, 5, 9])
        {
            var x = Tensor.Normal([batch, 3, 42, 38], new Philox(12));
            for (int use = 1; use <= 3; use++) // weights are packed anew, then kept
            {
                float[] whole = Run(graph, x, Everything)["y"];
                foreach (long cache in (long[])[Nothing, 400_000, 800_000]) Assert.That(Run(graph, x, cache)["y"], Is.EqualTo(whole), $"batch {batch}, {cache} bytes, use {use}");
            }
        }
    }

    [Test]
    public void AValueInTheMidstIsAsWhole()
    {
        var x = Tensor.Normal([3, 3, 42, 38], new Philox(12));
        foreach (string[] values in (string[][])[["i"], ["c", "y"], ["e", "l", "y"], ["b", "n"]])
        {
            var graph = Network().ToModule(values);
            var whole = Run(graph, x, Everything);
            foreach (var (name, value) in Run(graph, x, Nothing)) Assert.That(value, Is.EqualTo(whole[name]), name);
        }
    }

    [Test]
    public void StepsAreCutWhereOneValueIsAlive()
    {
        var graph = Network().ToModule();
        GraphSchedule.CacheBytes = Nothing;
        var runs = GraphSchedule.Of(graph.Plan, "x", [4, 3, 42, 38]);
        Assert.That(runs, Has.Length.EqualTo(2));
        Assert.That(runs[0], Is.EqualTo(new StepRun(0, runs[1].First, 1, runs[0].Result)));
        Assert.That(graph.Plan[runs[0].End - 1].Outputs, Is.EqualTo(new[] { "l" }), "a lone batch norm and what follows take the whole batch");
        Assert.That(runs[0].Result.ToString(), Is.EqualTo(new Shape(4, 32, 20, 18).ToString()));
        Assert.That(runs[1], Is.EqualTo(new StepRun(runs[0].End, graph.Plan.Count)));
        Assert.That(GraphSchedule.Of(graph.Plan, "x", [1, 3, 42, 38]), Is.EqualTo(new[] { new StepRun(0, graph.Plan.Count) }), "nothing to cut");
        GraphSchedule.CacheBytes = Everything;
        Assert.That(GraphSchedule.Of(graph.Plan, "x", [4, 3, 42, 38])[0].Items, Is.Zero);
    }

    [Test]
    public void RunsAreFoundOnceAShape()
    {
        var graph = Network().ToModule();
        GraphSchedule.CacheBytes = Nothing;
        var first = graph.Schedules.Of(graph.Plan, "x", [4, 3, 42, 38]);
        Assert.That(first, Is.EqualTo(GraphSchedule.Of(graph.Plan, "x", [4, 3, 42, 38])));
        Assert.That(graph.Schedules.Of(graph.Plan, "x", [4, 3, 42, 38]), Is.SameAs(first));
        Assert.That(graph.Schedules.Of(graph.Plan, "x", [5, 3, 42, 38]), Is.Not.EqualTo(first), "another batch");
        GraphSchedule.CacheBytes = Everything;
        Assert.That(graph.Schedules.Of(graph.Plan, "x", [4, 3, 42, 38])[0].Items, Is.Zero, "another cache");
        for (int n = 2; n < 2 + (2 * ScheduleCache.Most); n++) graph.Schedules.Of(graph.Plan, "x", [n, 3, 42, 38]);
        Assert.That(graph.Schedules.Count, Is.EqualTo(ScheduleCache.Most));
    }

    [Test]
    public void RunsOfANetworkInTrainingAreNotKept()
    {
        var graph = Classifier().Parse().ToModule();
        Assert.That(graph.Plan.SelectMany(step => step.Units), Is.Not.Empty);
        graph.Train();
        var runs = graph.Schedules.Of(graph.Plan, "x", [4, 3, 8, 8]);
        Assert.That(graph.Schedules.Count, Is.Zero);
        graph.Eval();
        Assert.That(graph.Schedules.Of(graph.Plan, "x", [4, 3, 8, 8]), Is.Not.SameAs(runs));
        Assert.That(graph.Schedules.Count, Is.EqualTo(1));
    }

    /// <summary>7 x 7 maps have 4 tiles: a batch of 4 takes Winograd, a part of it would not.</summary>
    [Test]
    public void AConvolutionThatTreatsPartsDifferentlyTakesTheWholeBatch()
    {
        var graph = Model(13, Node("Conv", "x w", "y", ("pads", new long[] { 1, 1, 1, 1 }))).With(Floats("w", [16, 16, 3, 3], Random(2304, 3))).Parse().ToModule();
        GraphSchedule.CacheBytes = Nothing;
        Assert.That(GraphSchedule.Of(graph.Plan, "x", [4, 16, 7, 7])[0].Items, Is.Zero);
        Assert.That(GraphSchedule.Of(graph.Plan, "x", [4, 16, 14, 14])[0].Items, Is.EqualTo(1));
        var x = Tensor.Normal([4, 16, 7, 7], new Philox(12));
        Assert.That(Run(graph, x, Nothing)["y"], Is.EqualTo(Run(graph, x, Everything)["y"]));
    }

    /// <summary>Statistics of a batch are those of all of it.</summary>
    [Test]
    public void BatchNormsInTrainingTakeTheWholeBatch()
    {
        var x = Tensor.Normal([4, 3, 8, 8], new Philox(8));
        float[] Trained(long cache)
        {
            var graph = Classifier().Parse().ToModule();
            graph.Train();
            return Run(graph, x, cache)["y"];
        }

        Assert.That(Trained(Nothing), Is.EqualTo(Trained(Everything)));
    }

    [Test]
    public void WhoeverWatchesModulesSeesWholeBatches()
    {
        var graph = Network().ToModule();
        var x = Tensor.Normal([4, 3, 42, 38], new Philox(12));
        GraphSchedule.CacheBytes = Nothing;
        var batches = new List<int>();
        using (Autograd.NoGrad())
        using (Op.Watch(call => batches.Add(call.Output.Shape[0]))) graph.Forward(x);
        Assert.That(batches, Is.Not.Empty.And.All.EqualTo(4));
    }
}
