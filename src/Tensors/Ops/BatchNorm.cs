namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>
    /// Batch normalisation over channel dimension 1 of x <c>[N, C, ...]</c>, and what follows it in a residual network:
    /// y = relu((x - mean) / √(var + eps) · w + b + residual). In training, mean and (biased) variance are the batch's own, and the running
    /// statistics move towards them in place, with the unbiased variance: r ← (1 - momentum)·r + momentum·batch.
    /// The whole is one pass over memory; its result is that of the separate operations.
    /// </summary>
    /// <param name="w">Scale <c>[C]</c>, or none.</param>
    /// <param name="b">Shift <c>[C]</c>, or none.</param>
    /// <param name="runningMean">Running mean <c>[C]</c>; may be absent in training. No gradient flows into it.</param>
    /// <param name="runningVar">Running variance <c>[C]</c>; may be absent in training. No gradient flows into it.</param>
    /// <param name="training">Use the batch's statistics instead of the running ones.</param>
    /// <param name="momentum">Weight of the newest batch in the running statistics.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="residual">Added behind the normalisation, of the shape of x; or none.</param>
    /// <param name="relu">Whether negative results become 0.</param>
    /// <param name="moments">In training: mean and variance of x <c>[2, C]</c>, where they are known; see <see cref="Conv2dWithMoments"/>.</param>
    /// <exception cref="ShapeException">Shapes do not fit, or only one value a channel in training.</exception>
    public Tensor BatchNorm(
        Tensor? w, Tensor? b, Tensor? runningMean, Tensor? runningVar, bool training, float momentum = 0.1f, float eps = 1e-5f, Tensor? residual = null, bool relu = false,
        Tensor? moments = null)
    {
        if (Rank < 2) throw new ShapeException($"BatchNorm: got shape {Shape}, expected at least [N, C].");
        RequireFloat("BatchNorm");
        residual?.RequireFloat("BatchNorm");
        Tensor?[] parameters = [w, b, runningMean, runningVar];
        foreach (var p in parameters)
            if (p is not null && p.Shape != new Shape(Shape[1]))
                throw new ShapeException($"BatchNorm: got a parameter of shape {p.Shape}, expected [{Shape[1]}] for the channels of x {Shape}.");
        if (residual is not null && residual.Shape != Shape)
            throw new ShapeException($"BatchNorm: residual: got shape {residual.Shape}, expected that of x, {Shape}.");
        if (moments is not null && moments.Shape != new Shape(2, Shape[1]))
            throw new ShapeException($"BatchNorm: moments: got shape {moments.Shape}, expected [2, {Shape[1]}] for the channels of x {Shape}.");
        if (training && Count <= Shape[1])
            throw new ShapeException($"BatchNorm: got shape {Shape}, expected more than one value a channel in training. Hint: batches of 2 or more, and no last batch of one item.");
        if (!training && (runningMean is null || runningVar is null))
            throw new ShapeException("BatchNorm: no running statistics: got none, expected a mean and a variance where training is off.");
        if (Rank != 4)
        {
            int rest = 1;
            foreach (int d in Shape.Dims[2..]) rest *= d;
            Shape flat = [Shape[0], Shape[1], rest, 1];
            return Reshape(flat).BatchNorm(w, b, runningMean, runningVar, training, momentum, eps, residual?.Reshape(flat), relu, moments).Reshape(Shape);
        }
        w ??= Ones([Shape[1]], Device);
        b ??= Zeros([Shape[1]], Device);
        var op = new BatchNormOp(runningMean, runningVar, training ? moments : null, training, momentum, eps, relu);
        return residual is null ? op.Apply(this, w, b) : op.Apply(this, w, b, residual);
    }

    /// <summary>Inputs: x, w, b, and the residual if any.</summary>
    sealed class BatchNormOp(Tensor? runningMean, Tensor? runningVar, Tensor? known, bool training, float momentum, float eps, bool relu) : Op
    {
        Tensor? moments; // [2, C]: mean and variance of the batch, or copies of the running ones
        DType stored;    // of x, residual and y

        public override string Name => "BatchNorm";

        private protected override Mixing Mixing => Mixing.Own;

        public override IReadOnlyDictionary<string, object?> Arguments => Named(("runningMean", runningMean), ("runningVar", runningVar), ("training", training), ("momentum", momentum), ("eps", eps), ("relu", relu));

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            stored = x[0].Is16Bit || (x.Length > 3 && x[3].Is16Bit) ? Autocast.Type : DType.Float32;
            var a = x[0].As(stored).Contiguous();
            var y = Empty(a.Shape, stored, a.Device);
            View? residual = x.Length > 3 ? x[3].As(stored).Contiguous().View : null;
            moments = Save(known ?? Empty([2, a.Shape[1]], DType.Float32, a.Device));
            if (a.Is16Bit)
            {
                if (!training) CopyRunning();
                else if (known is null) a.Backend.Moments(a.Widened().View, moments.View, 1);
                a.Backend.BatchNorm16(a.View, Norm(x[1], x[2]), residual, relu, y.View);
            }
            else if (training && known is null) a.Backend.BatchNormOfBatch(a.View, moments.View, eps, x[1].Contiguous().View, x[2].Contiguous().View, residual, relu, y.View);
            else
            {
                if (!training) CopyRunning();
                a.Backend.BatchNorm(a.View, Norm(x[1], x[2]), residual, relu, y.View);
            }
            if (training) MoveRunning(a.Count / a.Shape[1]);
            return y;
        }

        protected override bool Saves(int i) => i < 3;

        protected override bool SavesOutput => relu && Inputs.Length > 3;

        // g = gy where y > 0;  x̂ = (x - mean)/√(var + eps):  gb = Σ g,  gw = Σ g·x̂,  gresidual = g,
        // gx = w/√(var + eps)·(g - mean(g) - x̂·mean(g·x̂)), without the means where the statistics are the running ones
        protected override void Gradients(Tensor g, Tensor?[] grads)
        {
            g = g.As(stored).Contiguous();
            bool residual = grads.Length > 3;
            int reused = residual ? 3 : 0; // takes over g's memory
            for (int i = 0; i < grads.Length; i++)
                if (Needs(i)) grads[i] = i == reused && g.IsSole ? g : Empty(InputShape(i), i is 1 or 2 ? DType.Float32 : stored, g.Device);
            View x = Input(0).As(stored).Contiguous().View;
            View? y = residual && relu ? Output.View : null;
            var norm = Norm(Input(1), Input(2));
            if (g.Is16Bit) g.Backend.BatchNorm16Backward(g.View, x, y, norm, relu, given: !training, grads[0]?.View, residual ? grads[3]?.View : null, grads[1]?.View, grads[2]?.View);
            else g.Backend.BatchNormBackward(g.View, x, y, norm, relu, given: !training, grads[0]?.View, residual ? grads[3]?.View : null, grads[1]?.View, grads[2]?.View);
        }

        protected override Tensor? Gradient(int i, Tensor g) => null; // all at once above

        ChannelNorm Norm(Tensor w, Tensor b) => new(Row(moments!, 0), Row(moments!, 1), eps, w.Widened().Contiguous().View, b.Widened().Contiguous().View);

        void CopyRunning()
        {
            moments!.Backend.Copy(runningMean!.View, Row(moments, 0));
            moments.Backend.Copy(runningVar!.View, Row(moments, 1));
        }

        /// <summary>r ← r + momentum·(batch - r) for mean and unbiased variance, in place.</summary>
        void MoveRunning(long n)
        {
            moments!.Backend.MoveStatistics(moments.View, runningMean?.View, runningVar?.View, momentum, (float)n / (n - 1));
            runningMean?.View.Storage.Touch();
            runningVar?.View.Storage.Touch();
        }

        static View Row(Tensor moments, int i) => moments.View.Slice(0, i, 1).Reshape([moments.Shape[1]]);
    }
}
