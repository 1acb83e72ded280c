namespace Tessera.Testing;

/// <summary>Agreement with a recorded network: the largest difference relative to the largest output, and the same arg-max in every row.</summary>
public static class Agreement
{
    /// <summary>Fails where a difference exceeds <paramref name="relative"/> of the largest output, or a row's maximum is elsewhere.</summary>
    public static void Check(float[] actual, TestArray expected, double relative = 1e-4)
    {
        double[] y = expected.Doubles();
        Assert.That(actual, Has.Length.EqualTo(y.Length));
        double scale = y.Max(Math.Abs), error = 0;
        for (int i = 0; i < y.Length; i++) error = Math.Max(error, Math.Abs(actual[i] - y[i])); // NaN stays out of Max
        Assert.That(actual, Has.None.NaN);
        Assert.That(error / scale, Is.LessThanOrEqualTo(relative));
        int row = y.Length / expected.Shape[0];
        for (int n = 0; n < expected.Shape[0]; n++)
            Assert.That(ArgMax([.. actual.Skip(n * row).Take(row).Select(x => (double)x)]), Is.EqualTo(ArgMax(y[(n * row)..((n + 1) * row)])), $"arg-max of row {n}");
    }

    static int ArgMax(double[] x) => Array.IndexOf(x, x.Max());
}
