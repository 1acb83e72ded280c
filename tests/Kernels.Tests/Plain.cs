namespace Tessera.Tests;

/// <summary>The definitions, as loops in double precision over row-major NCHW arrays.</summary>
internal static class Plain
{
    /// <summary>Calls <paramref name="visit"/>(x index, w index, y index) for every product of a convolution.</summary>
    static void Products(Shape x, Shape w, Shape y, Window2d p, Action<int, int, int> visit)
    {
        int Cg = w[1], Kg = w[0] / p.Groups;
        for (int n = 0; n < x[0]; n++)
            for (int k = 0; k < w[0]; k++)
                for (int i = 0; i < y[2]; i++)
                    for (int j = 0; j < y[3]; j++)
                        for (int c = 0; c < Cg; c++)
                            for (int r = 0; r < p.R; r++)
                                for (int s = 0; s < p.S; s++)
                                {
                                    int h = (i * p.StrideH) - p.Top + (r * p.DilationH), v = (j * p.StrideW) - p.Left + (s * p.DilationW);
                                    if ((uint)h >= (uint)x[2] || (uint)v >= (uint)x[3]) continue;
                                    int channel = (k / Kg * Cg) + c;
                                    visit((((((n * x[1]) + channel) * x[2]) + h) * x[3]) + v, (((((k * Cg) + c) * p.R) + r) * p.S) + s, (((((n * w[0]) + k) * y[2]) + i) * y[3]) + j);
                                }
    }

    public static double[] Conv2d(Shape xs, float[] x, Shape ws, float[] w, float[]? b, Shape ys, Window2d p)
    {
        double[] y = new double[ys.Count];
        if (b is not null)
            for (int i = 0; i < y.Length; i++) y[i] = b[i / (ys[2] * ys[3]) % ys[1]];
        Products(xs, ws, ys, p, (ix, iw, iy) => y[iy] += (double)x[ix] * w[iw]);
        return y;
    }

    public static double[] Conv2dBackwardData(Shape xs, Shape ws, float[] w, Shape ys, float[] gy, Window2d p)
    {
        double[] gx = new double[xs.Count];
        Products(xs, ws, ys, p, (ix, iw, iy) => gx[ix] += (double)gy[iy] * w[iw]);
        return gx;
    }

    public static double[] Conv2dBackwardWeight(Shape xs, float[] x, Shape ws, Shape ys, float[] gy, Window2d p)
    {
        double[] gw = new double[ws.Count];
        Products(xs, ws, ys, p, (ix, iw, iy) => gw[iw] += (double)gy[iy] * x[ix]);
        return gw;
    }
}
