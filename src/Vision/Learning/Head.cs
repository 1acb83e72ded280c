using Tessera.NN;

namespace Tessera.Vision;

/// <summary>The part of a classifier that is trained from the start: from the features of a body to the scores of the classes.</summary>
public static class Head
{
    /// <summary>
    /// Concatenated max and average pool, flatten, then for each layer batch norm, dropout and linear, with ReLU between:
    /// 2f → 512 → classes by default. Linear weights start kaiming-normal, √(2/fan_in), biases at 0.
    /// </summary>
    /// <param name="features">Channels f of the body's last feature map.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="hidden">Widths of the hidden layers; null for one of 512.</param>
    /// <param name="dropout">Probability p of the last dropout; the earlier ones use p/2.</param>
    /// <param name="bnFinal">Adds a batch norm (momentum 0.01) of the scores.</param>
    /// <param name="dropouts">The probability of each dropout instead, one a hidden layer and one for the last.</param>
    /// <param name="concatPool">False: an average pool alone, f → 512 → classes.</param>
    /// <param name="init">What fills the linear weights; null for kaiming-normal.</param>
    /// <exception cref="TesseraException">The number of <paramref name="dropouts"/> is not that of the layers, or a size or probability is out of range.</exception>
    public static Sequential Create(
        int features, int classes, IReadOnlyList<int>? hidden = null, double dropout = 0.5, bool bnFinal = false, IReadOnlyList<double>? dropouts = null, bool concatPool = true,
        Action<Tensor>? init = null)
    {
        int[] widths = [concatPool ? 2 * features : features, .. hidden ?? [512], classes];
        double[] p = Probabilities(widths.Length - 1, dropout, dropouts);
        List<Module> layers = [concatPool ? new AdaptiveConcatPool2d(1) : new AdaptiveAvgPool2d(1), new Flatten()];
        for (int i = 0; i + 1 < widths.Length; i++)
        {
            layers.Add(new BatchNorm1d(widths[i]));
            layers.Add(new Dropout(p[i]));
            var linear = new Linear(widths[i], widths[i + 1]);
            Initialize(linear, init ?? KaimingNormal);
            layers.Add(linear);
            if (i + 2 < widths.Length) layers.Add(new Relu());
        }
        if (bnFinal) layers.Add(new BatchNorm1d(classes, momentum: 0.01));
        return new Sequential([.. layers]);
    }

    /// <summary>The lesson's start: √(2/fan_in).</summary>
    internal static Action<Tensor> KaimingNormal { get; } = w => Init.KaimingNormal(w);

    /// <summary>Fills the weights of all layers but norms, and sets their biases to 0.</summary>
    internal static void Initialize(Module head, Action<Tensor> init)
    {
        foreach (var (_, module) in head.NamedModules())
        {
            if (module is BatchNorm or LayerNorm or GroupNorm) continue;
            foreach (var (name, tensor) in module.OwnParameters.Where(p => p.Tensor.RequiresGrad))
            {
                if (tensor.Rank > 1) init(tensor);
                else if (name == "bias") Init.Zeros(tensor);
            }
        }
    }

    static double[] Probabilities(int layers, double last, IReadOnlyList<double>? each) => each is null ? [.. Enumerable.Repeat(last / 2, layers - 1), last]
        : each.Count == layers ? [.. each]
        : throw new TesseraException(FormattableString.Invariant(
            $"Head: dropouts: got {each.Count} probabilities, expected {layers}: one for each of {layers - 1} hidden layers and one for the last. ")
                + "Hint: dropout is one number for all: half of it for the hidden layers.");
}
