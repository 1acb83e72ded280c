namespace Tessera.NN;

public partial class Learner
{
    const double FirstScale = 65536, StaticScale = 512, LargestScale = 1 << 24;

    /// <summary>What the model computes in: Float32, or Float16 or BFloat16 with mixed precision (see <see cref="Autocast"/>). The weights are Float32 in any case.</summary>
    public DType Precision { get; private set; }

    /// <summary>The scale of the loss with float16; null without.</summary>
    public LossScaler? LossScaler { get; private set; }

    /// <summary>
    /// Mixed precision with float16 from now on, in training and prediction: products of rounded factors with float32 sums, activations of 16 bits, float32 batch norm arithmetic,
    /// output and loss, float32 weights in the optimizer, and a scaled loss (see <see cref="LossScaler"/>). Returns this learner.
    /// </summary>
    /// <param name="lossScale">The first scale, positive; default 65536, or 512 where it is static.</param>
    /// <param name="dynamic">Whether the scale follows the gradients.</param>
    /// <param name="maxNoskip">The scale is doubled after so many good steps; at least 1.</param>
    /// <param name="clip">Bound of the gradients' norm after scaling back; null for none.</param>
    /// <param name="maxScale">The largest scale.</param>
    /// <exception cref="TesseraException">An argument is out of range.</exception>
    public Learner ToFp16(double? lossScale = null, bool dynamic = true, int maxNoskip = 1000, double? clip = null, double maxScale = LargestScale)
    {
        double scale = lossScale ?? (dynamic ? Math.Min(FirstScale, maxScale) : StaticScale);
        Require(scale > 0 && double.IsFinite(scale), "lossScale", scale, "a positive number");
        Require(maxNoskip >= 1, "maxNoskip", maxNoskip, "at least 1");
        Require(clip is null or > 0, "clip", clip ?? 0, "a positive number, or null for none");
        Require(!dynamic || maxScale >= scale, "maxScale", maxScale, FormattableString.Invariant($"at least the first scale, {scale}"));
        (Precision, LossScaler) = (DType.Float16, new LossScaler(scale, dynamic, maxNoskip, clip, maxScale));
        return this;
    }

    /// <summary>Mixed precision with bfloat16 from now on: as <see cref="ToFp16"/>, but its numbers have the range of float32, so the loss is not scaled. Returns this learner.</summary>
    public Learner ToBf16()
    {
        (Precision, LossScaler) = (DType.BFloat16, null);
        return this;
    }

    /// <summary>Float32 from now on, without mixed precision. Returns this learner.</summary>
    public Learner ToFp32()
    {
        (Precision, LossScaler) = (DType.Float32, null);
        return this;
    }

    /// <summary>The model's output in float32, computed in <see cref="Precision"/>.</summary>
    private protected Tensor Output(Tensor x)
    {
        using var precision = Autocast.To(Precision);
        return Model.Call(x).To(DType.Float32);
    }

    static void Require(bool holds, string argument, double got, string expected)
    {
        if (!holds) throw new TesseraException(FormattableString.Invariant($"ToFp16: {argument}: got {got}, expected {expected}."));
    }
}
