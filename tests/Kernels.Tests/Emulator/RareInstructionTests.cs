namespace Tessera.Tests;

/// <summary>Instructions that compilers write less often, against values computed by hand or by a plain formula.</summary>
public sealed partial class RareInstructionTests
{
    /// <summary>y[thread] = %r9 of each of 32 threads, whose %r1 is the thread's number; x holds words to read.</summary>
    static uint[] Run(string body, uint[]? x = null, string before = "", string target = "sm_100", PtxChecks checks = PtxChecks.All)
    {
        string text = $$"""
            .version 8.8
            .target {{target}}
            .address_size 64
            {{before}}
            .visible .entry k(.param .u64 x, .param .u64 y)
            {
                .reg .b64 %d<16>;
                .reg .b32 %r<16>;
                .reg .b16 %h<16>;
                .reg .f32 %f<16>;
                .reg .b128 %q<4>;
                .reg .pred %p<8>;
                .shared .align 16 .b8 s[256];
                .shared .align 8 .b64 bar;
                ld.param.u64 %d1, [x];
                ld.param.u64 %d2, [y];
                mov.u32 %r1, %tid.x;
                mad.wide.u32 %d2, %r1, 4, %d2;
                {{body}}
                st.global.b32 [%d2], %r9;
                ret;
            }
            """;
        uint[] y = new uint[32];
        PtxReport report = PtxModule.Parse(text).Launch("k", new((1, 1, 1), (32, 1, 1)) { Checks = checks, StepLimit = 100_000 }, PtxArgument.Buffer(x ?? new uint[64]), PtxArgument.Buffer(y));
        Assert.That(report.Findings, Is.Empty, string.Join('\n', report.Findings));
        return y;
    }

    static uint Bits(float x) => BitConverter.SingleToUInt32Bits(x);

    static uint[] Each(Func<uint, uint> f) => [.. Enumerable.Range(0, 32).Select(i => f((uint)i))];

    // a & 3 is zero for every fourth thread; q is true above 15.
    [TestCase("and"), TestCase("or")]
    public void Lop3JoinsAPredicate(string op) =>
        Assert.That(Run($"setp.gt.u32 %p1, %r1, 15; lop3.{op}.b32 %r2|%p2, %r1, 3, 0, 0xC0, %p1; selp.b32 %r3, 64, 0, %p2; add.u32 %r9, %r2, %r3; lop3.{op}.b32 _|%p3, %r1, 3, 0, 0xC0, %p1; @%p3 add.u32 %r9, %r9, 128;"),
            Is.EqualTo(Each(i => (i & 3) + ((op == "and" ? (i & 3) != 0 && i > 15 : (i & 3) != 0 || i > 15) ? 192u : 0))));

    // 0x3C00 is 1, 0x4000 is 2, 0x7E00 is NaN.
    [TestCase("setp.lt.f16x2 %p1|%p2, %r2, %r3;", 1u), TestCase("setp.ltu.f16x2 %p1|%p2, %r2, %r3;", 3u), TestCase("setp.eq.u32 %p1, %r2, %r3; setp.geu.xor.f16x2 %p1|%p2, %r2, %r3, !%p1;", 1u)]
    public void SetpOfPairs(string op, uint expected) =>
        Assert.That(Run($"mov.b32 %r2, 0x3C003C00; mov.b32 %r3, 0x7E004000; {op} selp.b32 %r9, 1, 0, %p1; @%p2 or.b32 %r9, %r9, 2;"), Is.EqualTo(Each(_ => expected)));

    [TestCase("set.lt.f16x2.f16x2 %r9, %r2, %r3;", 0x00003C00u), TestCase("set.geu.u32.f16x2 %r9, %r2, %r3;", 0xFFFF0000u), TestCase("set.lt.or.f16x2.f16x2 %r9, %r2, %r3, %p1;", 0x3C003C00u)]
    [TestCase("set.lt.and.f16x2.f16x2 %r9, %r2, %r3, !%p1;", 0u), TestCase("set.ne.xor.u32.u32 %r9, %r2, %r3, %p1;", 0u), TestCase("set.eq.xor.f32.u32 %f1, %r2, %r3, %p1; mov.b32 %r9, %f1;", 0x3F800000u)]
    public void SetOfPairsAndWithAPredicate(string op, uint expected) =>
        Assert.That(Run($"setp.lt.u32 %p1, %r1, 99; mov.b32 %r2, 0x3C003C00; mov.b32 %r3, 0x7E004000; {op}"), Is.EqualTo(Each(_ => expected)));

