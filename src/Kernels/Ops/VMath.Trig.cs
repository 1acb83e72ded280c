using System.Runtime.CompilerServices;

namespace Tessera;

/// <content>Sine, cosine and angle.</content>
public static partial class VMath
{
    // Up to here the reduction in three parts is exact enough; larger arguments go through double precision, lane by lane.
    const float LargeAngle = 100_000;

    /// <summary>sin x, x in radians.</summary>
    [MethodImpl(Inline)]
    public static V Sin<V>(V x) where V : struct, IVec<V>
    {
        V t = V.Abs(x), y = SinOfQuadrant(t, 0), large = V.Less(V.Create(LargeAngle), t);
        if (V.Any(large)) y = V.Select(large, V.PerLane<SinLane>(t, t), y);
        return y ^ (x & V.FromBits(SignBit));
    }

    /// <summary>cos x, x in radians.</summary>
    [MethodImpl(Inline)]
    public static V Cos<V>(V x) where V : struct, IVec<V>
    {
        V t = V.Abs(x), y = SinOfQuadrant(t, 1), large = V.Less(V.Create(LargeAngle), t);
        return V.Any(large) ? V.Select(large, V.PerLane<CosLane>(t, t), y) : y;
    }

    /// <summary>The angle of the point (x, y), in -π..π.</summary>
    [MethodImpl(Inline)]
    public static V Atan2<V>(V y, V x) where V : struct, IVec<V>
    {
        V ay = V.Abs(y), ax = V.Abs(x), zero = V.Create(0), infinity = V.Create(float.PositiveInfinity);
        V large = V.Max(ay, ax), small = V.Min(ay, ax);
        V t = V.Select(V.Equal(small, infinity), V.Create(1), V.Select(V.Equal(large, zero), zero, small / large));
        V s = t * t;
        V p = V.Create(-0.00192254421f); // (atan t - t)/t³ in t² on 0..1
        p = V.Fma(p, s, V.Create(0.0115060806f));
        p = V.Fma(p, s, V.Create(-0.0323124044f));
        p = V.Fma(p, s, V.Create(0.0591363087f));
        p = V.Fma(p, s, V.Create(-0.0847521722f));
        p = V.Fma(p, s, V.Create(0.109780312f));
        p = V.Fma(p, s, V.Create(-0.142695099f));
        p = V.Fma(p, s, V.Create(0.199990883f));
        p = V.Fma(p, s, V.Create(-0.333333194f));
        V a = V.Fma(t * s, p, t);
        a = V.Select(V.Less(ax, ay), (V.Create(1.57079637f) - a) + V.Create(-4.37113883e-8f), a);
        V left = V.ShiftRight(x, 31); // all bits where x is negative, -0 included
        a = V.Select(left, (V.Create(3.14159274f) - a) + V.Create(-8.74227766e-8f), a);
        return V.Select(V.Equal(x, x) & V.Equal(y, y), a | (y & V.FromBits(SignBit)), x + y);
    }

    /// <summary>sin(t + quadrant · π/2) for 0 ≤ t ≤ 100,000.</summary>
    [MethodImpl(Inline)]
    static V SinOfQuadrant<V>(V t, uint quadrant) where V : struct, IVec<V>
    {
        // t = n π/2 + r + tail, π/2 in three parts; the first difference is exact.
        V n = V.Round(t * V.Create(0.636619747f));
        V first = V.Fma(n, V.Create(-1.57079637f), t);
        V second = n * V.Create(4.37113883e-8f), secondLow = V.Fma(n, V.Create(4.37113883e-8f), -second);
        V r = first + second, back = r - first;
        V lost = (first - (r - back)) + (second - back); // r + lost = first + second exactly (Knuth)
        V tail = V.Fma(n, V.Create(1.71512451e-15f), secondLow + lost);
        V s = r * r;

        V p = V.Create(2.71757494e-6f); // (sin r - r)/r³ in r² on 0..(π/4)²
        p = V.Fma(p, s, V.Create(-0.000198392576f));
        p = V.Fma(p, s, V.Create(0.00833332911f));
        p = V.Fma(p, s, V.Create(-0.166666672f));
        V sin = r + V.Fma(r * s, p, tail);

        p = V.Create(2.44312068e-5f); // (cos r - 1 + r²/2)/r⁴ in r²
        p = V.Fma(p, s, V.Create(-0.0013887306f));
        p = V.Fma(p, s, V.Create(0.0416666456f));
        V cos = V.Create(1) + V.Fma(s * s, p, V.Fma(s, V.Create(-0.5f), -(r * tail)));

        V q = V.AddInt(V.ToInt(n), V.FromBits(quadrant));
        V odd = V.ShiftRight(V.ShiftLeft(q, 31), 31);
        return V.Select(odd, cos, sin) ^ V.ShiftLeft(q & V.FromBits(2), 30);
    }

    readonly struct SinLane : ILaneFunction
    {
        public static float Apply(float a, float b) => (float)Math.Sin(a);
    }

    readonly struct CosLane : ILaneFunction
    {
        public static float Apply(float a, float b) => (float)Math.Cos(a);
    }
}
