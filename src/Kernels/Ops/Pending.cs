namespace Tessera;

// The first formulas, so that tensors compile: delete this file when the families of formulas arrive.
#pragma warning disable CS1591
public readonly record struct Affine(float Scale, float Shift) : IUnary
{
    public static string Name => "affine";
    public V Apply<V>(V x) where V : struct, IVec<V> => V.Fma(x, V.Create(Scale), V.Create(Shift));
}
public readonly record struct Add : IBinary
{
    public static string Name => "add";
    public V Apply<V>(V a, V b) where V : struct, IVec<V> => a + b;
}
public readonly record struct Sub : IBinary
{
    public static string Name => "sub";
    public V Apply<V>(V a, V b) where V : struct, IVec<V> => a - b;
}
public readonly record struct Mul : IBinary
{
    public static string Name => "mul";
    public V Apply<V>(V a, V b) where V : struct, IVec<V> => a * b;
}
public readonly record struct Div : IBinary
{
    public static string Name => "div";
    public V Apply<V>(V a, V b) where V : struct, IVec<V> => a / b;
}
public readonly record struct Sum : IReduction
{
    public static string Name => "sum";
    public static float Identity => 0;
    public V Map<V>(V x) where V : struct, IVec<V> => x;
    public V Combine<V>(V a, V b) where V : struct, IVec<V> => a + b;
}
