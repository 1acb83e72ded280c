using System.Runtime.CompilerServices;

namespace Tessera;

/// <content>Activation functions, each with its gradient.</content>
public static partial class Ops
{
    /// <summary>y = max(x, 0); NaN stays.</summary>
    public readonly struct Relu : IUnary
    {
        static string IUnary.Name => "relu";
        V IUnary.Apply<V>(V x) => V.Relu(x);
    }

    /// <summary>(g, x or y): 0 where x ≤ 0, else g; g where x is NaN, as in PyTorch.</summary>
    public readonly struct ReluGrad : IBinary
    {
        static string IBinary.Name => "relu_grad";
        V IBinary.Apply<V>(V g, V x) => V.Select(V.LessEqual(x, V.Create(0)), V.Create(0), g);
    }

    /// <summary>y = x where x &gt; 0, else slope · x.</summary>
    /// <param name="slope">Slope below 0.</param>
    public readonly struct LeakyRelu(float slope) : IUnary
    {
        static string IUnary.Name => "leaky_relu";
        V IUnary.Apply<V>(V x) => V.Select(V.Less(V.Create(0), x), x, x * V.Create(slope));
    }

    /// <summary>(g, x): g where x &gt; 0, else slope · g.</summary>
    /// <param name="slope">Slope below 0.</param>
    public readonly struct LeakyReluGrad(float slope) : IBinary
    {
        static string IBinary.Name => "leaky_relu_grad";
        V IBinary.Apply<V>(V g, V x) => V.Select(V.Less(V.Create(0), x), g, g * V.Create(slope));
    }

    /// <summary>y = min(max(x, 0), 6).</summary>
    public readonly struct Relu6 : IUnary
    {
        static string IUnary.Name => "relu6";
        V IUnary.Apply<V>(V x) => V.Min(V.Max(x, V.Create(0)), V.Create(6));
    }

    /// <summary>(g, x): g where 0 &lt; x &lt; 6, else 0.</summary>
    public readonly struct Relu6Grad : IBinary
    {
        static string IBinary.Name => "relu6_grad";
        V IBinary.Apply<V>(V g, V x) => V.Less(V.Create(0), x) & V.Less(x, V.Create(6)) & g;
    }

    /// <summary>y = min(max(x, min), max).</summary>
    /// <param name="min">Lower bound.</param>
    /// <param name="max">Upper bound.</param>
    public readonly struct HardTanh(float min, float max) : IUnary
    {
        static string IUnary.Name => "hard_tanh";
        V IUnary.Apply<V>(V x) => V.Min(V.Max(x, V.Create(min)), V.Create(max));
    }

    /// <summary>(g, x): g where min &lt; x &lt; max, else 0.</summary>
    /// <param name="min">Lower bound.</param>
    /// <param name="max">Upper bound.</param>
    public readonly struct HardTanhGrad(float min, float max) : IBinary
    {
        static string IBinary.Name => "hard_tanh_grad";
        V IBinary.Apply<V>(V g, V x) => V.Less(V.Create(min), x) & V.Less(x, V.Create(max)) & g;
    }

    /// <summary>y = tanh x.</summary>
    public readonly struct Tanh : IUnary
    {
        static string IUnary.Name => "tanh";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Tanh(x);
    }

    /// <summary>(g, y): g · (1 - y²).</summary>
    public readonly struct TanhGrad : IBinary
    {
        static string IBinary.Name => "tanh_grad";
        V IBinary.Apply<V>(V g, V y) => g * V.Fma(-y, y, V.Create(1));
    }

    /// <summary>y = σ(x) = 1 / (1 + e⁻ˣ).</summary>
    public readonly struct Sigmoid : IUnary
    {
        static string IUnary.Name => "sigmoid";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => VMath.Sigmoid(x);
    }

    /// <summary>(g, y): g · y · (1 - y).</summary>
    public readonly struct SigmoidGrad : IBinary
    {
        static string IBinary.Name => "sigmoid_grad";
        V IBinary.Apply<V>(V g, V y) => g * y * (V.Create(1) - y);
    }

    /// <summary>y = x · σ(x).</summary>
    public readonly struct Silu : IUnary
    {
        static string IUnary.Name => "silu";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => x * VMath.Sigmoid(x);
    }

    /// <summary>(g, x): g · σ(x) · (1 + x · (1 - σ(x))).</summary>
    public readonly struct SiluGrad : IBinary
    {
        static string IBinary.Name => "silu_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x)
        {
            V s = VMath.Sigmoid(x), one = V.Create(1);
            return g * s * V.Fma(x, one - s, one);
        }
    }

