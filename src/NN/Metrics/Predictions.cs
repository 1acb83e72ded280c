namespace Tessera.NN;

/// <summary>Classes and scores out of model outputs, on the host.</summary>
static class Predictions
{
    /// <summary>The class of each row of <c>[N, classes]</c>: the first of its largest elements; NaN is largest.</summary>
    public static int[] Classes(Tensor output)
    {
        var (x, n, c) = Rows(output, nameof(Classes));
        int[] classes = new int[n];
        for (int i = 0; i < n; i++) classes[i] = ArgMax(x.AsSpan(i * c, c));
        return classes;
    }

    /// <summary>The targets <c>[N]</c> as class numbers; targets of equal shape as the output (soft or one-hot) by their largest element.</summary>
    public static int[] Targets(Tensor target) => target.Rank == 2 ? Classes(target) : Array.ConvertAll(target.To(DType.Int64).ToArray<long>(), y => (int)y);

    /// <summary>How many rows have their target among the k largest elements.</summary>
    public static int Count(Tensor output, Tensor target, int k)
    {
        var (x, n, c) = Rows(output, "Accuracy");
        int[] y = Targets(target);
        int right = 0;
        for (int i = 0; i < n; i++)
            if ((uint)y[i] < (uint)c && Rank(x.AsSpan(i * c, c), y[i]) < k) right++;
        return right;
    }

    /// <summary>Scores and truth of every label of every item, row-major.</summary>
    /// <exception cref="ShapeException">Output and target differ in shape.</exception>
    public static (float[] Scores, bool[] Truth) Labels(Tensor output, Tensor target, bool sigmoid, string op)
    {
        if (output.Shape != target.Shape)
            throw new ShapeException(
                $"{op}: shapes differ: got output {output.Shape} and target {target.Shape}, expected a score and a truth for each label of each item. "
                    + "Hint: targets are 0 or 1, [items, labels].");
        float[] p = output.To(DType.Float32).ToArray<float>();
        if (sigmoid) p = Array.ConvertAll(p, x => 1 / (1 + MathF.Exp(-x)));
        return (p, Array.ConvertAll(target.To(DType.Float32).ToArray<float>(), y => y > 0.5f));
    }

    /// <summary>How many elements come before element <paramref name="at"/> in descending order, first of equals first, NaN largest.</summary>
    static int Rank(ReadOnlySpan<float> x, int at)
    {
        int before = 0;
        for (int j = 0; j < x.Length; j++)
        {
            int order = x[j].CompareTo(x[at]); // NaN compares below all: the other way round here
            if (float.IsNaN(x[j]) != float.IsNaN(x[at])) order = float.IsNaN(x[j]) ? 1 : -1;
            if (order > 0 || (order == 0 && j < at)) before++;
        }
        return before;
    }

    static int ArgMax(ReadOnlySpan<float> x)
    {
        int best = 0;
        for (int j = 1; j < x.Length && !float.IsNaN(x[best]); j++)
            if (x[j] > x[best] || float.IsNaN(x[j])) best = j;
        return best;
    }

    static (float[] X, int N, int C) Rows(Tensor output, string op)
    {
        if (output.Rank != 2 || output.Shape[1] == 0)
            throw new ShapeException($"{op}: got output {output.Shape}, expected [items, classes]. Hint: Flatten gives a row an item.");
        return (output.To(DType.Float32).ToArray<float>(), output.Shape[0], output.Shape[1]);
    }
}
