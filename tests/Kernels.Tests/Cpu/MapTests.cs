namespace Tessera.Tests;

public sealed class MapTests
{
    static readonly Shape[] shapes = [[], [1], [17], [1000], [0], [3, 0, 2], [2, 3], [33, 70], [2, 3, 5, 7], [2, 64, 5, 3], [1, 3, 1, 5], [2, 3, 2, 3, 2], [40_001]];

    static IEnumerable<TestCaseData> Cases() =>
        from s in shapes
        from x in Layouts.Names
        from y in Layouts.Names
        select new TestCaseData(s, x, y).SetArgDisplayNames(s.ToString(), x, y);

    [TestCaseSource(nameof(Cases))]
    public void UnaryAtAnyStrides(Shape shape, string from, string to)
    {
        float[] values = Arrays.Random(shape.Count);
        View x = Views.Of(Layouts.Named(from, shape), values), y = Views.Empty<float>(Layouts.Named(to, shape));
        Views.Cpu.Unary(new Ops.Affine(2, 1), x, y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(values.Select(v => MathF.FusedMultiplyAdd(v, 2, 1))));
    }

    [TestCaseSource(nameof(Cases))]
    public void BinaryAtAnyStrides(Shape shape, string from, string to)
    {
        float[] a = Arrays.Random(shape.Count, 1), b = Arrays.Random(shape.Count, 2);
        View x = Views.Of(Layouts.Named(from, shape), a), z = Views.Of(Layouts.Named("dense", shape), b), y = Views.Empty<float>(Layouts.Named(to, shape));
        Views.Cpu.Binary(default(Ops.Sub), x, z, y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(a.Zip(b, (p, q) => p - q)));
    }

    [TestCaseSource(nameof(Cases))]
    public void CopyAtAnyStrides(Shape shape, string from, string to)
    {
        float[] values = Arrays.Random(shape.Count);
        View x = Views.Of(Layouts.Named(from, shape), values), y = Views.Empty<float>(Layouts.Named(to, shape));
        Views.Cpu.Copy(x, y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(values));
    }

    [TestCase("[2, 3, 4, 5]", "[1, 3, 1, 1]")]
    [TestCase("[2, 3, 4, 5]", "[2, 1, 4, 5]")]
    [TestCase("[2, 3, 4, 5]", "[5]")]
    [TestCase("[2, 3, 4, 5]", "[]")]
    [TestCase("[2, 64, 4, 5]", "[2, 64, 1, 1]")]
    [TestCase("[6, 50]", "[6, 1]")]
    [TestCase("[6, 50]", "[1, 50]")]
    public void BroadcastOperandsRepeat(string large, string small)
    {
        Shape shape = Parse(large), own = Parse(small);
        float[] a = Arrays.Random(shape.Count, 1), b = Arrays.Random(own.Count, 2);
        View wide = Views.Of(own, b).BroadcastTo(shape), y = Views.Empty<float>(Layout.Dense(shape));
        Views.Cpu.Binary(default(Ops.Mul), Views.Of(shape, a), wide, y);
        Assert.That(Views.Get<float>(y), Is.EqualTo(a.Zip(Views.Get<float>(wide), (p, q) => p * q)));
    }

    [Test]
    public void InPlace([Values] bool dense)
    {
        Shape shape = [3, 700];
        float[] values = Arrays.Random(shape.Count);
        View x = Views.Of(Layouts.Named(dense ? "dense" : "padded", shape), values);
        Views.Cpu.Unary(default(Ops.Square), x, x);
        Views.Cpu.Binary(default(Ops.Add), x, x, x);
        Assert.That(Views.Get<float>(x), Is.EqualTo(values.Select(v => (v * v) + (v * v))));
    }

    static Shape Parse(string text) => text == "[]" ? [] : text.Trim('[', ']').Split(", ").Select(t => int.Parse(t)).ToArray();
}
