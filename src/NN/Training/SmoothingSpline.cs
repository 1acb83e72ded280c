namespace Tessera.NN;

/// <summary>
/// A line through evenly spaced points that weighs closeness against smoothness: z minimises Σ(yᵢ - zᵢ)² + λ·Σ(zᵢ₋₁ - 2zᵢ + zᵢ₊₁)²
/// (Whittaker, On a New Method of Graduation, 1923), and so solves (I + λDᵀD)z = y, where D takes second differences.
/// </summary>
static class SmoothingSpline
{
    public static double[] Of(double[] y, double lambda)
    {
        var l = Cholesky(Matrix(y.Length, lambda));
        double[] z = [.. y];
        for (int i = 0; i < y.Length; i++) // L u = y
        {
            for (int k = 1; k <= Math.Min(i, 2); k++) z[i] -= l[i, k] * z[i - k];
            z[i] /= l[i, 0];
        }
        for (int i = y.Length - 1; i >= 0; i--) // Lᵀ z = u
        {
            for (int k = 1; k <= Math.Min(y.Length - 1 - i, 2); k++) z[i] -= l[i + k, k] * z[i + k];
            z[i] /= l[i, 0];
        }
        return z;
    }

    /// <summary>I + λDᵀD, whose element (i, i - k) is at [i, k] for k of 0 to 2; it is symmetric, and zero elsewhere.</summary>
    static double[,] Matrix(int n, double lambda)
    {
        double[,] a = new double[n, 3];
        for (int i = 0; i < n; i++) a[i, 0] = 1;
        ReadOnlySpan<double> w = [1, -2, 1];
        for (int first = 0; first + 2 < n; first++)
            for (int r = 0; r < 3; r++)
                for (int c = 0; c <= r; c++) a[first + r, r - c] += lambda * w[r] * w[c];
        return a;
    }

    /// <summary>L of A = LLᵀ, in the place of A.</summary>
    static double[,] Cholesky(double[,] a)
    {
        for (int i = 0; i < a.GetLength(0); i++)
            for (int k = Math.Min(i, 2); k >= 0; k--)
            {
                for (int m = k + 1; m <= Math.Min(i, 2); m++) a[i, k] -= a[i, m] * a[i - k, m - k];
                a[i, k] = k == 0 ? Math.Sqrt(a[i, 0]) : a[i, k] / a[i - k, 0];
            }
        return a;
    }
}
