using System.Runtime.Intrinsics;

namespace Tessera.Vision;

/// <summary>Brightness and contrast work on logits: y = sigmoid(scale logit(x) + shift), so that nothing leaves [0, 1].</summary>
static class Lighting
{
    const int Lanes = 16;
    const float Low = 1e-7f, High = 1 - 1e-7f;

    /// <summary>ln(x/(1-x)) of x clamped to [1e-7, 1-1e-7].</summary>
    public static float Logit(float x) => -MathF.Log(1 / Math.Clamp(x, Low, High) - 1);

    /// <summary>In place; 1/(1+exp(scale ln(1/x-1) - shift)) is the formula with both signs taken in.</summary>
    public static void Apply(Span<float> x, float scale, float shift)
    {
        var j = 0;
        for (; j <= x.Length - Lanes; j += Lanes)
            Apply(Vector512.Create<float>(x.Slice(j, Lanes)), scale, shift).CopyTo(x[j..]);
        if (j == x.Length)
            return;
        Span<float> tail = stackalloc float[Lanes];
        x[j..].CopyTo(tail);
        Apply(Vector512.Create<float>(tail), scale, shift).CopyTo(tail);
        tail[..(x.Length - j)].CopyTo(x[j..]);
    }

    static Vector512<float> Apply(Vector512<float> x, float scale, float shift)
    {
        x = Vector512.Min(Vector512.Max(x, Vector512.Create(Low)), Vector512.Create(High));
        var one = Vector512<float>.One;
        return one / (one + Vector512.Exp(Vector512.Log(one / x - one) * scale - Vector512.Create(shift)));
    }
}
