using Tessera.NN;

namespace Tessera.Vision;

/// <summary>What a classifier says about photos as they are, and on average about enlarged corners of them.</summary>
/// <param name="Plain">p₀ <c>[N, classes]</c>.</param>
/// <param name="Augmented">p₁ <c>[N, classes]</c>, the mean of eight predictions.</param>
/// <param name="Targets">What is true: <c>[N]</c>; -1 where it is not known.</param>
public sealed record TestTimePredictions(Tensor Plain, Tensor Augmented, Tensor Targets)
{
    /// <summary>p = β·p₀ + (1 - β)·p₁ with the losses -ln p of the true classes; NaN where the class is not known.</summary>
    public ModelPredictions Mix(double beta)
    {
        var p = Scope.Run(() => (Plain * (float)beta) + (Augmented * (float)(1 - beta)));
        float[] all = p.ToArray<float>();
        long[] y = Targets.ToArray<long>();
        int classes = p.Shape[1];
        var losses = y.Select((c, i) => c < 0 ? float.NaN : -MathF.Log(Math.Max(all[(i * classes) + c], float.Epsilon)));
        return new ModelPredictions(p, Targets, Tensor.From(losses.ToArray(), [y.Length], p.Device));
    }

    /// <summary>Throws unless β is a weight.</summary>
    internal static void CheckBeta(double beta)
    {
        if (beta is not (>= 0 and <= 1)) throw new TesseraException(FormattableString.Invariant($"TestTimeAugmentation: beta: got {beta}, expected 0..1. Hint: 0.4 is usual."));
    }

    /// <summary>Throws unless corners are enlarged, or left as they are.</summary>
    internal static void CheckScale(double scale)
    {
        if (!(scale >= 1)) throw new TesseraException(FormattableString.Invariant($"TestTimeAugmentation: scale: got {scale}, expected at least 1. Hint: 1.35 is usual."));
    }

    /// <summary>The transforms of pass <paramref name="pass"/>, 0..7: those of training with crop, flip and zoom replaced by a fixed corner.</summary>
    internal static IReadOnlyList<Transform> Transforms(IEnumerable<Transform> training, int pass, double scale)
    {
        double row = pass & 1, col = (pass >> 1) & 1;
        return
        [
            .. training.Where(t => t is not (CropPad or FlipLeftRight or Dihedral or Zoom)),
            new Zoom(scale) { RowPct = row, ColPct = col },
            new CropPad { RowPct = row, ColPct = col },
            .. (pass & 4) != 0 ? [new FlipLeftRight()] : Array.Empty<Transform>(),
        ];
    }
}