    [Test]
    public void CopiesThatIgnoreTheirSource()
    {
        uint[] x = [.. Enumerable.Range(0, 64).Select(i => (uint)(1000 + i))];
        const string place = "shl.b32 %r2, %r1, 2; mov.u32 %r3, s; add.u32 %r3, %r3, %r2; mad.wide.u32 %d3, %r1, 4, %d1; and.b32 %r4, %r1, 1; setp.eq.u32 %p1, %r4, 1; mov.b64 %d4, 0; ", wait = " cp.async.wait_all; ld.shared.b32 %r9, [%r3];";
        Assert.That(Run(place + "cp.async.ca.shared.global [%r3], [%d3], 4, %p1;" + wait, x), Is.EqualTo(Each(i => i % 2 == 1 ? 0 : 1000 + i)));
        Assert.That(Run(place + "cp.async.ca.shared.global.L2::cache_hint [%r3], [%d3], 4, 2, %d4;" + wait, x), Is.EqualTo(Each(i => 1000 + i & 0xFFFF)));
    }

    [TestCase("max.f32 %f4, %f1, %f2, %f3;", 5f), TestCase("min.f32 %f4, %f1, %f2, %f3;", -7f), TestCase("max.abs.f32 %f4, %f1, %f2, %f3;", 7f), TestCase("min.NaN.f32 %f4, %f1, %f2, 0f7FC00000;", float.NaN)]
    [TestCase("max.xorsign.abs.f32 %f4, %f1, %f2;", -7f), TestCase("min.xorsign.abs.f32 %f4, %f1, %f3;", 3f), TestCase("min.xorsign.abs.f32 %f4, %f2, 0f7FC00000;", 7f)]
    public void ExtremesOfThreeAndBySigns(string op, float expected)
    {
        // xorsign of -7 and NaN: the magnitude of the number with the sign of both.
        uint got = Run($"mov.f32 %f1, 0f40A00000; mov.f32 %f2, 0fC0E00000; mov.f32 %f3, 0f40400000; {op} mov.b32 %r9, %f4;")[0];
        uint want = op.StartsWith("min.xorsign.abs.f32 %f4, %f2") ? Bits(-expected) : float.IsNaN(expected) ? 0x7FFFFFFF : Bits(expected);
        Assert.That(got, Is.EqualTo(want));
    }

    [Test]
    public void ExtremesOfPairsBySigns() => // (5, -7) and (-3, -8): 5 with -, 8 with +
        Assert.That(Run("mov.b32 %r2, 0xC7004500; mov.b32 %r3, 0xC800C200; max.xorsign.abs.f16x2 %r9, %r2, %r3;")[0], Is.EqualTo(0x4800C500u));

    // e4m3: 448 is the largest (7E); 1.0625 ties between 1 and 1.125, to even; 2^-9 is the smallest. e5m2: 57344 (7B), 2^-16.
    [TestCase("e4m3x2", 1000f, -1f, 0x7EB8u), TestCase("e4m3x2", 1.0625f, 0.001953125f, 0x3801u), TestCase("e4m3x2", 1.1875f, 0.0009f, 0x3A00u), TestCase("e4m3x2", float.NaN, float.NegativeInfinity, 0x7FFEu), TestCase("e4m3x2", 0.0146484375f, 0.015625f, 0x0808u)]
    [TestCase("e5m2x2", 1e9f, -1.5f, 0x7BBEu), TestCase("e5m2x2", 0.0000152587890625f, 1.125f, 0x013Cu), TestCase("e5m2x2", -0f, 3f, 0x8042u)]
    public void BytesOfSingles(string type, float a, float b, uint expected) =>
        Assert.That(Run($"mov.b32 %f1, 0f{Bits(a):X8}; mov.b32 %f2, 0f{Bits(b):X8}; cvt.rn.satfinite.{type}.f32 %h1, %f1, %f2; cvt.u32.u16 %r9, %h1;")[0], Is.EqualTo(expected));

