namespace Tessera.NN;

/// <summary>
/// A convolution and what stands behind it, run together: relu(norm(conv(x)) + residual). In training, batch norm takes its statistics from the
/// convolution and the rest is one pass. Where no gradient is wanted and the statistics are the running ones, the batch norm is folded into the
/// convolution's weights and all is one pass. It is no module: the parts are, and whoever watches modules sees them called one by one.
/// </summary>
/// <param name="conv">The convolution.</param>
/// <param name="norm">The batch norm behind it, or the place of one that was folded; or none.</param>
internal sealed class ConvUnit(Conv2d conv, Module? norm)
{
    const int LeastPixels = 16; // smaller maps are products of few rows, which are computed in another way

    readonly Lock gate = new();
    Folded? folded;

    /// <summary>relu(norm(conv(x)) + residual), the residual and the ReLU where wanted.</summary>
    public Tensor Forward(Tensor x, Tensor? residual = null, bool relu = false)
    {
        using var scope = Scope.Local();
        return scope.Return(Module.IsWatched || Autograd.IsGuided || norm is FoldedNorm { Statistics: not null } ? OneByOne(x, residual, relu) : Together(x, residual, relu));
    }

    /// <summary>y ← relu(norm(conv(x))), where <see cref="IsOnePass"/>; y may be some channels of a tensor.</summary>
    public void ForwardInto(Tensor x, Tensor y, bool relu)
    {
        using var scope = Scope.Begin();
        var (w, b) = norm is BatchNorm bn ? Weights(bn) : (conv.Weight, conv.Bias);
        using var noGrad = Autograd.NoGrad();
        x.Conv2dInto(y, w, b, conv.Window, relu);
    }

    /// <summary>True where nobody watches and all is one convolution that no gradient is wanted of.</summary>
    public bool IsOnePass(Tensor x) => !Module.IsWatched && Autocast.Type == DType.Float32 && IsPerItem && !Records(x);

    bool Records(Tensor x) => Autograd.IsEnabled && (x.RequiresGrad || conv.Parameters().Concat(norm?.Parameters() ?? []).Any(p => p.RequiresGrad));

    /// <summary>Shape of the result for an input [N, C, H, W].</summary>
    public Shape OutputShape(Shape x) => [x[0], conv.Weight.Shape[0], conv.Window.OutH(x[2]), conv.Window.OutW(x[3])];

    /// <summary>True where every item of a batch is computed by itself: no statistics are taken.</summary>
    public bool IsPerItem => norm is not (BatchNorm { IsTraining: true } or FoldedNorm { Statistics: not null });

    /// <summary>That shape where every item of a batch is computed by itself, and in the same way in a batch of one; null else.</summary>
    public Shape? ItemShape(Shape x)
    {
        if (!IsPerItem || x[1] != conv.Weight.Shape[1] * conv.Window.Groups) return null;
        var y = OutputShape(x);
        return y.Count > 0 && y[2] * (long)y[3] >= LeastPixels && Algorithm(x) == Algorithm(x.With(0, 1)) ? y : default(Shape?);

        ConvolutionAlgorithm Algorithm(Shape x) => ConvolutionPlan.Of(ConvolutionPass.Forward, x, conv.Weight.Shape, conv.Window).Algorithm;
    }

    Tensor OneByOne(Tensor x, Tensor? residual, bool relu)
    {
        var y = conv.Call(x);
        if (norm is not null) y = norm.Call(y);
        if (residual is not null) y += residual;
        return relu ? y.Relu() : y;
    }

    Tensor Together(Tensor x, Tensor? residual, bool relu)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (norm is not BatchNorm bn) return x.Conv2d(conv.Weight, conv.Bias, conv.Window, residual, relu);
        if (bn.IsTraining)
        {
            Forget();
            var (y, moments) = x.Conv2dWithMoments(conv.Weight, conv.Bias, conv.Window);
            return bn.Forward(y, residual, relu, moments);
        }
        if (Records(x)) return bn.Forward(conv.Forward(x), residual, relu);
        var (w, b) = Weights(bn);
        return x.Conv2d(w, b, conv.Window, residual, relu);
    }

    /// <summary>Weights and bias with the batch norm folded in; made again when a tensor they come from was written.</summary>
    (Tensor W, Tensor B) Weights(BatchNorm bn)
    {
        lock (gate)
        {
            if (folded is null || !folded.IsOf(conv, bn))
            {
                Forget();
                folded = Folded.Of(conv, bn);
            }
            return (folded.W.Detach(), folded.B.Detach()); // uses of their own: another thread may fold anew meanwhile
        }
    }

    void Forget()
    {
        if (folded is null) return;
        lock (gate)
        {
            folded?.Dispose();
            folded = null;
        }
    }

    /// <summary>W = w·s and B = (b - mean)·s + shift with s = scale / √(var + eps), for each output channel.</summary>
    sealed record Folded(Tensor W, Tensor B, int[] Versions) : IDisposable
    {
        public static Folded Of(Conv2d conv, BatchNorm bn)
        {
            using var noGrad = Autograd.NoGrad();
            using var scope = Scope.Begin();
            var s = bn.Weight * (bn.RunningVar + (float)bn.Eps).Rsqrt();
            var w = conv.Weight * s.Reshape(-1, 1, 1, 1);
            var b = bn.Bias + (((conv.Bias is { } bias ? bias : Tensor.Zeros(s.Shape, s.Device)) - bn.RunningMean) * s);
            return new Folded(Scope.Keep(w), Scope.Keep(b), [.. Sources(conv, bn).Select(t => t.View.Storage.Version)]);
        }

        public bool IsOf(Conv2d conv, BatchNorm bn)
        {
            int i = 0;
            foreach (var t in Sources(conv, bn))
                if (t.View.Storage.Version != Versions[i++]) return false;
            return true;
        }

        static Tensor[] Sources(Conv2d conv, BatchNorm bn) => [conv.Weight, conv.Bias ?? conv.Weight, bn.Weight, bn.Bias, bn.RunningMean, bn.RunningVar];

        public void Dispose()
        {
            W.Dispose();
            B.Dispose();
        }
    }
}