    /// <summary>y = x · Φ(x) = x/2 · (1 + erf(x/√2)).</summary>
    public readonly struct Gelu : IUnary
    {
        static string IUnary.Name => "gelu";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => x * V.Fma(V.Create(0.5f), VMath.Erf(x * V.Create(0.70710678f)), V.Create(0.5f));
    }

    /// <summary>(g, x): g · (Φ(x) + x · φ(x)), φ the normal density.</summary>
    public readonly struct GeluGrad : IBinary
    {
        static string IBinary.Name => "gelu_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x)
        {
            V cdf = V.Fma(V.Create(0.5f), VMath.Erf(x * V.Create(0.70710678f)), V.Create(0.5f));
            V density = V.Create(0.39894228f) * VMath.Exp(V.Create(-0.5f) * x * x);
            return g * V.Fma(x, density, cdf);
        }
    }

    /// <summary>y = x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))) = x · σ(2 √(2/π) · (x + 0.044715 x³)).</summary>
    public readonly struct GeluTanh : IUnary
    {
        static string IUnary.Name => "gelu_tanh";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => x * VMath.Sigmoid(V.Create(1.5957691f) * V.Fma(V.Create(0.044715f) * x * x, x, x));
    }

    /// <summary>(g, x): g · (s + x · s · (1 - s) · 2 √(2/π) · (1 + 3 · 0.044715 x²)), s = σ(2 √(2/π) · (x + 0.044715 x³)).</summary>
    public readonly struct GeluTanhGrad : IBinary
    {
        static string IBinary.Name => "gelu_tanh_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x)
        {
            V s = VMath.Sigmoid(V.Create(1.5957691f) * V.Fma(V.Create(0.044715f) * x * x, x, x));
            V inner = V.Create(1.5957691f) * V.Fma(V.Create(0.134145f) * x, x, V.Create(1));
            return g * V.Fma(x * s * (V.Create(1) - s), inner, s);
        }
    }

