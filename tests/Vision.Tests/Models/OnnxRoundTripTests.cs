using Tessera.NN;

namespace Tessera.Tests.Models;

/// <summary>Each family of networks with a head, an eighth as wide, through an ONNX file: the same modules, and trained on, the same losses.</summary>
public sealed class OnnxRoundTripTests
{
    static readonly string[] names =
    [
        "resnet18", "resnet50", "squeezenet1_1", "vgg11", "vgg11_bn", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "efficientnet_b3", "convnext_tiny",
    ];

    /// <summary>Layers with weights, and what drops in training, under their names.</summary>
    static string[] Modules(Module network) =>
    [
        .. network.NamedModules().Where(m => m.Module is Dropout or StochasticDepth).Select(m => $"{m.Name}: {m.Module}"),
        .. network.NamedModules().Select(m => m.Module).Where(m => m is Conv2d or Linear or BatchNorm or LayerNorm or LayerNorm2d or GroupNorm).CountBy(m => m is BatchNorm ? "BatchNorm" : m.GetType().Name)
            .OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Value} {c.Key}"),
    ];

    [TestCaseSource(nameof(names))]
    public void WhatHappensInTrainingOnlyComesBack(string name)
    {
        var network = NarrowNetworks.Create(name);
        byte[] file = network.ToOnnxBytes([3, 64, 64], new OnnxExportOptions { Verify = false });
        var again = OnnxModel.Parse(file).ToModule();
        if (name.StartsWith("convnext", StringComparison.Ordinal)) Assert.That(Dropping(again), Is.EqualTo(Dropping(network)), "its linear layers and norms are other nodes");
        else Assert.That(Modules(again), Is.EqualTo(Modules(network)));
        Assert.That(Dropping(network).Any(m => m.Contains("StochasticDepth", StringComparison.Ordinal)), Is.EqualTo(name.StartsWith("eff", StringComparison.Ordinal) || name.StartsWith("conv", StringComparison.Ordinal)));
        Assert.That(again.Parameters().Sum(p => p.Count), Is.EqualTo(network.Parameters().Sum(p => p.Count)));
        Assert.That(Dropping(OnnxModel.Parse(again.ToOnnxBytes([3, 64, 64], new OnnxExportOptions { Verify = false })).ToModule()), Is.EqualTo(Dropping(network)), "exported once more");

        float[] straight = Losses(network), detour = Losses(again);
        Assert.That(detour, Is.EqualTo(straight).Within(1e-3f));
        Assert.That(straight.Distinct().Count(), Is.EqualTo(straight.Length));
    }

    static string[] Dropping(Module network) => [.. network.NamedModules().Where(m => m.Module is Dropout or StochasticDepth).Select(m => $"{m.Name}: {m.Module}")];

    static float[] Losses(Module network)
    {
        Generator.Seed(11); // the same items are dropped
        network.Train();
        var x = Tensor.Normal([8, 3, 64, 64], new Philox(8));
        var target = Tensor.From([.. Enumerable.Range(0, 8).Select(i => (long)(i % 5))], [8]);
        var optimizer = new Sgd([new ParameterGroup(network.Parameters(), lr: 1e-3)]);
        return [.. Enumerable.Range(0, 3).Select(_ =>
        {
            using var scope = Scope.Begin();
            var loss = network.Call(x).CrossEntropy(target);
            loss.Backward();
            optimizer.Step();
            optimizer.ZeroGrad();
            return loss.Item();
        })];
    }
}
