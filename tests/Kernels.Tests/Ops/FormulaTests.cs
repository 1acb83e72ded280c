using Tessera.Cpu;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Every formula at every vector width: the same bits, and the functions near the true value.</summary>
public sealed unsafe class FormulaTests
{
    delegate float[] Run(float[] a, float[] b);

    static readonly (string Name, Run[] Widths)[] formulas =
    [
        U<Ops.Neg>(), U<Ops.Abs>(), U<Ops.Sign>(), U<Ops.Square>(), U<Ops.Sqrt>(), U<Ops.Rsqrt>(), U<Ops.Reciprocal>(), U<Ops.Exp>(), U<Ops.Exp2>(),
        U<Ops.Expm1>(), U<Ops.Log>(), U<Ops.Log2>(), U<Ops.Log1p>(), U<Ops.Sin>(), U<Ops.Cos>(), U<Ops.Erf>(), U<Ops.Floor>(), U<Ops.Ceil>(), U<Ops.Round>(),
        U<Ops.Trunc>(), U(new Ops.Clamp(-0.5f, 2)), U(new Ops.AddScalar(0.3f)), U(new Ops.MulScalar(0.3f)), U(new Ops.Affine(0.3f, 0.7f)),
        U(new Ops.PowScalar(1.5f)), U<Ops.LogicalNot>(), U<Ops.IsNaN>(), U<Ops.IsFinite>(), U<Ops.Relu>(), U(new Ops.LeakyRelu(0.1f)), U<Ops.Relu6>(),
        U(new Ops.HardTanh(-1, 1)), U<Ops.Tanh>(), U<Ops.Sigmoid>(), U<Ops.Silu>(), U<Ops.Gelu>(), U<Ops.GeluTanh>(), U(new Ops.Softplus(2, 20)),
        U(new Ops.Elu(0.5f)), U<Ops.Selu>(), U(new Ops.Celu(0.7f)), U<Ops.HardSigmoid>(), U<Ops.HardSwish>(), U<Ops.Mish>(), U<Ops.Softsign>(),
        U<Ops.LogSigmoid>(), U(new Ops.Lighting(0.8f, 0.4f)),
        B<Ops.Add>(), B<Ops.Sub>(), B<Ops.Mul>(), B<Ops.Div>(), B<Ops.Maximum>(), B<Ops.Minimum>(), B<Ops.Pow>(), B<Ops.Atan2>(), B<Ops.Fmod>(),
        B<Ops.Remainder>(), B(new Ops.AddScaled(0.3f)), B(new Ops.Lerp(0.3f)), B(new Ops.Dropout(0.3f, 1.4f)), B<Ops.Equal>(), B<Ops.NotEqual>(), B<Ops.Less>(), B<Ops.LessEqual>(),
        B<Ops.Greater>(), B<Ops.GreaterEqual>(), B<Ops.LogicalAnd>(), B<Ops.LogicalOr>(), B<Ops.LogicalXor>(),
        B<Ops.ReluGrad>(), B(new Ops.LeakyReluGrad(0.1f)), B<Ops.Relu6Grad>(), B(new Ops.HardTanhGrad(-1, 1)), B<Ops.TanhGrad>(), B<Ops.SigmoidGrad>(),
        B<Ops.SiluGrad>(), B<Ops.GeluGrad>(), B<Ops.GeluTanhGrad>(), B(new Ops.SoftplusGrad(2, 20)), B(new Ops.EluGrad(0.5f)), B<Ops.SeluGrad>(),
        B(new Ops.CeluGrad(0.7f)), B<Ops.HardSigmoidGrad>(), B<Ops.HardSwishGrad>(), B<Ops.MishGrad>(), B<Ops.SoftsignGrad>(), B<Ops.LogSigmoidGrad>(),
        B<Ops.AbsGrad>(), B<Ops.SquareGrad>(), B<Ops.SqrtGrad>(), B<Ops.RsqrtGrad>(), B<Ops.ReciprocalGrad>(), B<Ops.ExpGrad>(), B<Ops.Exp2Grad>(),
        B<Ops.Expm1Grad>(), B<Ops.LogGrad>(), B<Ops.Log2Grad>(), B<Ops.Log1pGrad>(), B<Ops.SinGrad>(), B<Ops.CosGrad>(), B<Ops.ErfGrad>(),
        B(new Ops.ClampGrad(-0.5f, 2)), B(new Ops.PowScalarGrad(1.5f)), B<Ops.PowBaseSlope>(), B<Ops.PowExponentSlope>(), B<Ops.Atan2YSlope>(),
        B<Ops.Atan2XSlope>(), B<Ops.MaximumSlope>(), B<Ops.MinimumSlope>(), B(new Ops.SmoothL1(0.7f)), B(new Ops.SmoothL1Grad(0.7f)),
    ];

