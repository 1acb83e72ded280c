using System.Globalization;

namespace Tessera.NN;

/// <summary>λ·loss(y) + (1-λ)·loss(y'), the mean over the items.</summary>
/// <param name="loss">The loss of an item.</param>
/// <param name="others">y' <c>[N]</c>.</param>
/// <param name="weight">λ <c>[N]</c>.</param>
sealed class MixedLoss(Loss loss, Tensor others, Tensor weight) : Loss
{
    public override Tensor Forward(Tensor output, Tensor target) => PerItem(output, target).Mean();

    public override Tensor PerItem(Tensor output, Tensor target) =>
        (loss.PerItem(output, target) * weight) + (loss.PerItem(output, others) * (1f - weight));

    public override Tensor Activation(Tensor output) => loss.Activation(output);
}

/// <summary>What mixing callbacks share.</summary>
static class Mixing
{
    /// <summary>For each item of a batch another one: a permutation <c>[N]</c>.</summary>
    public static Tensor Partners(Philox random, Tensor x) =>
        Tensor.From([.. random.At(0, 0).Permutation(x.Shape[0]).Select(i => (long)i)], [x.Shape[0]], x.Device);

    public static double Positive(string callback, double alpha) => alpha > 0 && double.IsFinite(alpha)
        ? alpha
        : throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"{callback}: alpha: got {alpha}, expected a positive number. Hint: 0.4 is usual for Mixup, 1 for CutMix."));
}
