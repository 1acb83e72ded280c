namespace Tessera.Tests;

public sealed class CastTests
{
    static readonly double[] values = [0, 1, 2, 3.7, 100, 200, 255, -1, -2.5, 1000, 65504, 1e5, -70000, 16777217, 4294967297, 1e-3];

    [Test]
    public void EveryTypeToEveryType([Values] DType from, [Values] DType to, [Values("dense", "padded", "reversed")] string layout)
    {
        Shape shape = [values.Length];
        View x = Typed(from, shape, layout), y = Typed(to, shape, "dense");
        Views.Cpu.Copy(Typed(DType.Float32, shape, "dense", values), x);
        double[] source = Read(x);
        Views.Cpu.Copy(x, y);
        Assert.That(Read(y), Is.EqualTo(source.Select(v => Expected(v, to))));
    }

    [Test]
    public void LongsAreExactBeyondFloats()
    {
        long[] numbers = [long.MaxValue, long.MinValue, (1L << 53) + 1, -(1L << 40) - 1];
        View x = Views.Of([4], numbers), y = Views.Empty<long>(Layouts.Named("reversed", [4]));
        Views.Cpu.Copy(x, y);
        Assert.That(Views.Get<long>(y), Is.EqualTo(numbers));
    }

    [TestCase(1.00390625f, 1f)] // half way between 1 and 1.0078125: to even
    [TestCase(1.01171875f, 1.015625f)] // half way: to even, upwards
    [TestCase(1.0039064f, 1.0078125f)] // just above half way
    [TestCase(3.4e38f, float.PositiveInfinity)]
    [TestCase(-0f, -0f)]
    [TestCase(1e-40f, 9.18355e-41f)] // denormal
    public void BrainFloatsRoundToNearestEven(float x, float expected)
    {
        View y = Views.Empty<BFloat16>(Layout.Dense([1])), back = Views.Empty<float>(Layout.Dense([1]));
        Views.Cpu.Copy(Views.Of([1], x), y);
        Views.Cpu.Copy(y, back);
        Assert.That(Views.Get<float>(back)[0], Is.EqualTo(expected).Within(1e-45f));
    }

    [TestCase(2049f, 2048f)]
    [TestCase(2051f, 2052f)]
    [TestCase(65519f, 65504f)]
    [TestCase(65520f, float.PositiveInfinity)]
    [TestCase(5.9604645e-8f, 5.9604645e-8f)]
    public void HalvesRoundToNearestEven(float x, float expected)
    {
        View y = Views.Empty<Half>(Layout.Dense([1])), back = Views.Empty<float>(Layout.Dense([1]));
        Views.Cpu.Copy(Views.Of([1], x), y);
        Views.Cpu.Copy(y, back);
        Assert.That(Views.Get<float>(back)[0], Is.EqualTo(expected));
    }

    [Test]
    public void NanStaysNanInEveryFloatType([Values(DType.Float16, DType.BFloat16)] DType dtype)
    {
        View y = Typed(dtype, [1], "dense"), back = Views.Empty<float>(Layout.Dense([1]));
        Views.Cpu.Copy(Views.Of([1], float.NaN), y);
        Views.Cpu.Copy(y, back);
        Assert.That(Views.Get<float>(back)[0], Is.NaN);
    }

    [Test]
    public void FillTakesEveryType([Values] DType dtype, [Values("dense", "padded")] string layout, [Values(0, 1, 7)] double value)
    {
        View y = Typed(dtype, [3, 50], layout);
        Views.Cpu.Fill(y, value);
        Assert.That(Read(y), Is.All.EqualTo(dtype == DType.Bool && value != 0 ? 1 : value));
    }

    static double Expected(double v, DType to) => to switch
    {
        DType.Float32 => (float)v,
        DType.Float16 => (double)(Half)(float)v,
        DType.BFloat16 => (float)(BFloat16)(float)v,
        DType.UInt8 => unchecked((byte)(long)v),
        DType.Int32 => v is > int.MaxValue or < int.MinValue || v == Math.Truncate(v) ? unchecked((int)(long)v) : (int)v,
        DType.Int64 => (long)v,
        _ => v != 0 ? 1 : 0,
    };

    static View Typed(DType dtype, Shape shape, string layout, params double[] contents)
    {
        View view = dtype switch
        {
            DType.Float32 => Views.Empty<float>(Layouts.Named(layout, shape)),
            DType.Float16 => Views.Empty<Half>(Layouts.Named(layout, shape)),
            DType.BFloat16 => Views.Empty<BFloat16>(Layouts.Named(layout, shape)),
            DType.UInt8 => Views.Empty<byte>(Layouts.Named(layout, shape)),
            DType.Int32 => Views.Empty<int>(Layouts.Named(layout, shape)),
            DType.Int64 => Views.Empty<long>(Layouts.Named(layout, shape)),
            _ => Views.Empty<bool>(Layouts.Named(layout, shape)),
        };
        if (contents.Length > 0) Views.Set(view, (ReadOnlySpan<float>)[.. contents.Select(v => (float)v)]);
        return view;
    }

    static double[] Read(View view) => view.DType switch
    {
        DType.Float32 => [.. Views.Get<float>(view).Select(v => (double)v)],
        DType.Float16 => [.. Views.Get<Half>(view).Select(v => (double)v)],
        DType.BFloat16 => [.. Views.Get<BFloat16>(view).Select(v => (double)(float)v)],
        DType.UInt8 => [.. Views.Get<byte>(view).Select(v => (double)v)],
        DType.Int32 => [.. Views.Get<int>(view).Select(v => (double)v)],
        DType.Int64 => [.. Views.Get<long>(view).Select(v => (double)v)],
        _ => [.. Views.Get<bool>(view).Select(v => v ? 1.0 : 0.0)],
    };
}
