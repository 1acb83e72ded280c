namespace Tessera.NN;

/// <summary>Dimensions from <paramref name="start"/> to <paramref name="end"/> (inclusive) joined into one; by default <c>[N, C, H, W]</c> → <c>[N, C·H·W]</c>.</summary>
public sealed class Flatten(int start = 1, int end = -1) : Module
{
    /// <inheritdoc/>
    protected override string Arguments => $"start_dim={start}, end_dim={end}";

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x) => Given(x).Flatten(start, end);
}
