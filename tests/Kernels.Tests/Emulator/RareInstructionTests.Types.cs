namespace Tessera.Tests;

/// <content>Values of two types, pairs in a register, and products of bytes and bits on the matrix units.</content>
public sealed partial class RareInstructionTests
{
    // 1 + 2^-24 lies between 1 and the next f32; 0x3C00 is 1 and 0x4400 is 4 in f16, 0x3F80 is 1 in bf16.
    [TestCase("mov.b16 %h1, 0x3C00; mov.b32 %f2, 0f33800000; add.rn.f32.f16 %f4, %h1, %f2;", 1f), TestCase("mov.b16 %h1, 0x3C00; mov.b32 %f2, 0f33800000; add.rp.f32.f16 %f4, %h1, %f2;", 1.00000012f)]
    [TestCase("mov.b16 %h1, 0x3F80; sub.f32.bf16 %f4, %h1, 0f40400000;", -2f), TestCase("mov.b16 %h1, 0x4400; mov.b16 %h2, 0x3C00; fma.rn.f32.f16 %f4, %h1, %h2, 0f3F000000;", 4.5f), TestCase("mov.b16 %h1, 0x4400; add.sat.f32.f16 %f4, %h1, 0f3F000000;", 1f)]
    public void ArithmeticOfTwoTypes(string op, float expected) => Assert.That(Run(op + "mov.b32 %r9, %f4;")[0], Is.EqualTo(Bits(expected)));

    // Lower and upper values are independent, of two roundings of 1 + 2^-24 too.
    [TestCase("add.rn.f32x2 %d6, %d4, %d5;", 1f, 4f), TestCase("add.rp.f32x2 %d6, %d4, %d5;", 1.00000012f, 4f), TestCase("mul.rn.f32x2 %d6, %d4, %d5;", 5.9604645e-8f, 3f), TestCase("fma.rn.f32x2 %d6, %d4, %d5, %d4;", 1f, 6f)]
    public void PairsOfSingles(string op, float low, float high)
    {
        const string pairs = "mov.b64 %d4, 0x404000003F800000; mov.b64 %d5, 0x3F80000033800000; ";
        Assert.That(Run(pairs + op + "mov.b64 {%r9, %r3}, %d6;")[0], Is.EqualTo(Bits(low)));
        Assert.That(Run(pairs + op + "mov.b64 {%r3, %r9}, %d6;")[0], Is.EqualTo(Bits(high)));
    }

    // The pairs (0xFFFF, 2) and (1, 0x8000), upper value first.
    [TestCase("add.u16x2", 0x00008002u), TestCase("max.u16x2", 0xFFFF8000u), TestCase("max.s16x2", 0x00010002u), TestCase("min.s16x2", 0xFFFF8000u), TestCase("min.relu.s16x2", 0u), TestCase("min.u16x2", 0x00010002u)]
    public void PairsOfWholeNumbers(string op, uint expected) => Assert.That(Run($"mov.b32 %r2, 0xFFFF0002; mov.b32 %r3, 0x00018000; {op} %r9, %r2, %r3;")[0], Is.EqualTo(expected));

    // Variables of global and constant memory that only a kernel or an inner block knows keep their initial values.
    [Test]
    public void GlobalVariablesInAFunction() =>
        Assert.That(Run(".global .u32 g[2] = {5, 7}; .const .u32 c = 100; ld.global.u32 %r2, [g+4]; ld.const.u32 %r3, [c]; { .global .u32 g = 1000; ld.global.u32 %r4, [g]; } add.u32 %r9, %r2, %r3; add.u32 %r9, %r9, %r4;"), Is.All.EqualTo(1107u));

    [Test]
    public void AllOfASpecialRegister() =>
        Assert.That(Run("mov.v4.u32 {%r2, %r3, %r4, %r5}, %tid; mov.v4.u32 {%r6, %r7, %r8, %r10}, %ntid; mad.lo.u32 %r9, %r2, 1000, %r6; add.u32 %r9, %r9, %r3; add.u32 %r9, %r9, %r5; mad.lo.u32 %r9, %r7, 100, %r9; mad.lo.u32 %r9, %r8, 100, %r9;"), Is.EqualTo(Each(i => (1000 * i) + 232)));

