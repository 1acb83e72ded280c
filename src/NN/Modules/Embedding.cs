namespace Tessera.NN;

/// <summary>A table of vectors: indices (Int64, any shape) → their rows, <c>[..., dim]</c>. Rows start as standard normal numbers.</summary>
public sealed class Embedding : Module
{
    readonly int? paddingIndex;

    /// <summary>A table.</summary>
    /// <param name="count">Number of rows.</param>
    /// <param name="dim">Length of a row.</param>
    /// <param name="paddingIndex">A row that starts as zeros and is never trained.</param>
    public Embedding(int count, int dim, int? paddingIndex = null)
    {
        Channels.Require(nameof(Embedding), "rows", count);
        Channels.Require(nameof(Embedding), "length of a row", dim);
        this.paddingIndex = paddingIndex;
        var w = Init.Normal(Tensor.Empty([count, dim]));
        if (paddingIndex is { } row)
        {
            using var padding = w.Narrow(0, row, 1);
            Init.Zeros(padding);
        }
        Weight = RegisterParameter("weight", w);
    }

    /// <summary>The rows <c>[count, dim]</c>.</summary>
    public Tensor Weight { get; }

    /// <inheritdoc/>
    protected override string Arguments => $"{Weight.Shape[0]}, {Weight.Shape[1]}{(paddingIndex is { } i ? $", padding_idx={i}" : "")}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Weight.Embedding(x, paddingIndex);
}