    static readonly Dictionary<string, Run[]> byName = formulas.ToDictionary(f => f.Name, f => f.Widths);

    static IEnumerable<string> Names => byName.Keys;

    [Test]
    public void EveryFormulaIsHere()
    {
        var all = typeof(Ops).GetNestedTypes().Where(t => t.IsAssignableTo(typeof(IUnary)) || t.IsAssignableTo(typeof(IBinary))).Select(t => t.Name);
        Assert.That(Names.Select(n => n.Replace("_", "")), Is.EquivalentTo(all.Select(n => n.ToLowerInvariant())));
    }

    [TestCaseSource(nameof(Names))]
    public void EveryWidthGivesTheSameBits(string name)
    {
        float[] a = Patterns(40_000, seed: 1), b = Patterns(40_000, seed: 2);
        float[][] y = [.. byName[name].Select(run => run(a, b))];
        for (int i = 0; i < a.Length; i++)
        {
            uint expected = Bits(y[0][i]);
            Assert.That(Bits(y[1][i]) == expected && Bits(y[2][i]) == expected,
                $"{name}({a[i]:R}, {b[i]:R}): 1 lane {expected:x8} ({y[0][i]:R}), 8 lanes {Bits(y[1][i]):x8} ({y[1][i]:R}), 16 lanes {Bits(y[2][i]):x8}");
        }
    }

    /// <summary>The formulas as PTX: those of one lane, instruction by instruction; the rare arguments of sin, cos and fmod by functions of their own.</summary>
    [TestCaseSource(nameof(Names))]
    public void TheEmulatorGivesTheSameBits(string name)
    {
        float[] a = Patterns(20_003, seed: 7), b = Patterns(20_003, seed: 8), expected = byName[name][0](a, b), actual = byName[name][3](a, b);
        for (int i = 0; i < a.Length; i++)
            Assert.That(Bits(actual[i]), Is.EqualTo(Bits(expected[i])), $"{name}({a[i]:R}, {b[i]:R}) = {expected[i]:R}, got {actual[i]:R}");
    }

    [Category("Golden")]
    [TestCaseSource(nameof(SpecialFunctions))]
    public void FunctionsAreNearTheTrueValue(string function, int maxUlp)
    {
        var arrays = SafetensorsReader.Read(TestData.Golden("ops/unary_special.safetensors"));
        float[] x = arrays[function + "/x"].Floats(), y = arrays[function + "/y"].Floats();
        float[] second = arrays.TryGetValue(function + "/e", out var e) ? e.Floats() : x;
        foreach (var run in byName[function])
        {
            float[] actual = run(x, second);
            for (int i = 0; i < x.Length; i++)
                Assert.That(Ulp(actual[i], y[i]), Is.LessThanOrEqualTo(maxUlp), $"{function}({x[i]:R}, {second[i]:R}) = {y[i]:R}, got {actual[i]:R}");
        }
    }

    static IEnumerable<TestCaseData> SpecialFunctions()
    {
        if (TestData.FindGolden("ops/unary_special.json") is null) yield break;
        foreach (var f in GoldenCase.Index("ops/unary_special.json").GetProperty("functions").EnumerateArray())
            yield return new TestCaseData(f.GetProperty("function").GetString(), f.GetProperty("suggested_max_ulp").GetInt32());
    }

