namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>
    /// Batch normalisation over channel dimension 1 of x <c>[N, C, ...]</c>: y = (x - mean) / √(var + eps) · w + b. In training, mean and
    /// (biased) variance are the batch's own, and the running statistics move towards them in place, with the unbiased variance:
    /// r ← (1 - momentum)·r + momentum·batch.
    /// </summary>
    /// <param name="w">Scale <c>[C]</c>, or none.</param>
    /// <param name="b">Shift <c>[C]</c>, or none.</param>
    /// <param name="runningMean">Running mean <c>[C]</c>; may be absent in training.</param>
    /// <param name="runningVar">Running variance <c>[C]</c>; may be absent in training.</param>
    /// <param name="training">Use the batch's statistics instead of the running ones.</param>
    /// <param name="momentum">Weight of the newest batch in the running statistics.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <exception cref="ShapeException">Shapes do not fit, or only one value a channel in training.</exception>
    public Tensor BatchNorm(Tensor? w, Tensor? b, Tensor? runningMean, Tensor? runningVar, bool training, float momentum = 0.1f, float eps = 1e-5f)
    {
        if (Rank < 2) throw new ShapeException($"BatchNorm: got shape {Shape}, expected at least [N, C].");
        RequireFloat("BatchNorm");
        Tensor?[] parameters = [w, b, runningMean, runningVar];
        foreach (var p in parameters)
            if (p is not null && p.Shape != new Shape(Shape[1]))
                throw new ShapeException($"BatchNorm: got a parameter of shape {p.Shape}, expected [{Shape[1]}] for the channels of x {Shape}.");
        if (training && Count <= Shape[1])
            throw new ShapeException($"BatchNorm: got shape {Shape}, expected more than one value a channel in training. Hint: drop the last batch where it has one item.");
        if (Rank != 4)
        {
            int rest = 1;
            foreach (int d in Shape.Dims[2..]) rest *= d;
            return Reshape(Shape[0], Shape[1], rest, 1).BatchNorm(w, b, runningMean, runningVar, training, momentum, eps).Reshape(Shape);
        }
        if (w is null != b is null)
        {
            w ??= Ones(b!.Shape, Device);
            b ??= Zeros(w.Shape, Device);
        }
        if (!training)
        {
            if (runningMean is null || runningVar is null) throw new ShapeException("BatchNorm: no running statistics: got none, expected a mean and a variance where training is off.");
            return w is null ? new BatchNormInferOp(eps).Apply(this, runningMean, runningVar) : new BatchNormInferOp(eps).Apply(this, runningMean, runningVar, w, b!);
        }
        var op = new BatchNormTrainOp(runningMean, runningVar, momentum, eps);
        return w is null ? op.Apply(this) : op.Apply(this, w, b!);
    }

    /// <summary>Inputs: x, w, b.</summary>
    sealed class BatchNormTrainOp(Tensor? runningMean, Tensor? runningVar, float momentum, float eps) : Op
    {
        Tensor? mean, invStd;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var a = x[0].Contiguous();
            bool affine = x.Length > 1;
            var y = Empty(a.Shape, DType.Float32, a.Device);
            mean = Save(Empty([a.Shape[1]], DType.Float32, a.Device));
            invStd = Save(Empty([a.Shape[1]], DType.Float32, a.Device));
            a.Backend.BatchNormTrain(a.View, affine ? x[1].Contiguous().View : null, affine ? x[2].Contiguous().View : null, y.View, mean.View, invStd.View, eps);
            if (runningMean is not null) Move(runningMean, mean);
            if (runningVar is not null)
            {
                float n = (float)a.Count / a.Shape[1];
                Move(runningVar, (invStd.Square().Reciprocal() - eps) * (n / (n - 1))); // var = 1/invStd² - eps
            }
            return y;
        }

        protected override bool Saves(int i) => i < 2;

        // x̂ = (x - mean)·invStd:  gb = Σ g,  gw = Σ g·x̂,  gx = w·invStd·(g - mean(g) - x̂·mean(g·x̂))
        protected override void Gradients(Tensor g, Tensor?[] grads)
        {
            for (int i = 0; i < grads.Length; i++)
                if (Needs(i)) grads[i] = Empty(InputShape(i), DType.Float32, g.Device);
            bool affine = grads.Length > 1;
            g.Backend.BatchNormBackward(
                g.Contiguous().View, Input(0).Contiguous().View, affine ? Input(1).Contiguous().View : null, mean!.View, invStd!.View,
                grads[0]?.View, affine ? grads[1]?.View : null, affine ? grads[2]?.View : null);
        }

        protected override Tensor? Gradient(int i, Tensor g) => null; // all at once above

        /// <summary>r ← r + momentum·(batch - r), in place.</summary>
        void Move(Tensor r, Tensor batch)
        {
            r.Backend.Binary(new Ops.Lerp(momentum), r.View, batch.View, r.View);
            r.View.Storage.Touch();
        }
    }

    /// <summary>Inputs: x, mean, var, w, b.</summary>
    sealed class BatchNormInferOp(float eps) : Op
    {
        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            bool affine = x.Length > 3;
            var a = x[0].Contiguous();
            var y = Empty(a.Shape, DType.Float32, a.Device);
            a.Backend.BatchNormInfer(
                a.View, affine ? x[3].Contiguous().View : null, affine ? x[4].Contiguous().View : null,
                x[1].Contiguous().View, x[2].Contiguous().View, y.View, eps);
            return y;
        }

        protected override bool Saves(int i) => i switch { 0 or 1 => Needs(2) || (Inputs.Length > 3 && Needs(3)), 2 or 3 => true, _ => false };

        // s = 1/√(var + eps):  gx = g·w·s,  gw = Σ g·(x - mean)·s,  gb = Σ g,  gmean = -Σ g·w·s,  gvar = -Σ g·w·(x - mean)·s³/2
        protected override Tensor? Gradient(int i, Tensor g)
        {
            var s = (Input(2) + eps).Rsqrt();
            var ws = Inputs.Length > 3 ? Input(3) * s : s;
            if (i == 0) return g * Channels(ws, 4, Name);
            if (i == 4) return g.Sum([0, 2, 3]);
            if (i == 1) return -(g.Sum([0, 2, 3]) * ws);
            var moment = (g * (Input(0) - Channels(Input(1), 4, Name))).Sum([0, 2, 3]);
            return i == 3 ? moment * s : moment * ws * s.Square() * -0.5f;
        }
    }
}
