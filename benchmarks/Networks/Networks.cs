using Tessera.Vision;

namespace Tessera.Benchmarks;

/// <summary>What both sides of a comparison of networks have in common.</summary>
static class Networks
{
    /// <summary>The form of ResNet-18, -34 or -50.</summary>
    public static ResNetOptions Options(int depth, int width)
    {
        var options = depth switch
        {
            18 => ResNetOptions.ResNet18,
            34 => ResNetOptions.ResNet34,
            50 => ResNetOptions.ResNet50,
            _ => throw new ArgumentException($"Networks: unknown depth: got {depth}, expected 18, 34 or 50.", nameof(depth)),
        };
        return options with { Width = width };
    }

    /// <summary>A batch of normalised photos <c>[batch, 3, side, side]</c>, as noise.</summary>
    public static float[] Photos(int batch, int side)
    {
        var random = new Random(1);
        float[] x = new float[batch * 3 * side * side];
        for (int i = 0; i < x.Length; i++) x[i] = (random.NextSingle() - 0.5f) * 4;
        return x;
    }

    /// <summary>Their classes.</summary>
    public static long[] Classes(int batch, int classes) => [.. Enumerable.Range(0, batch).Select(i => (long)(i * 37 % classes))];
}