    [TestCase("exp", -104f, 89f, 2)]
    [TestCase("exp2", -150f, 128f, 2)]
    [TestCase("expm1", -20f, 89f, 2)]
    [TestCase("log", 0f, 1e30f, 2)]
    [TestCase("log", 0.5f, 2f, 2)]
    [TestCase("log2", 0.5f, 2f, 2)]
    [TestCase("log2", 0f, 1e30f, 2)]
    [TestCase("log1p", -1f, 3f, 2)]
    [TestCase("log1p", 0f, 1e30f, 2)]
    [TestCase("sin", -100f, 100f, 2)]
    [TestCase("cos", -100f, 100f, 2)]
    [TestCase("sin", -100_000f, 100_000f, 2)]
    [TestCase("cos", 1e5f, 1e30f, 1)]
    [TestCase("tanh", -10f, 10f, 2)]
    [TestCase("tanh", -1f, 1f, 2)]
    [TestCase("sigmoid", -100f, 30f, 2)]
    public void FunctionsAreNearDoublePrecision(string function, float low, float high, int maxUlp)
    {
        Func<double, double> exact = function switch
        {
            "exp" => Math.Exp,
            "exp2" => x => Math.Pow(2, x),
            "expm1" => x => Math.Abs(x) < 1e-3 ? x + (x * x / 2) + (x * x * x / 6) + (x * x * x * x / 24) : Math.Exp(x) - 1,
            "log" => Math.Log,
            "log2" => Math.Log2,
            "log1p" => x => Math.Abs(x) < 1e-3 ? x - (x * x / 2) + (x * x * x / 3) - (x * x * x * x / 4) : Math.Log(1 + x),
            "sin" => Math.Sin,
            "cos" => Math.Cos,
            "tanh" => Math.Tanh,
            "sigmoid" => x => 1 / (1 + Math.Exp(-x)),
            _ => throw new ArgumentException(function, nameof(function)),
        };
        var random = new Philox(5);
        float[] x = new float[300_000];
        for (int i = 0; i < x.Length; i++)
        {
            float u = random.Uniform((ulong)i);
            // Half of them evenly, half by magnitude.
            x[i] = i % 2 == 0 ? low + (u * (high - low)) : MathF.CopySign(MathF.Exp((u * 90) - 45), i % 4 == 1 && low < 0 ? -1 : 1);
        }
        x = [.. x.Where(v => v > low && v < high)];
        float[] y = byName[function][2](x, x);
        int worst = Enumerable.Range(0, x.Length).MaxBy(i => Ulp(y[i], (float)exact(x[i])));
        Assert.That(Ulp(y[worst], (float)exact(x[worst])), Is.LessThanOrEqualTo(maxUlp), $"{function}({x[worst]:R}) = {exact(x[worst]):R}, got {y[worst]:R}");
    }

    [Test]
    public void PowIsNearDoublePrecision()
    {
        var random = new Philox(6);
        float[] a = new float[200_000], b = new float[a.Length];
        for (int i = 0; i < a.Length; i++)
        {
            a[i] = MathF.Exp((random.Uniform((ulong)(2 * i)) * 20) - 10);
            b[i] = ((2 * random.Uniform((ulong)((2 * i) + 1))) - 1) * (i % 2 == 0 ? 4 : 90);
        }
        float[] y = byName["pow"][2](a, b);
        int worst = Enumerable.Range(0, a.Length).MaxBy(i => Ulp(y[i], (float)Math.Pow(a[i], b[i])));
        Assert.That(Ulp(y[worst], (float)Math.Pow(a[worst], b[worst])), Is.LessThanOrEqualTo(4), $"pow({a[worst]:R}, {b[worst]:R})");
    }

