using System.Globalization;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Recorded arrays as tensors, and numbers compared at recorded tolerances.</summary>
static class Recorded
{
    /// <summary>The array as a Float32, Int64 or Bool tensor.</summary>
    public static Tensor ToTensor(this TestArray array) => array.DType switch
    {
        "I64" => Tensor.From(array.Longs(), array.Shape),
        "BOOL" => Tensor.From(Array.ConvertAll(array.Longs(), x => x != 0), array.Shape),
        _ => Tensor.From(array.Floats(), array.Shape),
    };

    /// <summary>The array as a leaf that gets a gradient.</summary>
    public static Tensor ToParameter(this TestArray array)
    {
        var t = array.ToTensor();
        t.RequiresGrad = true;
        return t;
    }

    /// <summary>Slice <paramref name="i"/> of the first dimension.</summary>
    public static double[] Row(this TestArray array, int i)
    {
        double[] all = array.Doubles();
        int n = all.Length / array.Shape[0];
        return all[(i * n)..((i + 1) * n)];
    }

    /// <summary>|actual - expected| ≤ atol·max(1, max|expected|) + rtol·|expected| everywhere; NaN equals NaN.</summary>
    public static void Near(Tensor? actual, TestArray expected, double rtol, double atol, string what)
    {
        Assert.That(actual, Is.Not.Null, what);
        Assert.That(actual!.Shape, Is.EqualTo(new Shape(expected.Shape)), what);
        Near(Array.ConvertAll(actual.To(DType.Float32).ToArray<float>(), x => (double)x), expected.Doubles(), rtol, atol, what);
    }

    /// <inheritdoc cref="Near(Tensor, TestArray, double, double, string)"/>
    public static void Near(IReadOnlyList<double> actual, IReadOnlyList<double> expected, double rtol, double atol, string what)
    {
        Assert.That(actual, Has.Count.EqualTo(expected.Count), what);
        double scale = Math.Max(1, expected.Where(double.IsFinite).Select(Math.Abs).DefaultIfEmpty(1).Max());
        for (int i = 0; i < expected.Count; i++)
        {
            double a = actual[i], e = expected[i];
            bool near = a.Equals(e) || Math.Abs(a - e) <= (atol * scale) + (rtol * Math.Abs(e));
            if (!near) Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"{what}: element {i}: got {a:R}, expected {e:R} within {rtol:g} relative, {atol:g} absolute"));
        }
    }
}
