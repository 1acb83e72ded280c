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
    public static Sequential Create(int features, int classes, IReadOnlyList<int>? hidden = null, double dropout = 0.5, bool bnFinal = false)
    {
        int[] widths = [2 * features, .. hidden ?? [512], classes];
        List<Module> layers = [new AdaptiveConcatPool2d(1), new Flatten()];
        for (int i = 0; i + 1 < widths.Length; i++)
        {
            bool last = i + 2 == widths.Length;
            layers.Add(new BatchNorm1d(widths[i]));
            layers.Add(new Dropout(last ? dropout : dropout / 2));
            var linear = new Linear(widths[i], widths[i + 1]);
            Init.KaimingNormal(linear.Weight);
            Init.Zeros(linear.Bias!);
            layers.Add(linear);
            if (!last) layers.Add(new Relu());
        }
        if (bnFinal) layers.Add(new BatchNorm1d(classes, momentum: 0.01));
        return new Sequential([.. layers]);
    }
}