    [TestCase("e4m3x2"), TestCase("e5m2x2")]
    public void EveryByteToHalfAndBack(string type)
    {
        for (uint first = 0; first < 256; first += 32)
        {
            string start = $"add.u32 %r2, %r1, {first}; cvt.u16.u32 %h1, %r2; cvt.rn.f16x2.{type} %r3, %h1; ";
            uint[] there = Run(start + "and.b32 %r9, %r3, 0xFFFF;"), back = Run(start + $"cvt.rn.satfinite.{type}.f16x2 %h2, %r3; and.b16 %h2, %h2, 255; cvt.u32.u16 %r9, %h2;");
            for (uint i = 0; i < 32; i++)
            {
                uint code = first + i, magnitude = code & 0x7F;
                double value = type == "e5m2x2" ? (double)BitConverter.UInt16BitsToHalf((ushort)(code << 8)) : magnitude == 0x7F ? double.NaN
                    : (code > 127 ? -1 : 1) * (magnitude < 8 ? magnitude * Math.Pow(2, -9) : (1 + ((magnitude & 7) / 8.0)) * Math.Pow(2, (magnitude >> 3) - 7.0));
                Assert.That((double)BitConverter.UInt16BitsToHalf((ushort)there[i]), Is.EqualTo(value), $"{code:X2}");
                Assert.That(back[i], Is.EqualTo(double.IsNaN(value) ? 0x7Fu : double.IsInfinity(value) ? code - 1 : code), $"{code:X2}");
            }
        }
    }

    [TestCase("cvt.rn.satfinite.f16x2.f32 %r9, %f1, %f2;", 0x7BFFFBFFu), TestCase("cvt.rn.f16x2.f32 %r9, %f1, %f2;", 0x7C00FC00u), TestCase("cvt.rn.satfinite.f16.f32 %h1, %f2; cvt.u32.u16 %r9, %h1;", 0xFBFFu)]
    public void FiniteHalves(string op, uint expected) => Assert.That(Run($"mov.b32 %f1, 0f{Bits(1e6f):X8}; mov.b32 %f2, 0f{Bits(-1e6f):X8}; {op}")[0], Is.EqualTo(expected));

    [Test]
    public void WideRegisters() =>
        Assert.That(Run("mov.b64 %d3, {%r1, 7}; mov.b64 %d4, {9, %r1}; mov.b128 %q1, {%d3, %d4}; mov.b128 %q2, %q1; mov.b128 {%d5, %d6}, %q2; mov.b64 {%r2, %r3}, %d5; mov.b64 {%r4, %r5}, %d6; mad.lo.u32 %r9, %r2, 100, %r3; mad.lo.u32 %r9, %r4, 10, %r9; add.u32 %r9, %r9, %r5;"),
            Is.EqualTo(Each(i => (i * 101) + 97)));

    [Test]
    public void VectorsThatSwap() => Assert.That(Run("mov.u32 %r2, 5; mov.v2.u32 {%r1, %r2}, {%r2, %r1}; mad.lo.u32 %r9, %r1, 100, %r2;"), Is.EqualTo(Each(i => 500 + i)));

    [Test]
    public void AtomicsOnVectors()
    {
        uint[] x = new uint[64];
        Run("mov.f32 %f1, 0f3F800000; mov.f32 %f2, 0f40000000; red.global.add.v2.f32 [%d1], {%f1, %f2}; cvt.rn.f32.u32 %f3, %r1; cvt.rn.f16.f32 %h1, %f3; mov.b16 %h2, 0x3C00; atom.global.max.noftz.v2.f16 {%h3, %h4}, [%d1+16], {%h1, %h2}; mov.u32 %r9, 0;", x);
        Assert.That((x[0], x[1], x[4]), Is.EqualTo((Bits(32), Bits(64), 0x3C000000u | BitConverter.HalfToUInt16Bits((Half)31))));
    }

    [Test]
    public void AVectorOfAtomicsIsAligned() =>
        Assert.That(() => Run("mov.f32 %f1, 0f3F800000; red.global.add.v2.f32 [%d1+4], {%f1, %f1}; mov.u32 %r9, 0;", checks: PtxChecks.None), Throws.TypeOf<PtxException>().With.Message.Contains("not aligned to 8"));
}
