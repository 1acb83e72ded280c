namespace Tessera.NN;

/// <summary>Mean and biased variance of each channel over any number of activations <c>[N, C, H, W]</c>, merged in double precision.</summary>
internal sealed class ChannelStatistics
{
    double[] mean = [], sumOfSquares = []; // of deviations from the mean
    double count;

    /// <summary>Takes in a batch of activations.</summary>
    public void Add(Tensor y)
    {
        using var scope = Scope.Begin();
        int[] dims = [0, 2, 3];
        float[] m = y.Mean(dims).ToArray<float>(), v = y.Var(dims, unbiased: false).ToArray<float>();
        if (mean.Length == 0) (mean, sumOfSquares) = (new double[m.Length], new double[m.Length]);
        double n = y.Count / m.Length, total = count + n;
        for (int c = 0; c < m.Length; c++)
        {
            double d = m[c] - mean[c];
            mean[c] += d * n / total;
            sumOfSquares[c] += (v[c] * n) + (d * d * count * n / total);
        }
        count = total;
    }

    /// <summary>
    /// Makes a batch norm behind a convolution without bias equal the same convolution with bias b, whose outputs were measured as mean m and variance
    /// v: running mean m - b, running variance v, scale √(v + eps), shift m. Evaluated it adds b; in training it starts from fitting statistics.
    /// </summary>
    /// <exception cref="DataException">Nothing was measured.</exception>
    public void Fill(BatchNorm norm, Tensor bias, float eps)
    {
        if (count < 2) throw new DataException("RecreateBatchNorms: too few activations to measure: got fewer than 2 a channel, expected images. Hint: give a hundred images or more.");
        float[] b = bias.ToArray<float>();
        Copy(norm.RunningMean, c => mean[c] - b[c]);
        Copy(norm.RunningVar, c => sumOfSquares[c] / count);
        Copy(norm.Weight, c => Math.Sqrt((sumOfSquares[c] / count) + eps));
        Copy(norm.Bias, c => mean[c]);
    }

    static void Copy(Tensor to, Func<int, double> value)
    {
        using var x = Tensor.From([.. Enumerable.Range(0, (int)to.Count).Select(c => (float)value(c))], to.Shape);
        to.CopyFrom(x);
    }
}

/// <summary>Stands where a batch norm was folded into the convolution before it: y = x; measures x when asked to.</summary>
internal sealed class FoldedNorm : Module
{
    /// <summary>Where the statistics go; null outside a calibration pass.</summary>
    public ChannelStatistics? Statistics { get; set; }

    public override Tensor Forward(Tensor x)
    {
        Statistics?.Add(x);
        return x;
    }

    /// <summary>Runs a network over images and measures what passes each of the places.</summary>
    /// <exception cref="DataException">There are no images.</exception>
    public static ChannelStatistics[] Measure(Module network, IReadOnlyList<FoldedNorm> places, IEnumerable<Tensor> images)
    {
        bool training = network.IsTraining, any = false;
        network.Eval();
        foreach (var place in places) place.Statistics = new ChannelStatistics();
        try
        {
            using var noGrad = Autograd.NoGrad();
            foreach (var x in images)
            {
                using var scope = Scope.Begin();
                _ = network.Forward(x);
                any = true;
            }
            if (!any) throw new DataException("RecreateBatchNorms: no images: got an empty sequence, expected batches [N, 3, H, W]. Hint: give a hundred training images or more.");
            return [.. places.Select(p => p.Statistics!)];
        }
        finally
        {
            foreach (var place in places) place.Statistics = null;
            network.Train(training);
        }
    }
}
