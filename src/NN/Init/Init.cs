namespace Tessera.NN;

/// <summary>Which side of a layer keeps its variance.</summary>
public enum Fan
{
    /// <summary>Inputs of a unit: activations keep their size on the way forward.</summary>
    In,

    /// <summary>Outputs that use a unit: gradients keep their size on the way back.</summary>
    Out,
}

/// <summary>
/// Starting values of parameters. Each function overwrites the tensor, takes the next stream of the default generator, and returns the tensor.
/// </summary>
public static class Init
{
    [ThreadStatic]
    static int skipping;

    /// <summary>The gain that makes up for a ReLU, √2.</summary>
    public static double ReluGain { get; } = Math.Sqrt(2);

    /// <summary>The gain that makes up for a leaky ReLU, √(2/(1 + slope²)).</summary>
    public static double LeakyReluGain(double slope) => Math.Sqrt(2 / (1 + (slope * slope)));

    /// <summary>
    /// Fan-in and fan-out of a weight: w <c>[out, in, R, S]</c> has in·R·S and out·R·S. A transposed convolution counts its stored
    /// dimensions likewise, as in PyTorch.
    /// </summary>
    /// <exception cref="ShapeException">Fewer than two dimensions.</exception>
    public static (int In, int Out) Fans(Shape w)
    {
        if (w.Rank < 2) throw new ShapeException($"Init: fans: got shape {w}, expected at least [out, in]. Hint: biases have no fans; set them with Zeros or Uniform.");
        int positions = 1;
        foreach (int d in w.Dims[2..]) positions *= d;
        return (w[1] * positions, w[0] * positions);
    }

    /// <summary>All elements the same.</summary>
    public static Tensor Constant(Tensor w, double value) => Set(w, Tensor.Full([], value));

    /// <summary>All elements 0.</summary>
    public static Tensor Zeros(Tensor w) => Constant(w, 0);

    /// <summary>All elements 1.</summary>
    public static Tensor Ones(Tensor w) => Constant(w, 1);

    /// <summary>Normal numbers.</summary>
    public static Tensor Normal(Tensor w, double mean = 0, double std = 1)
    {
        var random = Generator.Default.Next();
        return skipping > 0 ? Given(w) : Set(w, Tensor.Normal(Given(w).Shape, random, (float)mean, (float)std));
    }

    /// <summary>Uniform numbers in [low, high).</summary>
    public static Tensor Uniform(Tensor w, double low = 0, double high = 1)
    {
        var random = Generator.Default.Next();
        return skipping > 0 ? Given(w) : Set(w, Tensor.Uniform(Given(w).Shape, random, (float)low, (float)high));
    }

    /// <summary>Normal with deviation gain/√fan (He et al., 2015).</summary>
    /// <param name="w">The weight, at least <c>[out, in]</c>.</param>
    /// <param name="fan">Which fan.</param>
    /// <param name="gain">What the activation behind takes away; √2 for ReLU by default.</param>
    public static Tensor KaimingNormal(Tensor w, Fan fan = Fan.In, double? gain = null) => Normal(w, 0, Std(w, fan, gain));

    /// <summary>Uniform in ±√3·gain/√fan: deviation gain/√fan (He et al., 2015).</summary>
    /// <inheritdoc cref="KaimingNormal"/>
    public static Tensor KaimingUniform(Tensor w, Fan fan = Fan.In, double? gain = null) => Symmetric(w, Math.Sqrt(3) * Std(w, fan, gain));

    /// <summary>Normal with deviation gain·√(2/(fan-in + fan-out)) (Glorot &amp; Bengio, 2010).</summary>
    public static Tensor XavierNormal(Tensor w, double gain = 1) => Normal(w, 0, GlorotStd(w, gain));

    /// <summary>Uniform in ±gain·√(6/(fan-in + fan-out)) (Glorot &amp; Bengio, 2010).</summary>
    public static Tensor XavierUniform(Tensor w, double gain = 1) => Symmetric(w, Math.Sqrt(3) * GlorotStd(w, gain));

    /// <summary>What PyTorch gives the weight of a new linear or convolution layer: uniform in ±1/√fan-in.</summary>
    public static Tensor Default(Tensor w) => Symmetric(w, 1 / Math.Sqrt(Fans(Given(w).Shape).In));

    /// <summary>What PyTorch gives the bias of a new layer: uniform in ±1/√fan-in of its weight.</summary>
    public static Tensor DefaultBias(Tensor b, Tensor weight) => Symmetric(b, 1 / Math.Sqrt(Fans(Given(weight).Shape).In));

    static Tensor Symmetric(Tensor w, double bound) => Uniform(w, -bound, bound);

    static double Std(Tensor w, Fan fan, double? gain)
    {
        var (fanIn, fanOut) = Fans(Given(w).Shape);
        return (gain ?? ReluGain) / Math.Sqrt(fan == Fan.In ? fanIn : fanOut);
    }

    static double GlorotStd(Tensor w, double gain)
    {
        var (fanIn, fanOut) = Fans(Given(w).Shape);
        return gain * Math.Sqrt(2.0 / (fanIn + fanOut));
    }

    /// <summary>
    /// Until disposed, on this thread, random starting values are not computed, for weights that are loaded next: drawing 22 million numbers takes
    /// longer than reading them. Streams are handed out as ever, so what is made afterwards does not change.
    /// </summary>
    internal static Skipping Skip()
    {
        skipping++;
        return default;
    }

    /// <summary>The region of <see cref="Skip"/>.</summary>
    internal readonly struct Skipping : IDisposable
    {
        /// <summary>Ends it.</summary>
        public void Dispose() => skipping--;
    }

    static Tensor Set(Tensor w, Tensor values)
    {
        Given(w).CopyFrom(values);
        values.Dispose();
        return w;
    }

    static Tensor Given(Tensor w)
    {
        ArgumentNullException.ThrowIfNull(w);
        return w;
    }
}