    // The largest values, ties to even, and subnormals; NaN has no code and becomes the largest.
    [TestCase("e2m3x2", 100f, -0.125f, 0x1F21u), TestCase("e2m3x2", 1.0625f, 1.1875f, 0x080Au), TestCase("e2m3x2", float.NaN, 0.0625f, 0x1F00u), TestCase("e3m2x2", -100f, 0.0625f, 0x3F01u), TestCase("e3m2x2", 1.125f, 5f, 0x0C15u)]
    public void SixBitFloats(string type, float a, float b, uint expected) =>
        Assert.That(Run($"mov.b32 %f1, 0f{Bits(a):X8}; mov.b32 %f2, 0f{Bits(b):X8}; cvt.rn.satfinite.{type}.f32 %h1, %f1, %f2; cvt.u32.u16 %r9, %h1;", target: "sm_100a")[0], Is.EqualTo(expected));

    [TestCase("e2m3x2", 3, 1), TestCase("e3m2x2", 2, 3)]
    public void EverySixBitFloatToHalf(string type, int mantissa, int bias)
    {
        uint[] got = Run($"cvt.u16.u32 %h1, %r1; cvt.rn.f16x2.{type} %r3, %h1; and.b32 %r9, %r3, 0xFFFF;", target: "sm_100a");
        for (int code = 0; code < 32; code++)
        {
            int field = code >> mantissa, fraction = code & ((1 << mantissa) - 1);
            double value = field == 0 ? Math.Pow(2, 1 - bias) * fraction / (1 << mantissa) : Math.Pow(2, field - bias) * (1 + (fraction / (double)(1 << mantissa)));
            Assert.That(BitConverter.UInt16BitsToHalf((ushort)got[code]), Is.EqualTo((Half)value), $"{code}");
        }
    }

    /// <summary>
    /// The four results of each lane of an mma with a 16 by K A and a K by 8 B, whose registers hold random bits, by the documented places: row and
    /// column of the parts of A's and B's registers, <paramref name="per"/> elements in each.
    /// </summary>
    static void MultipliesAsDocumented(string op, int k, int per, Func<uint, uint, double> product, bool floats)
    {
        Random random = new(k + per);
        // Exponents of bytes below 16, so that sums are exact.
        uint mask = floats ? 0xBFBFBFBFu : uint.MaxValue;
        int registers = k / per / 2;
        uint[] words = [.. Enumerable.Range(0, 32 * 6).Select(_ => (uint)random.NextInt64() & mask)];
        uint A(int row, int column) => words[(((row % 8 * 4) + (column / per % 4)) * 6) + (row / 8) + (column / per / 4 * 2)] >> (column % per * (32 / per)) & (uint)((1ul << (32 / per)) - 1);
        uint B(int row, int column) => words[(((column * 4) + (row / per % 4)) * 6) + 4 + (row / per / 4)] >> (row % per * (32 / per)) & (uint)((1ul << (32 / per)) - 1);
        string a = registers == 4 ? "{%r2, %r3, %r4, %r5}" : "{%r2, %r3}", b = registers == 4 ? "{%r6, %r7}" : "{%r6}", zeros = floats ? "{0f3F800000, 0f3F800000, 0f3F800000, 0f3F800000}" : "{1, 1, 1, 1}";
        string results = floats ? "{%f1, %f2, %f3, %f4}" : "{%r10, %r11, %r12, %r13}";
        for (int part = 0; part < 4; part++)
        {
            uint[] got = Run($"mad.wide.u32 %d3, %r1, 24, %d1; ld.global.v2.u32 {{%r2, %r3}}, [%d3]; ld.global.v2.u32 {{%r4, %r5}}, [%d3+8]; ld.global.v2.u32 {{%r6, %r7}}, [%d3+16]; {op} {results}, {a}, {b}, {zeros}; mov.b32 %r9, {(floats ? $"%f{part + 1}" : $"%r{part + 10}")};", words);
            for (int lane = 0; lane < 32; lane++)
            {
                int row = (lane / 4) + (part / 2 * 8), column = (lane % 4 * 2) + (part % 2);
                double sum = 1;
                for (int l = 0; l < k; l++) sum += product(A(row, l), B(l, column));
                Assert.That(floats ? BitConverter.UInt32BitsToSingle(got[lane]) : (int)got[lane], Is.EqualTo(floats ? (float)sum : sum), $"{row}, {column}");
            }
        }
    }

