using System.Globalization;
using System.Text;

namespace Tessera.NN;

/// <summary>What a look at an ONNX file shows.</summary>
/// <param name="File">Its name.</param>
/// <param name="Producer">The program that wrote it.</param>
/// <param name="Opset">Version of the standard operator set.</param>
/// <param name="Inputs">What the network is given.</param>
/// <param name="Outputs">What it computes.</param>
/// <param name="Nodes">Number of nodes.</param>
/// <param name="Operators">Operators and how often each occurs, the most frequent first.</param>
/// <param name="Unsupported">Those of them that cannot be run.</param>
/// <param name="Parameters">Stored floating-point numbers, running statistics of batch norms left out.</param>
/// <param name="BatchNorms">Batch norms in the graph.</param>
/// <param name="FoldedBatchNorms">Convolutions with a bias and no batch norm behind: the batch norm was folded in, or never was.</param>
public sealed record OnnxReport(
    string File, string Producer, int Opset, IReadOnlyList<OnnxValue> Inputs, IReadOnlyList<OnnxValue> Outputs, int Nodes,
    IReadOnlyDictionary<string, int> Operators, IReadOnlyList<string> Unsupported, long Parameters, int BatchNorms, int FoldedBatchNorms)
{
    /// <summary>
    /// Operators that scale or shift the input before the first convolution: the graph prepares photos itself, and may expect 0 to 255 or blue before red. None where it takes
    /// its input as it is.
    /// </summary>
    public IReadOnlyList<string> Preprocessing { get; init; } = [];

    /// <summary>What to do about it; null where there is nothing.</summary>
    internal string? PreprocessingHint => Preprocessing.Count == 0 ? null
        : $"{File}: the graph prepares photos itself: {string.Join(", ", Preprocessing)} before the first convolution. It may normalise, "
            + "and expect 0 to 255 or blue before red, where it is given red, green, blue of 0 to 1. "
            + "Hint: leave out Normalize where the graph normalises, and compare its output for a known photo.";

    /// <summary>Several lines for a reader.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{File}: operator set {Opset}{(Producer.Length > 0 ? $", written by {Producer}" : "")}\n");
        foreach (var input in Inputs) text.Append(CultureInfo.InvariantCulture, $"  input  {input}\n");
        foreach (var output in Outputs) text.Append(CultureInfo.InvariantCulture, $"  output {output}\n");
        text.Append(CultureInfo.InvariantCulture, $"  {Nodes} nodes: {string.Join(", ", Operators.Select(o => $"{o.Value} {o.Key}"))}\n");
        if (PreprocessingHint is { } hint) text.Append(CultureInfo.InvariantCulture, $"  {hint[(File.Length + 2)..]}\n");
        if (Unsupported.Count > 0) text.Append(CultureInfo.InvariantCulture, $"  not supported: {string.Join(", ", Unsupported)}\n");
        text.Append(CultureInfo.InvariantCulture, $"  {Parameters:N0} parameters, {BatchNorms} batch norms");
        if (FoldedBatchNorms > 0)
            text.Append(CultureInfo.InvariantCulture,
                $"; {FoldedBatchNorms} convolutions with a bias and no batch norm: folded by the exporter, "
                    + $"so a frozen body cannot follow new images. RecreateBatchNorms(images) puts them back");
        return text.Append(".\n").ToString();
    }
}

public sealed partial class OnnxModel
{
    /// <summary>What a look at the file shows, without building the network.</summary>
    public OnnxReport Report()
    {
        var statistics = Nodes.Where(n => n.Op == "BatchNormalization").SelectMany(n => n.Inputs.Skip(3)).ToHashSet(StringComparer.Ordinal);
        var normalized = Nodes.Where(n => n.Op == "BatchNormalization").Select(n => n.Input(0)).ToHashSet(StringComparer.Ordinal);
        long parameters = initializers.Values.Where(t => OnnxTensors.Kept(t.DataType) == DType.Float32 && !statistics.Contains(t.Name)).Sum(t => ShapeOf(t.Name)!.Value.Count);
        return new OnnxReport(
            File, Producer, Opset, Inputs, Outputs, Nodes.Count,
            Nodes.CountBy(n => n.Op, StringComparer.Ordinal).OrderByDescending(p => p.Value).ThenBy(p => p.Key, StringComparer.Ordinal)
                .Aggregate(new OrderedDictionary<string, int>(StringComparer.Ordinal), (all, p) => { all.Add(p.Key, p.Value); return all; }),
            [.. Nodes.Where(n => !OnnxOperators.Supports(n)).Select(n => n.Op).Distinct(StringComparer.Ordinal)],
            parameters,
            Nodes.Count(n => n.Op == "BatchNormalization"),
            Nodes.Count(n => n.Op == "Conv" && n.Input(2) is not null && !normalized.Contains(n.Outputs[0])))
        {
            Preprocessing = OnnxPreprocessing.Of(this),
        };
    }

    /// <summary>The report as text.</summary>
    public string Describe() => Report().ToString();
}
