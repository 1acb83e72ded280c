using System.Numerics;

namespace Tessera.Vision;

/// <summary>Brightness and contrast work on logits: y = sigmoid(scale logit(x) + shift), so that nothing leaves [0, 1].</summary>
internal static class Lighting
{
    private const float Low = 1e-7f, High = 1 - 1e-7f;

    /// <summary>ln(x/(1-x)) of x clamped to [1e-7, 1-1e-7].</summary>
    public static float Logit(float x) => -MathF.Log(1 / Math.Clamp(x, Low, High) - 1);

    /// <summary>In place; 1/(1+exp(scale ln(1/x-1) - shift)) is the formula with both signs taken in.</summary>
    public static void Apply(Span<float> x, float scale, float shift)
    {
        var j = 0;
        for (; j + Vector<float>.Count <= x.Length; j += Vector<float>.Count)
            Apply(new Vector<float>(x[j..]), scale, shift).CopyTo(x[j..]);
        if (j == x.Length)
            return;
        Span<float> tail = stackalloc float[Vector<float>.Count];
        x[j..].CopyTo(tail);
        Apply(new Vector<float>(tail), scale, shift).CopyTo(tail);
        tail[..(x.Length - j)].CopyTo(x[j..]);
    }

    private static Vector<float> Apply(Vector<float> x, float scale, float shift)
    {
        var one = Vector<float>.One;
        x = Vector.Min(Vector.Max(x, new Vector<float>(Low)), new Vector<float>(High));
        return one / (one + Vector.Exp(Vector.Log(one / x - one) * scale - new Vector<float>(shift)));
    }
}
