namespace Tessera;

/// <summary>
/// A vector of float32 lanes in which every elementwise formula is written once. The implementations of 1, 8 and 16 lanes give the same
/// bits for the same lane, infinities and denormals included (the payload and sign of a NaN are left open), so the scalar tail of a loop equals
/// its vector body.
/// A comparison gives a mask: all bits of a lane set or clear.
/// </summary>
/// <typeparam name="V">The implementing type itself.</typeparam>
public interface IVec<V> where V : struct, IVec<V>
{
    /// <summary>Number of lanes.</summary>
    static abstract int Lanes { get; }

    /// <summary><paramref name="x"/> in every lane.</summary>
    static abstract V Create(float x);

    /// <summary>The bit pattern <paramref name="bits"/> in every lane.</summary>
    static abstract V FromBits(uint bits);

    /// <summary>a + b.</summary>
    static abstract V operator +(V a, V b);

    /// <summary>a - b.</summary>
    static abstract V operator -(V a, V b);

    /// <summary>a · b.</summary>
    static abstract V operator *(V a, V b);

    /// <summary>a / b.</summary>
    static abstract V operator /(V a, V b);

    /// <summary>-a: the sign bit flipped.</summary>
    static abstract V operator -(V a);

    /// <summary>Bitwise and.</summary>
    static abstract V operator &(V a, V b);

    /// <summary>Bitwise or.</summary>
    static abstract V operator |(V a, V b);

    /// <summary>Bitwise exclusive or.</summary>
    static abstract V operator ^(V a, V b);

    /// <summary>a · b + c, rounded once.</summary>
    static abstract V Fma(V a, V b, V c);

    /// <summary>sum ← a · b + sum, rounded once. In place: from <see cref="Fma"/> the compiler makes a product in a's register, and a copy.</summary>
    internal static virtual void AddProduct(ref V sum, V a, V b) => sum = V.Fma(a, b, sum);

    /// <summary>The correctly rounded square root.</summary>
    static abstract V Sqrt(V x);

    /// <summary>The sign bit cleared.</summary>
    static abstract V Abs(V x);

    /// <summary>The larger; NaN where either is NaN.</summary>
    static abstract V Max(V a, V b);

    /// <summary>The smaller; NaN where either is NaN.</summary>
    static abstract V Min(V a, V b);

    /// <summary>0 where x &lt; 0, else x; NaN and -0 stay.</summary>
    static virtual V Relu(V x) => V.Select(V.Less(x, V.Create(0)), V.Create(0), x);

    /// <summary>a where a &gt; b, else b: b also where either is NaN. One instruction, where <see cref="Max"/> takes several.</summary>
    static virtual V Larger(V a, V b) => V.Select(V.Less(b, a), a, b);

    /// <summary>Rounded down.</summary>
    static abstract V Floor(V x);

    /// <summary>Rounded to the nearest integer, ties to even.</summary>
    static abstract V Round(V x);

    /// <summary>Rounded towards zero.</summary>
    static abstract V Truncate(V x);

    /// <summary>Mask of a &lt; b; false for NaN.</summary>
    static abstract V Less(V a, V b);

    /// <summary>Mask of a ≤ b; false for NaN.</summary>
    static abstract V LessEqual(V a, V b);

    /// <summary>Mask of a = b; false for NaN, true for 0 and -0.</summary>
    static abstract V Equal(V a, V b);

    /// <summary>Lanes of <paramref name="a"/> where the mask is set, else of <paramref name="b"/>.</summary>
    static abstract V Select(V mask, V a, V b);

    /// <summary>The lanes' integer value as bits (rounded towards zero; the lane must be within ±2^31).</summary>
    static abstract V ToInt(V x);

    /// <summary>The float of a lane that holds integer bits.</summary>
    static abstract V FromInt(V bits);

    /// <summary>Integer sum of the bit patterns.</summary>
    static abstract V AddInt(V a, V b);

    /// <summary>True where the mask is set in any lane.</summary>
    static abstract bool Any(V mask);

    /// <summary>f(a, b) of every lane, one lane after the other: for the rare arguments a vector formula does not reach.</summary>
    static abstract V PerLane<F>(V a, V b) where F : ILaneFunction;

    /// <summary>Bit patterns shifted left by <paramref name="count"/> (0..31).</summary>
    static abstract V ShiftLeft(V bits, int count);

    /// <summary>Bit patterns shifted right by <paramref name="count"/> (0..31), the sign filled in.</summary>
    static abstract V ShiftRight(V bits, int count);
}

/// <summary>A function of one or two numbers for <see cref="IVec{V}.PerLane{F}"/>.</summary>
public interface ILaneFunction
{
    /// <summary>f(a, b); functions of one number ignore b.</summary>
    static abstract float Apply(float a, float b);
}

/// <summary>An elementwise formula y = f(x), written once for every vector width. Parameters are fields of the struct.</summary>
public interface IUnary
{
    /// <summary>Name of the operation and of its kernel.</summary>
    static abstract string Name { get; }

    /// <summary>f(x) of every lane.</summary>
    V Apply<V>(V x) where V : struct, IVec<V>;
}

/// <summary>An elementwise formula y = f(a, b), written once for every vector width. Parameters are fields of the struct.</summary>
public interface IBinary
{
    /// <summary>Name of the operation and of its kernel.</summary>
    static abstract string Name { get; }

    /// <summary>f(a, b) of every lane. A comparison gives a mask.</summary>
    V Apply<V>(V a, V b) where V : struct, IVec<V>;
}

/// <summary>A reduction: elements are mapped, then combined in a fixed order that does not depend on the number of threads.</summary>
public interface IReduction
{
    /// <summary>Name of the operation and of its kernel.</summary>
    static abstract string Name { get; }

    /// <summary>The value of an empty reduction; NaN where there is none.</summary>
    static abstract float Identity { get; }

    /// <summary>The element's contribution.</summary>
    V Map<V>(V x) where V : struct, IVec<V>;

    /// <summary>Two partial results into one: associative and commutative but for rounding.</summary>
    V Combine<V>(V a, V b) where V : struct, IVec<V>;
}
