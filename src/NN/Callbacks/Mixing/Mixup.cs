namespace Tessera.NN;

/// <summary>
/// Trains on weighted means of two items (Zhang et al., "mixup", 2018): x ← λx + (1-λ)x', loss ← λ·loss(y) + (1-λ)·loss(y'), x' and y' another item of the batch,
/// and for each item λ = max(b, 1-b), b ~ Beta(α, α). Validation sees the items themselves.
/// </summary>
/// <param name="alpha">α, positive: the larger, the nearer λ is to a half.</param>
public sealed class Mixup(double alpha = 0.4) : Callback
{
    readonly double alpha = Mixing.Positive(nameof(Mixup), alpha);

    /// <summary>The λ of the latest batch, an item.</summary>
    public IReadOnlyList<float> Weights { get; private set; } = [];

    internal override CallbackSettings? Settings => new(nameof(Mixup), [alpha]);

    /// <inheritdoc/>
    public override void BatchBegin(TrainingState s)
    {
        ArgumentNullException.ThrowIfNull(s);
        if (!s.IsTraining) return;
        var random = Generator.Default.Next();
        int n = s.X.Shape[0];
        float[] weights = [.. Enumerable.Range(0, n).Select(i => Beta.Sample(alpha, random.At(1, (uint)i))).Select(b => (float)Math.Max(b, 1 - b))];
        var partner = Mixing.Partners(random, s.X);
        var weight = Tensor.From(weights, [n], s.X.Device);
        var perItem = weight.Reshape([n, .. Enumerable.Repeat(1, s.X.Rank - 1)]);
        s.X = (s.X * perItem) + (s.X.IndexSelect(0, partner) * (1f - perItem));
        s.LossFunction = new MixedLoss(s.LossFunction, s.Y.IndexSelect(0, partner), weight);
        Weights = weights;
    }
}
