using System.Runtime.CompilerServices;

namespace Tessera;

/// <content>Brightness and contrast of pixels.</content>
public static partial class Ops
{
    /// <summary>y = sigmoid(scale · logit(x) + shift), x limited to [1e-7, 1 - 1e-7]: contrast is the scale, brightness the shift.</summary>
    /// <param name="scale">Factor of the logits.</param>
    /// <param name="shift">Added to the logits.</param>
    public readonly struct Lighting(float scale, float shift) : IUnary
    {
        static string IUnary.Name => "lighting";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => Light(x, V.Create(scale), V.Create(shift));
    }

    /// <summary>1/(1 + exp(scale · ln(1/x - 1) - shift)): <see cref="Lighting"/> with both signs taken in.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static V Light<V>(V x, V scale, V shift) where V : struct, IVec<V>
    {
        V one = V.Create(1);
        x = V.Min(V.Max(x, V.Create(1e-7f)), V.Create(1 - 1e-7f));
        return one / (one + VMath.Exp((VMath.Log((one / x) - one) * scale) - shift));
    }
}