    /// <summary>y = ln(1 + e^(βx)) / β, or x where βx &gt; threshold.</summary>
    /// <param name="beta">Sharpness.</param>
    /// <param name="threshold">Where β·x exceeds it, y = x.</param>
    public readonly struct Softplus(float beta = 1, float threshold = 20) : IUnary
    {
        static string IUnary.Name => "softplus";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x)
        {
            V z = x * V.Create(beta);
            return V.Select(V.Less(V.Create(threshold), z), x, VMath.Softplus(z) / V.Create(beta));
        }
    }

    /// <summary>(g, x): g · σ(βx), or g where βx &gt; threshold.</summary>
    /// <param name="beta">Sharpness.</param>
    /// <param name="threshold">Where β·x exceeds it, y = x.</param>
    public readonly struct SoftplusGrad(float beta = 1, float threshold = 20) : IBinary
    {
        static string IBinary.Name => "softplus_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x)
        {
            V z = x * V.Create(beta);
            return V.Select(V.Less(V.Create(threshold), z), g, g * VMath.Sigmoid(z));
        }
    }

    /// <summary>y = x where x &gt; 0, else α · (eˣ - 1).</summary>
    /// <param name="alpha">The negative limit.</param>
    public readonly struct Elu(float alpha = 1) : IUnary
    {
        static string IUnary.Name => "elu";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => V.Select(V.Less(V.Create(0), x), x, V.Create(alpha) * VMath.Expm1(x));
    }

    /// <summary>(g, x): g where x &gt; 0, else g · α · eˣ.</summary>
    /// <param name="alpha">The negative limit.</param>
    public readonly struct EluGrad(float alpha = 1) : IBinary
    {
        static string IBinary.Name => "elu_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x) => V.Select(V.Less(V.Create(0), x), g, g * V.Create(alpha) * VMath.Exp(x));
    }

    /// <summary>y = λx where x &gt; 0, else λα · (eˣ - 1), with the fixed λ = 1.0507..., α = 1.6733....</summary>
    public readonly struct Selu : IUnary
    {
        static string IUnary.Name => "selu";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x)
            => V.Select(V.Less(V.Create(0), x), V.Create(1.0507010f) * x, V.Create(1.7580993f) * VMath.Expm1(x));
    }

    /// <summary>(g, x): λ · g where x &gt; 0, else λα · g · eˣ.</summary>
    public readonly struct SeluGrad : IBinary
    {
        static string IBinary.Name => "selu_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x)
            => V.Select(V.Less(V.Create(0), x), V.Create(1.0507010f) * g, V.Create(1.7580993f) * g * VMath.Exp(x));
    }

    /// <summary>y = x where x &gt; 0, else α · (e^(x/α) - 1).</summary>
    /// <param name="alpha">The negative limit.</param>
    public readonly struct Celu(float alpha = 1) : IUnary
    {
        static string IUnary.Name => "celu";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => V.Select(V.Less(V.Create(0), x), x, V.Create(alpha) * VMath.Expm1(x / V.Create(alpha)));
    }

    /// <summary>(g, x): g where x &gt; 0, else g · e^(x/α).</summary>
    /// <param name="alpha">The negative limit.</param>
    public readonly struct CeluGrad(float alpha = 1) : IBinary
    {
        static string IBinary.Name => "celu_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x) => V.Select(V.Less(V.Create(0), x), g, g * VMath.Exp(x / V.Create(alpha)));
    }

    /// <summary>y = min(max(x + 3, 0), 6) / 6.</summary>
    public readonly struct HardSigmoid : IUnary
    {
        static string IUnary.Name => "hard_sigmoid";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => V.Min(V.Max(x + V.Create(3), V.Create(0)), V.Create(6)) / V.Create(6);
    }

    /// <summary>(g, x): g / 6 where -3 &lt; x &lt; 3, else 0.</summary>
    public readonly struct HardSigmoidGrad : IBinary
    {
        static string IBinary.Name => "hard_sigmoid_grad";
        V IBinary.Apply<V>(V g, V x) => V.Less(V.Abs(x), V.Create(3)) & (g / V.Create(6));
    }

    /// <summary>y = x · min(max(x + 3, 0), 6) / 6.</summary>
    public readonly struct HardSwish : IUnary
    {
        static string IUnary.Name => "hard_swish";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => x * V.Min(V.Max(x + V.Create(3), V.Create(0)), V.Create(6)) / V.Create(6);
    }

    /// <summary>(g, x): 0 where x &lt; -3, g where x ≥ 3, else g · (x/3 + 1/2).</summary>
    public readonly struct HardSwishGrad : IBinary
    {
        static string IBinary.Name => "hard_swish_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x)
        {
            V middle = g * V.Fma(x, V.Create(1 / 3f), V.Create(0.5f));
            return V.Select(V.Less(x, V.Create(-3)), V.Create(0), V.Select(V.LessEqual(V.Create(3), x), g, middle));
        }
    }

    /// <summary>y = x · tanh(ln(1 + eˣ)).</summary>
    public readonly struct Mish : IUnary
    {
        static string IUnary.Name => "mish";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => x * VMath.Tanh(VMath.Softplus(x));
    }

    /// <summary>(g, x): g · (t + x · σ(x) · (1 - t²)), t = tanh(ln(1 + eˣ)).</summary>
    public readonly struct MishGrad : IBinary
    {
        static string IBinary.Name => "mish_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x)
        {
            V t = VMath.Tanh(VMath.Softplus(x));
            return g * V.Fma(x * VMath.Sigmoid(x), V.Fma(-t, t, V.Create(1)), t);
        }
    }

    /// <summary>y = x / (1 + |x|).</summary>
    public readonly struct Softsign : IUnary
    {
        static string IUnary.Name => "softsign";
        V IUnary.Apply<V>(V x) => x / (V.Create(1) + V.Abs(x));
    }

    /// <summary>(g, x): g / (1 + |x|)².</summary>
    public readonly struct SoftsignGrad : IBinary
    {
        static string IBinary.Name => "softsign_grad";
        V IBinary.Apply<V>(V g, V x)
        {
            V d = V.Create(1) + V.Abs(x);
            return g / (d * d);
        }
    }

    /// <summary>y = ln σ(x) = -ln(1 + e⁻ˣ).</summary>
    public readonly struct LogSigmoid : IUnary
    {
        static string IUnary.Name => "log_sigmoid";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IUnary.Apply<V>(V x) => -VMath.Softplus(-x);
    }

    /// <summary>(g, x): g · σ(-x).</summary>
    public readonly struct LogSigmoidGrad : IBinary
    {
        static string IBinary.Name => "log_sigmoid_grad";
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        V IBinary.Apply<V>(V g, V x) => g * VMath.Sigmoid(-x);
    }
}
