using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Recorded networks, run node by node, give their recorded outputs.</summary>
[Category("Golden")]
public sealed class OnnxFileTests
{
    [TestCaseSource(typeof(OnnxFile), nameof(OnnxFile.All))]
    public void Outputs(OnnxFile file)
    {
        using var scope = Scope.Begin();
        var graph = OnnxModel.Load(file.Path).ToModule();
        foreach (var (shape, x, y) in file.Pairs())
            Agreement.Check(Autograd.NoGrad(() => graph.Forward(Tensor.From(x, shape))).ToArray<float>(), y);
    }

    [TestCaseSource(typeof(OnnxFile), nameof(OnnxFile.All))]
    public void StageFeatures(OnnxFile file)
    {
        var io = file.Io();
        string[] stages = [.. io.Keys.Where(k => k.StartsWith("feat64_layer", StringComparison.Ordinal)).Select(k => k["feat64_".Length..])];
        if (stages.Length == 0) Assert.Ignore("no features recorded for this file");
        using var scope = Scope.Begin();
        var model = OnnxModel.Load(file.Path);
        string[] values = [.. stages.Select(s => model.Nodes.Last(n => n.Op == "Relu" && n.Outputs[0].StartsWith($"/{s}/", StringComparison.Ordinal)).Outputs[0])];
        var features = Autograd.NoGrad(() => model.ToModule(values).Run(new Dictionary<string, Tensor> { ["input"] = Tensor.From(io["input64"].Floats(), io["input64"].Shape) }));
        foreach (var (stage, value) in stages.Zip(values)) Agreement.Check(features[value].ToArray<float>(), io["feat64_" + stage]);
    }

    [TestCaseSource(typeof(OnnxFile), nameof(OnnxFile.All))]
    public void Reports(OnnxFile file)
    {
        var report = OnnxModel.Load(file.Path).Report();
        Assert.That(report.Unsupported, Is.Empty);
        Assert.That(report.Inputs, Has.Count.EqualTo(1));
        Assert.That(report.FoldedBatchNorms > 0, Is.EqualTo(file.IsFolded || file.Name.Contains("squeezenet")));
        Assert.That(report.BatchNorms > 0, Is.EqualTo(file.Name.Contains("_bn_")));
        Assert.That(report.ToString(), Does.StartWith(Path.GetFileName(file.Path) + ": operator set "));
    }
}
