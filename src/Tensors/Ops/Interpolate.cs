namespace Tessera;

/// <summary>How a plane is resized.</summary>
public enum InterpolateMode
{
    /// <summary>Source ⌊i·in/out⌋.</summary>
    Nearest,

    /// <summary>The source whose centre is nearest: ⌊(i + ½)·in/out⌋.</summary>
    NearestExact,

    /// <summary>Linear in both directions.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -0.75 in both directions.</summary>
    Bicubic,

    /// <summary>The mean over the source area, as in adaptive average pooling.</summary>
    Area,
}

public sealed partial class Tensor
{
    /// <summary>
    /// x <c>[N, C, H, W]</c> resized to <c>[N, C, h, w]</c>. Every mode is linear and separable: a choice of rows and columns, or two products
    /// with small matrices, A_h · x · A_wᵀ.
    /// </summary>
    /// <param name="h">New height.</param>
    /// <param name="w">New width.</param>
    /// <param name="mode">The kernel.</param>
    /// <param name="alignCorners">The corner pixels' centres stay in place (bilinear and bicubic only).</param>
    public Tensor Interpolate(int h, int w, InterpolateMode mode = InterpolateMode.Nearest, bool alignCorners = false)
    {
        RequireBins(h, w, "Interpolate");
        return mode switch
        {
            InterpolateMode.Area => AdaptiveAvgPool2d(h, w),
            InterpolateMode.Nearest => IndexSelect(2, Nearest(Shape[2], h, 0)).IndexSelect(3, Nearest(Shape[3], w, 0)),
            InterpolateMode.NearestExact => IndexSelect(2, Nearest(Shape[2], h, 0.5)).IndexSelect(3, Nearest(Shape[3], w, 0.5)),
            _ => Separable(Weights(Shape[2], h, mode, alignCorners), Weights(Shape[3], w, mode, alignCorners)),
        };
    }

    /// <summary>Source ⌊(i + offset)·size/result⌋ for each result i.</summary>
    Tensor Nearest(int size, int result, double offset)
    {
        long[] from = new long[result];
        for (int i = 0; i < result; i++) from[i] = Math.Min((long)((i + offset) * size / result), size - 1);
        return From(from, [result], Device);
    }

    /// <summary>A_h · x · A_wᵀ for each plane of x <c>[N, C, H, W]</c>, with the channels kept adjacent in memory.</summary>
    Tensor Separable(float[,] ah, float[,] aw)
    {
        if (Is16Bit) return To(DType.Float32).Separable(ah, aw).To(DType);
        using var exact = Autocast.To(DType.Float32);
        int n = Shape[0], c = Shape[1], h = ah.GetLength(0), w = aw.GetLength(0);
        var rows = Matrix(ah).MatMul(Rows().Reshape(n, Shape[2], Shape[3] * c));      // [N, h, W·C]
        var both = Matrix(aw).MatMul(rows.Reshape(n * h, Shape[3], c));               // [N·h, w, C]
        return FromRows(both.Reshape(n, h * w, c), h, w);
    }

    Tensor Matrix(float[,] a) => From([.. a.Cast<float>()], [a.GetLength(0), a.GetLength(1)], Device);

    /// <summary><c>[N, C, H, W] → [N, H·W, C]</c>: a view of a dense tensor.</summary>
    Tensor Rows() => Reshape(Shape[0], Shape[1], Shape[2] * Shape[3]).Permute(0, 2, 1);

    /// <summary><c>[N, h·w, C] → [N, C, h, w]</c>: a view of a dense tensor.</summary>
    static Tensor FromRows(Tensor x, int h, int w) => x.Permute(0, 2, 1).Reshape(x.Shape[0], x.Shape[2], h, w);

    /// <summary>Row i holds 1/n for the n source elements of bin i.</summary>
    static float[,] Bins(int size, int bins)
    {
        float[,] a = new float[bins, size];
        for (int i = 0; i < bins; i++)
        {
            int start = BinStart(i, size, bins), end = BinEnd(i, size, bins);
            for (int j = start; j < end; j++) a[i, j] = 1f / (end - start);
        }
        return a;
    }

    /// <summary>Row i holds the weights of the source elements for result i.</summary>
    static float[,] Weights(int size, int result, InterpolateMode mode, bool alignCorners)
    {
        float[,] a = new float[result, size];
        for (int i = 0; i < result; i++)
        {
            double x = alignCorners ? (result > 1 ? (double)i * (size - 1) / (result - 1) : 0) : ((i + 0.5) * size / result) - 0.5;
            if (mode == InterpolateMode.Bilinear) x = Math.Max(0, x);
            int left = (int)Math.Floor(x);
            int reach = mode == InterpolateMode.Bilinear ? 1 : 2;
            for (int j = left - reach + 1; j <= left + reach; j++)
                a[i, Math.Clamp(j, 0, size - 1)] += (float)(reach == 1 ? 1 - Math.Abs(x - j) : Cubic(Math.Abs(x - j)));
        }
        return a;
    }

    /// <summary>Keys' cubic convolution kernel, a = -0.75 (Keys, "Cubic convolution interpolation for digital image processing", 1981).</summary>
    static double Cubic(double t)
    {
        const double A = -0.75;
        return t <= 1
            ? ((((A + 2) * t) - (A + 3)) * t * t) + 1
            : ((((((A * t) - (5 * A)) * t) + (8 * A)) * t) - (4 * A));
    }
}