    static double E4m3(uint code) => Math.ScaleB((code >> 3 & 15) == 0 ? code & 7 : 8 + (code & 7), Math.Max((int)(code >> 3 & 15), 1) - 10) * (code > 127 ? -1 : 1);

    [TestCase(16), TestCase(32)]
    public void ProductsOfBytes(int k) => MultipliesAsDocumented($"mma.sync.aligned.m16n8k{k}.row.col.f32.e4m3.e4m3.f32", k, 4, (x, y) => E4m3(x) * E4m3(y), floats: true);

    [TestCase(128, "xor"), TestCase(256, "xor"), TestCase(128, "and"), TestCase(256, "and")]
    public void ProductsOfBits(int k, string op) => MultipliesAsDocumented($"mma.sync.aligned.m16n8k{k}.row.col.s32.b1.b1.s32.{op}.popc", k, 32, (x, y) => op == "xor" ? x ^ y : x & y, floats: false);

    // A [8, K] row by row and B [K, 8] column by column, elements of 4 or 1 bits, lie packed in memory; here every row is as long as it must be.
    [TestCase("s4", 32, ""), TestCase("u4", 32, ""), TestCase("b1", 128, ".xor.popc"), TestCase("b1", 128, ".and.popc")]
    public void WmmaOfSmallElements(string type, int k, string op)
    {
        Random random = new(3);
        int bits = type == "b1" ? 1 : 4;
        uint[] words = [.. Enumerable.Range(0, 64).Select(_ => (uint)random.NextInt64())];
        int Element(int at, int line, int l) => (int)(words[at + (((line * k) + l) * bits / 32)] >> (((line * k) + l) * bits % 32) & ((1u << bits) - 1)) is var v && type == "s4" && v > 7 ? v - 16 : v;
        string shape = $"m8n8k{k}";
        // Each lane keeps two sums; through shared memory thread t gets elements t and t + 32.
        string body = $"mov.b64 %d3, {k}; wmma.load.a.sync.aligned.row.{shape}.global.{type} {{%r2}}, [%d1], {k}; wmma.load.b.sync.aligned.col.{shape}.global.{type} {{%r3}}, [%d1+128], {k}; " +
            $"wmma.mma{op}.sync.aligned.row.col.{shape}.s32.{type}.{type}.s32 {{%r4, %r5}}, {{%r2}}, {{%r3}}, {{5, 5}}; wmma.store.d.sync.aligned.row.{shape}.shared.s32 [s], {{%r4, %r5}}, 8; bar.warp.sync 0xFFFFFFFF; mov.u32 %r6, s; mad.lo.u32 %r6, %r1, 4, %r6; ";
        foreach (int half in new[] { 0, 32 })
        {
            uint[] got = Run(body + $"ld.shared.b32 %r9, [%r6+{4 * half}];", words, target: "sm_90");
            for (int t = 0; t < 32; t++)
            {
                (int row, int column) = ((t + half) / 8, t % 8);
                int sum = 5;
                for (int l = 0; l < k; l++)
                {
                    (int x, int y) = (Element(0, row, l), Element(32, column, l));
                    sum += op.StartsWith(".xor", StringComparison.Ordinal) ? x ^ y : x * y;
                }
                Assert.That((int)got[t], Is.EqualTo(sum), $"{row}, {column}");
            }
        }
    }
}
