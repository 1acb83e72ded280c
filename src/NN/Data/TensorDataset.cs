namespace Tessera.NN;

/// <summary>Items that lie in memory already.</summary>
public sealed class TensorDataset : Dataset
{
    readonly float[] elements;
    readonly long[] labels;
    readonly int size;

    /// <summary>One item a row of <paramref name="x"/>; both tensors are copied.</summary>
    /// <param name="x"><c>[N, ...]</c>, cast to Float32.</param>
    /// <param name="y">Classes <c>[N]</c>, cast to Int64.</param>
    /// <exception cref="ShapeException">The numbers of items differ.</exception>
    public TensorDataset(Tensor x, Tensor y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        if (x.Rank == 0 || y.Rank != 1 || x.Shape[0] != y.Shape[0])
            throw new ShapeException($"TensorDataset: items and labels: got x {x.Shape} and y {y.Shape}, expected [N, ...] and [N]. Hint: give one label an item.");
        using var scope = Scope.Begin();
        var ordered = x.Rank == 4 ? x.Permute(0, 2, 3, 1) : x;
        elements = ordered.To(DType.Float32).ToArray<float>();
        labels = y.To(DType.Int64).ToArray<long>();
        InputShape = new Shape(x.Shape.Dims[1..]);
        size = (int)InputShape.Count;
    }

    /// <inheritdoc/>
    public override int Count => labels.Length;

    /// <inheritdoc/>
    public override Shape InputShape { get; }

    /// <inheritdoc/>
    public override IEnumerable<(string Part, string Content)> Identify() => [("items", $"SHA-256 {RunIdentity.Hash(elements, labels)}")];

    /// <inheritdoc/>
    public override void Load(int item, Philox random, Span<float> x, out long label)
    {
        elements.AsSpan(item * size, size).CopyTo(x);
        label = labels[item];
    }
}
