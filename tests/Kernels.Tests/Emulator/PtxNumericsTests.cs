namespace Tessera.Tests;

/// <summary>Approximate instructions at both ends of their documented error, and products fused with sums or not.</summary>
public sealed class PtxNumericsTests
{
    static float[] Run(string body, float[] a, float[] b, PtxApproximation approximation = default, PtxContraction contraction = default)
    {
        string text = $$"""
            .version 7.8
            .target sm_90
            .address_size 64
            .visible .entry k(.param .u64 a, .param .u64 b, .param .u64 y)
            {
                .reg .b64 %d<16>;
                .reg .b32 %r<16>;
                .reg .b16 %h<16>;
                .reg .f32 %f<16>;
                .reg .f64 %g<16>;
                .reg .pred %p<8>;
                ld.param.u64 %d1, [a];
                ld.param.u64 %d2, [b];
                ld.param.u64 %d3, [y];
                mov.u32 %r1, %tid.x;
                mad.wide.u32 %d1, %r1, 4, %d1;
                mad.wide.u32 %d2, %r1, 4, %d2;
                mad.wide.u32 %d3, %r1, 4, %d3;
                ld.global.f32 %f1, [%d1];
                ld.global.f32 %f2, [%d2];
                {{body}}
                st.global.f32 [%d3], %f3;
                ret;
            }
            """;
        float[] y = new float[a.Length];
        PtxModule.Parse(text).Launch("k", new((1, 1, 1), (a.Length, 1, 1)) { Approximation = approximation, Contraction = contraction }, PtxArgument.Buffer(a), PtxArgument.Buffer(b), PtxArgument.Buffer(y));
        return y;
    }

    /// <summary>256 values between two, and their exact results and errors as the PTX ISA states them.</summary>
    static IEnumerable<TestCaseData> Approximations()
    {
        static TestCaseData Case(string op, double low, double high, Func<double, double> f, Func<double, double, double> error) => new TestCaseData(op, low, high, f, error).SetArgDisplayNames(op, $"{low}", $"{high}");
        static double Ulp(double y) => Math.ScaleB(1, Math.ILogB(y) - 23);
        yield return Case("rcp.approx.f32 %f3, %f1;", 0.5, 9, x => 1 / x, (_, y) => Ulp(y));
        yield return Case("mov.f32 %f4, 0f40400000; div.approx.f32 %f3, %f4, %f1;", 0.5, 9, x => 3 / x, (_, y) => 2 * Ulp(y));
        yield return Case("mov.f32 %f4, 0f40400000; div.full.f32 %f3, %f4, %f1;", -9, -0.5, x => 3 / x, (_, y) => 2 * Ulp(y));
        yield return Case("sqrt.approx.f32 %f3, %f1;", 0.1, 90, Math.Sqrt, (_, y) => Math.Pow(2, -23) * y);
        yield return Case("rsqrt.approx.f32 %f3, %f1;", 0.1, 90, x => 1 / Math.Sqrt(x), (_, y) => Math.Pow(2, -22.9) * y);
        yield return Case("sin.approx.f32 %f3, %f1;", -6, 6, Math.Sin, (_, _) => Math.Pow(2, -20.5));
        yield return Case("cos.approx.f32 %f3, %f1;", 7, 300, Math.Cos, (_, _) => Math.Pow(2, -14.7));
        yield return Case("lg2.approx.f32 %f3, %f1;", 0.6, 1.9, Math.Log2, (_, _) => Math.Pow(2, -22));
        yield return Case("lg2.approx.f32 %f3, %f1;", 2, 1000, Math.Log2, (_, y) => Math.Pow(2, -22) * y);
        yield return Case("ex2.approx.f32 %f3, %f1;", -20, 20, x => Math.Pow(2, x), (_, y) => 2 * Ulp(y));
        yield return Case("tanh.approx.f32 %f3, %f1;", -3, 3, Math.Tanh, (_, y) => Math.Pow(2, -11) * Math.Abs(y));
        yield return Case("cvt.rn.f16.f32 %h1, %f1; tanh.approx.f16 %h2, %h1; cvt.f32.f16 %f3, %h2;", 0.01, 3, x => Math.Tanh((double)(Half)x), (_, _) => Math.Pow(2, -10.987));
        yield return Case("cvt.rn.f16.f32 %h1, %f1; ex2.approx.f16 %h2, %h1; cvt.f32.f16 %f3, %h2;", -3, 3, x => Math.Pow(2, (double)(Half)x), (_, y) => Math.Pow(2, -9.9) * y);
    }

