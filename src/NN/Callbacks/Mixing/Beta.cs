namespace Tessera.NN;

/// <summary>Numbers of a Beta distribution from a random stream, the same on every machine.</summary>
static class Beta
{
    /// <summary>b ~ Beta(α, α) as x/(x + y) with x, y ~ Gamma(α), from their logarithms: gamma numbers of a small α are too small for a double.</summary>
    public static double Sample(double alpha, Philox random)
    {
        double x = LogGamma(alpha, random.At(0, 0)), y = LogGamma(alpha, random.At(0, 1));
        return 1 / (1 + Math.Exp(y - x));
    }

    /// <summary>ln g, g ~ Gamma(α) (Marsaglia &amp; Tsang, "A simple method for generating gamma variables", 2000); for α &lt; 1, g = g' · u^(1/α) with g' ~ Gamma(α + 1).</summary>
    static double LogGamma(double alpha, Philox random)
    {
        if (alpha < 1) return LogGamma(alpha + 1, random.At(1, 0)) + (Math.Log(Uniform(random, 0)) / alpha);
        double d = alpha - (1.0 / 3), c = 1 / Math.Sqrt(9 * d);
        for (ulong i = 0; ; i += 4)
        {
            double x = Philox.ToNormal(random.Word(i), random.Word(i + 1)), v = Math.Pow(1 + (c * x), 3);
            if (v > 0 && Math.Log(Uniform(random, i + 2)) < (x * x / 2) + d - (d * v) + (d * Math.Log(v))) return Math.Log(d * v);
        }
    }

    /// <summary>A number in (0, 1).</summary>
    static double Uniform(Philox random, ulong word) => (random.Word(word) + 0.5) / 4294967296.0;
}
