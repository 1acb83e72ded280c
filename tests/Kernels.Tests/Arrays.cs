namespace Tessera.Tests;

/// <summary>Numbers on the host: made, and compared.</summary>
internal static class Arrays
{
    /// <summary>Numbers of mixed sign between -range and range, the same for the same seed.</summary>
    public static float[] Random(long n, ulong seed = 1, float range = 3)
    {
        var random = new Philox(seed);
        float[] values = new float[n];
        for (int i = 0; i < values.Length; i++) values[i] = ((2 * random.Uniform((ulong)i)) - 1) * range;
        return values;
    }

    /// <summary>Standard normal numbers.</summary>
    public static float[] Normal(long count, ulong seed)
    {
        var random = new Philox(seed);
        float[] x = new float[count];
        for (int i = 0; i < x.Length; i++) x[i] = random.Normal((ulong)i);
        return x;
    }

    /// <summary>Largest and root-mean-square difference, relative to the largest and the rms of <paramref name="expected"/>.</summary>
    public static (double Max, double Rms) Error(float[] actual, double[] expected)
    {
        double max = 0, scale = 1e-30, sum = 0, size = 1e-60;
        for (int i = 0; i < expected.Length; i++)
        {
            double e = actual[i] - expected[i];
            if (double.IsNaN(e) && !(double.IsNaN(expected[i]) && float.IsNaN(actual[i]))) return (double.NaN, double.NaN);
            if (double.IsNaN(e)) continue;
            max = Math.Max(max, Math.Abs(e));
            scale = Math.Max(scale, Math.Abs(expected[i]));
            sum += e * e;
            size += expected[i] * expected[i];
        }
        return (max / scale, Math.Sqrt(sum / size));
    }
}
