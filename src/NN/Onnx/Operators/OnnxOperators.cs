using System.Collections.Frozen;
using System.Text;

namespace Tessera.NN;

/// <summary>One supported operator.</summary>
/// <param name="Name">Its name in the standard domain.</param>
/// <param name="MinOpset">First operator set whose meaning is implemented.</param>
/// <param name="Run">Outputs from inputs; outputs nobody wants may be missing.</param>
/// <param name="Note">What is left out, in a few words.</param>
internal sealed record OnnxOperator(string Name, int MinOpset, Func<NodeCall, Tensor[]> Run, string Note = "")
{
    /// <summary>An operator with one output.</summary>
    public static OnnxOperator One(string name, int minOpset, Func<NodeCall, Tensor> run, string note = "")
        => new(name, minOpset, c => [run(c)], note);
}

/// <summary>The table of supported operators. An operator is one line in the file of its family.</summary>
internal static partial class OnnxOperators
{
    static readonly FrozenDictionary<string, OnnxOperator> table =
        new[] { Maps, Logic, ShapeOps, Indexing, Reductions, Networks, Resizing, Constants }
            .SelectMany(family => family)
            .ToFrozenDictionary(o => o.Name, StringComparer.Ordinal);

    static readonly FrozenSet<string> broadcasting = Maps.Concat(Logic).Select(o => o.Name).ToFrozenSet(StringComparer.Ordinal);

    /// <summary>True for an operator on single elements, whose inputs are broadcast.</summary>
    public static bool Broadcasts(string op) => broadcasting.Contains(op);

    /// <summary>All supported operators by name.</summary>
    public static IEnumerable<OnnxOperator> All => table.Values.OrderBy(o => o.Name, StringComparer.Ordinal);

    /// <summary>The operator of a node.</summary>
    /// <exception cref="DataException">It is not supported; the message names node, operator, opset and the supported ones.</exception>
    public static OnnxOperator Of(OnnxNode node)
    {
        if (node.Domain.Length > 0) throw node.Error($"operator of domain '{node.Domain}' is not supported", node.Op, $"one of the standard domain: {Names()}");
        if (!table.TryGetValue(node.Op, out var op)) throw node.Error("operator is not supported", node.Op, $"one of {Names()}");
        return node.Opset >= op.MinOpset
            ? op
            : throw node.Error("operator is not supported in this operator set", node.Opset, $"{op.MinOpset}..{OnnxModel.MaxOpset}");
    }

    /// <summary>True for a node whose operator can be run.</summary>
    public static bool Supports(OnnxNode node) => node.Domain.Length == 0 && table.TryGetValue(node.Op, out var op) && node.Opset >= op.MinOpset;

    /// <summary>The page docs/onnx-operators.md.</summary>
    public static string Page()
    {
        var page = new StringBuilder();
        page.Append("# Supported ONNX operators\n\n");
        page.Append("Generated from the operator table; a test keeps the two equal. Half, bfloat16 and double are computed in float32.\n\n");
        page.Append("| operator | opsets | left out |\n|---|---|---|\n");
        foreach (var op in All) page.Append(System.Globalization.CultureInfo.InvariantCulture, $"| {op.Name} | {op.MinOpset}-{OnnxModel.MaxOpset} | {op.Note} |\n");
        return page.ToString();
    }

    static string Names() => string.Join(", ", All.Select(o => o.Name));

    static OnnxOperator One(string name, int minOpset, Func<NodeCall, Tensor> run, string note = "") => OnnxOperator.One(name, minOpset, run, note);
}