    [TestCaseSource(nameof(Approximations))]
    public void BothEndsAreInsideTheDocumentedErrorAndDiffer(string op, double low, double high, Func<double, double> f, Func<double, double, double> error)
    {
        float[] x = [.. Enumerable.Range(0, 256).Select(i => (float)(low + ((high - low) * (i + 0.37) / 256)))];
        float[] near = Run(op, x, x), down = Run(op, x, x, PtxApproximation.Low), up = Run(op, x, x, PtxApproximation.High);
        int apart = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double y = f(x[i]), e = error(x[i], y) * (1 + 1e-9);
            Assert.That(down[i], Is.LessThanOrEqualTo(near[i]), $"{x[i]:R}");
            Assert.That(up[i], Is.GreaterThanOrEqualTo(near[i]), $"{x[i]:R}");
            Assert.That(y - down[i], Is.LessThanOrEqualTo(e), $"{x[i]:R}");
            Assert.That(up[i] - y, Is.LessThanOrEqualTo(e), $"{x[i]:R}");
            if (!op.Contains("16")) Assert.That(y - MathF.BitDecrement(down[i]), Is.GreaterThanOrEqualTo(e * 0.99), $"{x[i]:R}: one lower is inside too");
            if (up[i] > down[i]) apart++;
        }
        Assert.That(apart, Is.GreaterThan(240));
    }

    [Test]
    public void ExactCasesStayExact()
    {
        float[] x = [0, -0f, float.PositiveInfinity, float.NegativeInfinity, float.NaN];
        foreach (string op in (string[])["ex2.approx.f32", "sin.approx.f32", "rcp.approx.f32", "sqrt.approx.f32", "lg2.approx.f32", "tanh.approx.f32"])
        {
            float[] near = Run($"{op} %f3, %f1;", x, x);
            foreach (var which in (PtxApproximation[])[PtxApproximation.Low, PtxApproximation.High]) Assert.That(Run($"{op} %f3, %f1;", x, x, which), Is.EqualTo(near), op);
        }
    }

    [Test]
    public void DivisionByMoreThanTheFastInverseHolds() =>
        // |b| above 2^126: zero of the sign, NaN for an infinite dividend.
        Assert.That(Run("div.approx.f32 %f3, %f1, %f2;", [1e38f, -1e38f, float.PositiveInfinity, 1e38f], [1e38f, 1e38f, 1e38f, 8e37f]), Is.EqualTo(new[] { 0f, -0f, float.NaN, 1.25f }));

    [TestCase("low", ExpectedResult = 0x3FD55554_00000000), TestCase("nearest", ExpectedResult = 0x3FD55555_00000000), TestCase("high", ExpectedResult = 0x3FD55556_00000000)]
    public long GrossInverseOfThree(string which)
    {
        const string body = "mov.f64 %g1, 0d4008000000000000; rcp.approx.ftz.f64 %g2, %g1; mov.b64 {%r2, %r3}, %g2; setp.eq.u32 %p1, %r1, 0; selp.b32 %r4, %r2, %r3, %p1; mov.b32 %f3, %r4;";
        float[] halves = Run(body, [0, 0], [0, 0], Enum.Parse<PtxApproximation>(which, ignoreCase: true));
        return (long)BitConverter.SingleToUInt32Bits(halves[1]) << 32 | BitConverter.SingleToUInt32Bits(halves[0]);
    }

    // x = 1 + 2^-12: x·x = 1 + 2^-11 + 2^-24, which f32 rounds to 1 + 2^-11. What the product loses shows in the difference.
    [TestCase("mul.f32 %f4, %f1, %f1; sub.f32 %f3, %f4, %f2;", true), TestCase("mul.f32 %f4, %f1, %f1; neg.f32 %f5, %f2; add.f32 %f3, %f5, %f4;", true)]
    [TestCase("mul.ftz.f32 %f4, %f1, %f1; sub.ftz.f32 %f3, %f4, %f2;", true), TestCase("mul.ftz.f32 %f4, %f1, %f1; sub.f32 %f3, %f4, %f2;", false)]
    [TestCase("mul.rn.f32 %f4, %f1, %f1; sub.f32 %f3, %f4, %f2;", false), TestCase("mul.f32 %f4, %f1, %f1; sub.rn.f32 %f3, %f4, %f2;", false)]
    [TestCase("mul.f32 %f4, %f1, %f1; sub.sat.f32 %f3, %f4, %f2;", true)]
    [TestCase("mul.f32 %f4, %f1, %f1; mov.f32 %f1, 0f00000000; sub.f32 %f3, %f4, %f2;", true), TestCase("mul.f32 %f1, %f1, %f1; sub.f32 %f3, %f1, %f2;", true)]
    [TestCase("mul.f32 %f4, %f1, %f1; mov.f32 %f4, %f2; sub.f32 %f3, %f4, %f2;", false), TestCase("mul.f32 %f4, %f1, %f1; bra L; L: sub.f32 %f3, %f4, %f2;", false)]
    [TestCase("setp.eq.u32 %p1, %r1, 0; mov.f32 %f4, %f2; @%p1 mul.f32 %f4, %f1, %f1; sub.f32 %f3, %f4, %f2;", false), TestCase("setp.eq.u32 %p1, %r1, 0; @%p1 mul.f32 %f4, %f1, %f1; @%p1 sub.f32 %f3, %f4, %f2;", true)]
    public void UnmarkedSinglePairsAreFused(string body, bool fuses)
    {
        float x = 1 + MathF.ScaleB(1, -12), square = 1 + MathF.ScaleB(1, -11);
        Assert.That(Run(body, [x], [square])[0], Is.Zero);
        Assert.That(Run(body, [x], [square], contraction: PtxContraction.Fused)[0], Is.EqualTo(fuses ? MathF.ScaleB(1, -24) : 0));
    }

    [Test]
    public void AProductOfTwoSumsIsFusedIntoBoth()
    {
        float x = 1 + MathF.ScaleB(1, -12), square = 1 + MathF.ScaleB(1, -11);
        const string body = "mul.f32 %f4, %f1, %f1; sub.f32 %f5, %f4, %f2; sub.f32 %f6, %f2, %f4; sub.rn.f32 %f3, %f5, %f6;";
        Assert.That(Run(body, [x], [square], contraction: PtxContraction.Fused)[0], Is.EqualTo(MathF.ScaleB(1, -23)));
    }

    // x = 1 + 2^-27 in f64 and 1 + 2^-6 in f16; the square loses 2^-54 and 2^-12.
    [TestCase("mov.f64 %g1, 0d3FF0000002000000; mov.f64 %g2, 0d3FF0000004000000; mul.f64 %g3, %g1, %g1; sub.f64 %g4, %g3, %g2; cvt.rn.f32.f64 %f3, %g4;", -54)]
    [TestCase("mov.b16 %h1, 0x3C10; mov.b16 %h2, 0x3C20; mul.f16 %h3, %h1, %h1; sub.f16 %h4, %h3, %h2; cvt.f32.f16 %f3, %h4;", -12)]
    [TestCase("mov.b32 %r2, 0x3C103C10; mov.b32 %r3, 0x3C203C20; mul.f16x2 %r4, %r2, %r2; sub.f16x2 %r5, %r4, %r3; mov.b32 {%h1, %h2}, %r5; cvt.f32.f16 %f3, %h2;", -12)]
    public void OtherTypesAreFusedToo(string body, int exponent)
    {
        Assert.That(Run(body, [0], [0])[0], Is.Zero);
        Assert.That(Run(body, [0], [0], contraction: PtxContraction.Fused)[0], Is.EqualTo(MathF.ScaleB(1, exponent)));
    }
}
