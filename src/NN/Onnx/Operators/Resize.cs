namespace Tessera.NN;

// Upsample (7-9) and Resize (10 on): each dimension in turn is a weighted selection of its elements.
internal static partial class OnnxOperators
{
    static IEnumerable<OnnxOperator> Resizing =>
    [
        One("Upsample", 7, c => Resize(c, Scales(c, c.Opset < 9 ? c.Node.Floats("scales") : c.Maybe(1)?.ToArray<float>(), null), legacy: true)),
        One("Resize", 10, ResizeOf, "cubic with exclude_outside, antialias, tf_crop_and_resize, keep_aspect_ratio_policy"),
    ];

    static Tensor ResizeOf(NodeCall c)
    {
        if (c.Opset < 11) return Resize(c, Scales(c, c[1].ToArray<float>(), null), legacy: true);
        if (c.Node.Flag("antialias") || c.Node.Flag("exclude_outside")) throw c.Unsupported("antialias or exclude_outside", 1, 0);
        if (c.Node.String("keep_aspect_ratio_policy", "stretch") is not "stretch" and var policy) throw c.Unsupported("keep_aspect_ratio_policy", policy, "stretch");
        return Resize(c, Scales(c, c.Maybe(2) is { Count: > 0 } s ? s.ToArray<float>() : null, c.Ints(3)), legacy: false);
    }

    static (int Axis, int Size, double Scale)[] Scales(NodeCall c, float[]? scales, int[]? sizes)
    {
        int[] axes = c.Node.Ints("axes")?.Select(a => c.Axis(a, c.X.Rank)).ToArray() ?? [.. Enumerable.Range(0, c.X.Rank)];
        if ((scales ?? (object?)sizes) is null || (scales?.Length ?? sizes!.Length) != axes.Length)
            throw c.Node.Error("scales or sizes", "none, or another number of them", $"{axes.Length} numbers");
        var to = axes.Select((a, i) => (a, scales is null ? sizes![i] : Scaled(c, c.X.Shape[a], scales[i]), scales is null ? sizes![i] / (double)c.X.Shape[a] : scales[i])).ToArray();
        _ = c.Allow(Enumerable.Range(0, c.X.Rank).Select(d => (long)to.Where(t => t.a == d).Select(t => t.Item2).FirstOrDefault(c.X.Shape[d])));
        return to;
    }

    static int Scaled(NodeCall c, int size, float scale) => scale > 0 && size * (double)scale <= int.MaxValue
        ? (int)Math.Floor(size * (double)scale)
        : throw c.Node.Error("scale", scale, "a positive number");

    static Tensor Resize(NodeCall c, (int Axis, int Size, double Scale)[] to, bool legacy)
    {
        string coordinates = legacy ? "asymmetric" : c.Node.String("coordinate_transformation_mode", "half_pixel");
        string mode = c.Node.String("mode", "nearest"), nearest = legacy ? "floor" : c.Node.String("nearest_mode", "round_prefer_floor");
        var y = c.X;
        foreach (var (axis, size, scale) in to)
        {
            if (size == y.Shape[axis] && scale == 1) continue;
            double[] at = [.. Enumerable.Range(0, size).Select(i => Source(c, coordinates, i, y.Shape[axis], size, scale))];
            y = mode switch
            {
                "nearest" => Select(y, axis, Array.ConvertAll(at, p => Math.Clamp(Nearest(c, nearest, p), 0, c.X.Shape[axis] - 1))),
                "linear" => Taps(y, axis, at, 0, p => [1 - p, p]),
                "cubic" => Taps(y, axis, at, 1, p => Cubic(p, c.Node.Float("cubic_coeff_a", -0.75f))),
                _ => throw c.Unsupported("mode", mode, "nearest, linear or cubic"),
            };
        }
        return y;
    }

    // Where in the input output element i lies.
    static double Source(NodeCall c, string mode, int i, int from, int to, double scale) => mode switch
    {
        "half_pixel" => ((i + 0.5) / scale) - 0.5,
        "pytorch_half_pixel" => to > 1 ? ((i + 0.5) / scale) - 0.5 : 0,
        "align_corners" => to > 1 ? i * (from - 1.0) / (to - 1) : 0,
        "asymmetric" => i / scale,
        "half_pixel_symmetric" => (from / 2.0 * (1 - (to / (scale * from)))) + ((i + 0.5) / scale) - 0.5,
        _ => throw c.Unsupported("coordinate_transformation_mode", mode, "half_pixel, pytorch_half_pixel, half_pixel_symmetric, align_corners or asymmetric"),
    };

    static long Nearest(NodeCall c, string mode, double p) => mode switch
    {
        "round_prefer_floor" => (long)Math.Ceiling(p - 0.5),
        "round_prefer_ceil" => (long)Math.Floor(p + 0.5),
        "floor" => (long)Math.Floor(p),
        "ceil" => (long)Math.Ceiling(p),
        _ => throw c.Unsupported("nearest_mode", mode, "round_prefer_floor, round_prefer_ceil, floor or ceil"),
    };

    /// <summary>Σ weight[k] · x[⌊p⌋ + k - lead] along a dimension, the places clamped to the border.</summary>
    static Tensor Taps(Tensor x, int axis, double[] at, int lead, Func<double, double[]> weights)
    {
        double[][] w = Array.ConvertAll(at, p => weights(p - Math.Floor(p)));
        int[] along = [.. Enumerable.Repeat(1, x.Rank)];
        along[axis] = at.Length;
        Tensor? sum = null;
        for (int k = 0; at.Length > 0 && k < w[0].Length; k++)
        {
            long[] index = Array.ConvertAll(at, p => (long)Math.Clamp(Math.Floor(p) + k - lead, 0, x.Shape[axis] - 1));
            var term = Select(x, axis, index) * Tensor.From(Array.ConvertAll(w, v => (float)v[k]), [at.Length], x.Device).Reshape(new Shape(along));
            sum = sum is null ? term : sum + term;
        }
        return sum ?? x.Narrow(axis, 0, 0);
    }

    // Keys' cubic convolution.
    static double[] Cubic(double p, double a)
    {
        return [Far(1 + p), Near(p), Near(1 - p), Far(2 - p)];

        double Near(double t) => ((((a + 2) * t) - (a + 3)) * t * t) + 1;
        double Far(double t) => (((((a * t) - (5 * a)) * t) + (8 * a)) * t) - (4 * a);
    }
}
