namespace Tessera;

/// <content>Reductions: each element is mapped, then combined.</content>
public static partial class Ops
{
    /// <summary>Σ x.</summary>
    public readonly struct Sum : IReduction
    {
        static string IReduction.Name => "sum";
        static float IReduction.Identity => 0;
        V IReduction.Map<V>(V x) => x;
        V IReduction.Combine<V>(V a, V b) => a + b;
    }

    /// <summary>Σ |x|.</summary>
    public readonly struct SumAbs : IReduction
    {
        static string IReduction.Name => "sum_abs";
        static float IReduction.Identity => 0;
        V IReduction.Map<V>(V x) => V.Abs(x);
        V IReduction.Combine<V>(V a, V b) => a + b;
    }

    /// <summary>Σ x².</summary>
    public readonly struct SumSquare : IReduction
    {
        static string IReduction.Name => "sum_square";
        static float IReduction.Identity => 0;
        V IReduction.Map<V>(V x) => x * x;
        V IReduction.Combine<V>(V a, V b) => a + b;
    }

    /// <summary>Π x.</summary>
    public readonly struct Prod : IReduction
    {
        static string IReduction.Name => "prod";
        static float IReduction.Identity => 1;
        V IReduction.Map<V>(V x) => x;
        V IReduction.Combine<V>(V a, V b) => a * b;
    }

    /// <summary>The largest; NaN where one is NaN; -∞ of nothing.</summary>
    public readonly struct Max : IReduction
    {
        static string IReduction.Name => "max";
        static float IReduction.Identity => float.NegativeInfinity;
        V IReduction.Map<V>(V x) => x;
        V IReduction.Combine<V>(V a, V b) => V.Max(a, b);
    }

    /// <summary>The smallest; NaN where one is NaN; ∞ of nothing.</summary>
    public readonly struct Min : IReduction
    {
        static string IReduction.Name => "min";
        static float IReduction.Identity => float.PositiveInfinity;
        V IReduction.Map<V>(V x) => x;
        V IReduction.Combine<V>(V a, V b) => V.Min(a, b);
    }

    /// <summary>The largest magnitude: the ∞-norm.</summary>
    public readonly struct MaxAbs : IReduction
    {
        static string IReduction.Name => "max_abs";
        static float IReduction.Identity => 0;
        V IReduction.Map<V>(V x) => V.Abs(x);
        V IReduction.Combine<V>(V a, V b) => V.Max(a, b);
    }

    /// <summary>1 where any x ≠ 0, else 0.</summary>
    public readonly struct Any : IReduction
    {
        static string IReduction.Name => "any";
        static float IReduction.Identity => 0;
        V IReduction.Map<V>(V x) => V.Select(V.Equal(x, V.Create(0)), V.Create(0), V.Create(1));
        V IReduction.Combine<V>(V a, V b) => V.Max(a, b);
    }

    /// <summary>1 where every x ≠ 0, else 0.</summary>
    public readonly struct All : IReduction
    {
        static string IReduction.Name => "all";
        static float IReduction.Identity => 1;
        V IReduction.Map<V>(V x) => V.Select(V.Equal(x, V.Create(0)), V.Create(0), V.Create(1));
        V IReduction.Combine<V>(V a, V b) => V.Min(a, b);
    }
}