    [Test]
    public void PowOfSpecialValuesIsThatOfIeee()
    {
        float[] values = [0, -0f, 1, -1, 2, -2, 0.5f, -0.5f, 3, -3, 1e30f, -1e30f, 16777217, 1e-40f, -1e-40f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        float[] a = [.. from x in values from e in values select x], b = [.. from x in values from e in values select e];
        float[] y = byName["pow"][2](a, b);
        for (int i = 0; i < a.Length; i++)
            Assert.That(Ulp(y[i], (float)Math.Pow(a[i], b[i])), Is.LessThanOrEqualTo(4), $"pow({a[i]:R}, {b[i]:R}) = {(float)Math.Pow(a[i], b[i]):R}, got {y[i]:R}");
    }

    [Test]
    public void AnglesAndRemaindersAreThoseOfDoublePrecision()
    {
        float[] a = [.. Patterns(30_000, 3), .. Arrays.Random(30_000, 4, 100)], b = [.. Patterns(30_000, 5), .. Arrays.Random(30_000, 6, 10)];
        float[] angle = byName["atan2"][2](a, b), fmod = byName["fmod"][2](a, b), remainder = byName["remainder"][2](a, b);
        for (int i = 0; i < a.Length; i++)
        {
            Assert.That(Ulp(angle[i], (float)Math.Atan2(a[i], b[i])), Is.LessThanOrEqualTo(3), $"atan2({a[i]:R}, {b[i]:R}), got {angle[i]:R}");
            Assert.That(Ulp(fmod[i], a[i] % b[i]), Is.Zero, $"fmod({a[i]:R}, {b[i]:R}) = {a[i] % b[i]:R}, got {fmod[i]:R}");
            float m = a[i] % b[i];
            if (m != 0 && (m < 0) != (b[i] < 0)) m += b[i];
            Assert.That(Ulp(remainder[i], m), Is.Zero, $"remainder({a[i]:R}, {b[i]:R}) = {m:R}, got {remainder[i]:R}");
        }
    }

    static (string Name, Run[] Widths) U<TOp>(TOp op = default) where TOp : struct, IUnary
    {
        return (TOp.Name, [(x, _) => Over<Vec1>(x), (x, _) => Over<Vec8>(x), (x, _) => Over<Vec16>(x), (x, _) => Emulated(x)]);
        float[] Over<V>(float[] x) where V : struct, IVec<V>
        {
            float[] y = new float[x.Length];
            fixed (float* px = x, py = y) Maps.Unary<TOp, V>(op, px, py, x.Length);
            return y;
        }
        float[] Emulated(float[] x)
        {
            View y = Views.Empty<float>([x.Length]);
            Device.Emulator.Backend.Unary(op, Views.Of([x.Length], x), y);
            return Views.Get<float>(y);
        }
    }

    static (string Name, Run[] Widths) B<TOp>(TOp op = default) where TOp : struct, IBinary
    {
        return (TOp.Name, [Over<Vec1>, Over<Vec8>, Over<Vec16>, Emulated]);
        float[] Over<V>(float[] a, float[] b) where V : struct, IVec<V>
        {
            float[] y = new float[a.Length];
            fixed (float* pa = a, pb = b, py = y) Maps.Binary<TOp, V>(op, pa, pb, py, a.Length);
            return y;
        }
        float[] Emulated(float[] a, float[] b)
        {
            View y = Views.Empty<float>([a.Length]);
            Device.Emulator.Backend.Binary(op, Views.Of([a.Length], a), Views.Of([b.Length], b), y);
            return Views.Get<float>(y);
        }
    }

    // One pattern for every NaN: which of two NaN operands survives an addition is the compiler's choice.
    static uint Bits(float x) => float.IsNaN(x) ? 0x7FC00000 : BitConverter.SingleToUInt32Bits(x);

    // Distance in representable numbers; NaN only equals NaN, and 0 equals -0.
    static long Ulp(float a, float b)
    {
        if (float.IsNaN(a) || float.IsNaN(b)) return float.IsNaN(a) && float.IsNaN(b) ? 0 : long.MaxValue;
        return Math.Abs(Order(a) - Order(b));
        static long Order(float x) => (int)Bits(x) is var i && i < 0 ? -(long)(i & 0x7FFFFFFF) : i;
    }

    /// <summary>Random bit patterns: every exponent, NaN, infinities and denormals; among them ordinary numbers and the usual special ones.</summary>
    static float[] Patterns(int n, ulong seed)
    {
        float[] special = [0, -0f, 1, -1, 0.5f, 2, 3, -3, 20, 88.8f, -104, 1e-45f, float.Epsilon, float.MaxValue, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        var random = new Philox(seed);
        float[] x = new float[n];
        for (int i = 0; i < n; i++)
        {
            uint word = random.Word((ulong)i);
            x[i] = (i % 3) switch { 0 => BitConverter.UInt32BitsToSingle(word), 1 => special[word % special.Length], _ => ((float)word / (1u << 28)) - 8 };
        }
        return x;
    }
}
