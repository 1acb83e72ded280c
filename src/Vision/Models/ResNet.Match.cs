using System.Diagnostics.CodeAnalysis;
using Tessera.NN;

namespace Tessera.Vision;

public sealed partial class ResNet
{
    /// <summary>
    /// Finds out whether an ONNX network is a residual network, by structure and shapes and whatever its values are called: any depth, width and
    /// number of stages, both stride placements, batch norms kept or folded, with or without classifier.
    /// </summary>
    /// <param name="model">The file.</param>
    /// <param name="network">The network with the file's weights, in evaluation mode; null where the file is another network.</param>
    /// <param name="report">What was found, or the first thing that does not fit.</param>
    public static bool TryMatch(OnnxModel model, [NotNullWhen(true)] out ResNet? network, out string report) => TryMatch(model, bodyOnly: false, out network, out report);

    /// <summary>The same for the body alone: whatever head follows, such as the concatenated pools of a learner, is left out.</summary>
    internal static bool TryMatchBody(OnnxModel model, [NotNullWhen(true)] out ResNet? network, out string report) => TryMatch(model, bodyOnly: true, out network, out report);

    static bool TryMatch(OnnxModel model, bool bodyOnly, [NotNullWhen(true)] out ResNet? network, out string report)
    {
        ArgumentNullException.ThrowIfNull(model);
        network = null;
        if (model.Report().Unsupported is [var op, ..])
        {
            report = $"{model.File}: not a ResNet: operator {op} occurs, expected convolutions, batch norms, ReLU, pools and additions.";
            return false;
        }
        var match = new ResNetMatch(model.ToModule());
        if (match.Run(bodyOnly) is not { } options)
        {
            report = $"{model.File}: not a ResNet: {match.Failure}";
            return false;
        }
        using (Init.Skip()) network = new ResNet(options);
        network.LoadStateDict(match.State);
        network.Eval();
        report = $"{model.File}: {network.Describe()}{(bodyOnly ? " (a head of another kind follows)" : "")}";
        return true;
    }

    /// <summary>One line: depth, width, stages, and what differs from torchvision's.</summary>
    public string Describe()
    {
        var parts = new List<string> { $"ResNet-{Name()}" };
        if (Options.Blocks.Count < 4) parts.Add($"stem and {Options.Blocks.Count} of 4 stages");
        if (Options.Width != 64) parts.Add($"width {Options.Width}");
        if (Options.Bottleneck) parts.Add(Options.StrideInFirst ? "stride in the first 1x1 (v1)" : "stride in the 3x3 (v1.5)");
        if (!Options.BatchNorm) parts.Add("batch norms folded into the convolutions");
        else if (Options.ConvBias) parts.Add("convolutions with bias");
        if (Options.BatchNorm && Options.Eps != 1e-5f) parts.Add(FormattableString.Invariant($"batch norm eps {Options.Eps:0.####e+0}"));
        parts.Add(Options.Classes > 0 ? $"{Options.Classes} classes" : $"no classifier: {Options.Features} pooled features");
        return string.Join(", ", parts);
    }

    /// <summary>
    /// This network with batch norms where they were folded into the convolutions: the evaluated function is the same, the running statistics are
    /// those of the images, and the parameters are torchvision's.
    /// </summary>
    /// <param name="images">Normalised batches <c>[N, 3, H, W]</c>: a hundred training images or more.</param>
    /// <exception cref="TesseraException">Nothing is folded, or there are no images.</exception>
    public ResNet RecreateBatchNorms(IEnumerable<Tensor> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (Options.BatchNorm) throw new TesseraException("RecreateBatchNorms: got a network with batch norms, expected one whose batch norms were folded. Hint: this one needs none recreated.");
        var places = NamedModules().Where(m => m.Module is FoldedNorm).ToDictionary(m => m.Name, m => (FoldedNorm)m.Module, StringComparer.Ordinal);
        var statistics = places.Keys.Zip(FoldedNorm.Measure(this, [.. places.Values], images)).ToDictionary(p => p.First, p => p.Second, StringComparer.Ordinal);
        var folded = StateDict();
        using var unset = Init.Skip();
        var network = new ResNet(Options with { BatchNorm = true, ConvBias = false });
        network.LoadStateDict(
            folded.Where(t => t.Key.EndsWith(".weight", StringComparison.Ordinal) || t.Key == "fc.bias").ToDictionary(
                t => t.Key, t => t.Value, StringComparer.Ordinal), strict: false);
        foreach (var (name, module) in network.NamedModules())
            if (module is BatchNorm norm) statistics[name].Fill(norm, folded[ConvolutionBefore(name) + ".bias"], Options.Eps);
        network.Eval();
        return network;
    }

    // bn1 stands behind conv1, downsample.1 behind downsample.0.
    static string ConvolutionBefore(string norm) => norm.EndsWith(".1", StringComparison.Ordinal) ? norm[..^1] + "0" : norm[..^3] + "conv" + norm[^1];

    string Name()
    {
        int[] known = [18, 34, 50, 101, 152];
        ResNetOptions[] all = [ResNetOptions.ResNet18, ResNetOptions.ResNet34, ResNetOptions.ResNet50, ResNetOptions.ResNet101, ResNetOptions.ResNet152];
        int i = Array.FindIndex(all, o => o.Bottleneck == Options.Bottleneck && o.Blocks.Take(Options.Blocks.Count).SequenceEqual(Options.Blocks));
        return FormattableString.Invariant($"{(i >= 0 ? known[i] : Options.Depth)}");
    }
}
