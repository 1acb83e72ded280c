using Tessera.Emulator;

namespace Tessera.Tests;

/// <summary>Instructions against plain formulas, control flow, barriers, and what must end a launch.</summary>
public sealed class EmulatorTests
{
    const string registers = ".reg .b16 %h<8>;\n.reg .b32 %r<32>;\n.reg .f32 %f<32>;\n.reg .b64 %d<16>;\n.reg .f64 %g<8>;\n.reg .pred %p<8>;\n";

    static string Kernel(string body, string parameters = ".param .u64 a, .param .u64 b, .param .u64 y", string before = "") =>
        $".version 7.8\n.target sm_80\n.address_size 64\n{before}.visible .entry k({parameters})\n{{\n{registers}{body}\nret;\n}}\n";

    /// <summary>y[i] = op(a[i], b[i]) with one thread an element; the body finds a in %r1, %f1 or %d1, b in ...2, and leaves y in ...3.</summary>
    static TY[] Map<TA, TY>(string body, TA[] a, TA[] b) where TA : unmanaged where TY : unmanaged
    {
        (string loadA, string loadB) = System.Runtime.CompilerServices.Unsafe.SizeOf<TA>() == 8 ? ("ld.global.b64 %d1, [%d11];", "ld.global.b64 %d2, [%d12];") : ("ld.global.b32 %r1, [%d11]; mov.b32 %f1, %r1;", "ld.global.b32 %r2, [%d12]; mov.b32 %f2, %r2;");
        string store = typeof(TY) == typeof(float) ? "st.global.f32 [%d13], %f3;" : System.Runtime.CompilerServices.Unsafe.SizeOf<TY>() == 8 ? "st.global.b64 [%d13], %d3;" : "st.global.b32 [%d13], %r3;";
        int inBytes = System.Runtime.CompilerServices.Unsafe.SizeOf<TA>(), outBytes = System.Runtime.CompilerServices.Unsafe.SizeOf<TY>();
        string text = Kernel($"ld.param.u64 %d11, [a];\nld.param.u64 %d12, [b];\nld.param.u64 %d13, [y];\nmov.u32 %r30, %tid.x;\nmad.wide.u32 %d11, %r30, {inBytes}, %d11;\nmad.wide.u32 %d12, %r30, {inBytes}, %d12;\nmad.wide.u32 %d13, %r30, {outBytes}, %d13;\n{loadA}\n{loadB}\n{body}\n{store}");
        var y = new TY[a.Length];
        PtxModule.Parse(text).Launch("k", new((1, 1, 1), (a.Length, 1, 1)), PtxArgument.Buffer(a), PtxArgument.Buffer(b), PtxArgument.Buffer(y));
        return y;
    }

    static float[] Floats(int seed)
    {
        Random random = new(seed);
        float[] special = [0, -0f, 1, -1, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.Epsilon, -float.Epsilon, 1.17549435e-38f, 3e-39f];
        return [.. Enumerable.Range(0, 200).Select(i => random.Next(5) == 0 ? special[random.Next(special.Length)] : (float)((random.NextDouble() - 0.5) * Math.Pow(2, random.Next(-20, 20))))];
    }

    static uint[] Integers(int seed)
    {
        Random random = new(seed);
        uint[] special = [0, 1, 2, 31, 32, 33, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF];
        return [.. Enumerable.Range(0, 200).Select(_ => random.Next(4) == 0 ? special[random.Next(special.Length)] : (uint)random.NextInt64(1L << 32))];
    }

    static uint BitsOf(float x) => float.IsNaN(x) ? 0x7FFFFFFF : BitConverter.SingleToUInt32Bits(x);

    static float Ftz(float x) => float.IsSubnormal(x) ? MathF.CopySign(0, x) : x;

    static IEnumerable<TestCaseData> Singles()
    {
        TestCaseData Case(string op, Func<float, float, float> f) => new TestCaseData(op, f).SetArgDisplayNames(op);
        yield return Case("add.rn.f32 %f3, %f1, %f2;", (a, b) => a + b);
        yield return Case("sub.rn.ftz.f32 %f3, %f1, %f2;", (a, b) => Ftz(Ftz(a) - Ftz(b)));
        yield return Case("mul.rn.f32 %f3, %f1, %f2;", (a, b) => a * b);
        yield return Case("mul.rn.sat.f32 %f3, %f1, %f2;", (a, b) => a * b is var p && p > 0 ? Math.Min(p, 1) : 0);
        yield return Case("fma.rn.f32 %f3, %f1, %f2, %f1;", (a, b) => MathF.FusedMultiplyAdd(a, b, a));
        yield return Case("div.rn.f32 %f3, %f1, %f2;", (a, b) => a / b);
        yield return Case("rcp.rn.f32 %f3, %f1;", (a, _) => 1 / a);
        yield return Case("sqrt.rn.f32 %f3, %f1;", (a, _) => MathF.Sqrt(a));
        yield return Case("cvt.f64.f32 %g1, %f1; cvt.f64.f32 %g2, %f2; div.rn.f64 %g3, %g1, %g2; cvt.rn.f32.f64 %f3, %g3;", (a, b) => (float)((double)a / b));
        yield return Case("cvt.f64.f32 %g1, %f1; rcp.rn.f64 %g3, %g1; cvt.rn.f32.f64 %f3, %g3;", (a, _) => (float)(1 / (double)a));
        yield return Case("min.f32 %f3, %f1, %f2;", (a, b) => float.IsNaN(a) ? b : float.IsNaN(b) ? a : MathF.Min(a, b));
        yield return Case("max.NaN.f32 %f3, %f1, %f2;", MathF.Max);
        yield return Case("cvt.rni.f32.f32 %f3, %f1;", (a, _) => MathF.Round(a));
        yield return Case("cvt.rn.f16.f32 %h1, %f1; cvt.f32.f16 %f3, %h1;", (a, _) => (float)(Half)a);
        yield return Case("cvt.rn.f32.s32 %f3, %r1;", (a, _) => BitConverter.SingleToInt32Bits(a));
        yield return Case("cvt.rn.f32.u32 %f3, %r1;", (a, _) => BitConverter.SingleToUInt32Bits(a));
        yield return Case("setp.lt.f32 %p1, %f1, %f2; selp.f32 %f3, %f1, %f2, %p1;", (a, b) => a < b ? a : b);
        yield return Case("setp.geu.f32 %p1, %f1, %f2; selp.f32 %f3, 0f3F800000, 0f00000000, %p1;", (a, b) => !(a < b) ? 1 : 0);
        yield return Case("abs.f32 %f3, %f1; neg.f32 %f3, %f3;", (a, _) => float.IsNaN(a) ? float.NaN : -MathF.Abs(a));
        yield return Case("slct.f32.f32 %f3, %f1, 0f40000000, %f2;", (a, b) => b >= 0 ? a : 2);
    }

    [TestCaseSource(nameof(Singles))]
    public void SingleArithmetic(string op, Func<float, float, float> f)
    {
        float[] a = Floats(1), b = Floats(2), y = Map<float, float>(op, a, b);
        for (int i = 0; i < a.Length; i++) Assert.That(BitsOf(y[i]), Is.EqualTo(BitsOf(f(a[i], b[i]))), $"{a[i]:R} {b[i]:R}");
    }

    [TestCase("rz"), TestCase("rm"), TestCase("rp")]
    public void DirectedRoundingEnclosesTheExactResult(string mode)
    {
        // Exponents near each other: sums and products are exact in double.
        Random random = new(5);
        float[] a = [.. Enumerable.Range(0, 256).Select(_ => (float)((random.NextDouble() - 0.5) * 8))], b = [.. Enumerable.Range(0, 256).Select(_ => (float)((random.NextDouble() - 0.5) * 8))];
        foreach (var (op, exact) in new (string, Func<double, double, double>)[] { ("add", (x, y) => x + y), ("mul", (x, y) => x * y) })
        {
            float[] r = Map<float, float>($"{op}.{mode}.f32 %f3, %f1, %f2;", a, b);
            for (int i = 0; i < r.Length; i++)
            {
                double e = exact(a[i], b[i]);
                bool down = mode == "rm" || (mode == "rz" && e > 0);
                Assert.That(down ? r[i] <= e && MathF.BitIncrement(r[i]) > e : r[i] >= e && MathF.BitDecrement(r[i]) < e, $"{op}.{mode} {a[i]:R} {b[i]:R} = {r[i]:R}");
            }
        }
    }

    static IEnumerable<TestCaseData> Words()
    {
        TestCaseData Case(string op, Func<uint, uint, uint> f) => new TestCaseData(op, f).SetArgDisplayNames(op);
        yield return Case("add.u32 %r3, %r1, %r2;", (a, b) => a + b);
        yield return Case("add.sat.s32 %r3, %r1, %r2;", (a, b) => (uint)(int)Math.Clamp((long)(int)a + (int)b, int.MinValue, int.MaxValue));
        yield return Case("mul.lo.s32 %r3, %r1, %r2;", (a, b) => a * b);
        yield return Case("mul.hi.s32 %r3, %r1, %r2;", (a, b) => (uint)((long)(int)a * (int)b >> 32));
        yield return Case("mul.hi.u32 %r3, %r1, %r2;", (a, b) => (uint)((ulong)a * b >> 32));
        yield return Case("mad.lo.u32 %r3, %r1, %r2, 7;", (a, b) => (a * b) + 7);
        yield return Case("or.b32 %r4, %r2, 1; div.u32 %r3, %r1, %r4;", (a, b) => a / (b | 1));
        yield return Case("or.b32 %r4, %r2, 1; rem.u32 %r3, %r1, %r4;", (a, b) => a % (b | 1));
        yield return Case("min.s32 %r3, %r1, %r2;", (a, b) => (uint)Math.Min((int)a, (int)b));
        yield return Case("max.u32 %r3, %r1, %r2;", Math.Max);
        yield return Case("shl.b32 %r3, %r1, %r2;", (a, b) => b > 31 ? 0 : a << (int)b);
        yield return Case("shr.s32 %r3, %r1, %r2;", (a, b) => (uint)((int)a >> (int)Math.Min(b, 31)));
        yield return Case("shf.l.wrap.b32 %r3, %r1, %r2, %r1;", (a, b) => (uint)(((ulong)b << 32 | a) << (int)(a & 31) >> 32));
        yield return Case("shf.r.clamp.b32 %r3, %r1, %r2, 40;", (_, b) => b);
        yield return Case("brev.b32 %r3, %r1;", (a, _) => (uint)Convert.ToInt64(new string([.. Convert.ToString(a, 2).PadLeft(32, '0').Reverse()]), 2));
        yield return Case("popc.b32 %r3, %r1;", (a, _) => (uint)System.Numerics.BitOperations.PopCount(a));
        yield return Case("clz.b32 %r3, %r1;", (a, _) => (uint)System.Numerics.BitOperations.LeadingZeroCount(a));
        yield return Case("bfe.u32 %r3, %r1, 4, 12;", (a, _) => a >> 4 & 0xFFF);
        yield return Case("bfe.s32 %r3, %r1, 4, 12;", (a, _) => (uint)((int)(a << 16) >> 20));
        yield return Case("bfi.b32 %r3, %r1, %r2, 8, 8;", (a, b) => (b & 0xFFFF00FF) | (a & 255) << 8);
        yield return Case("prmt.b32 %r3, %r1, %r2, 0x3715;", (a, b) => (b >> 8 & 255) | (a >> 8 & 255) << 8 | (b >> 24) << 16 | (a >> 24) << 24);
        yield return Case("lop3.b32 %r3, %r1, %r2, 0xF0F0F0F0, 0xE8;", (a, b) => (a & b) | (a & 0xF0F0F0F0) | (b & 0xF0F0F0F0));
        yield return Case("cvt.u8.u32 %h1, %r1; cvt.u32.u8 %r3, %h1;", (a, _) => a & 255);
        yield return Case("cvt.sat.s8.s32 %r3, %r1;", (a, _) => (uint)Math.Clamp((int)a, -128, 127));
        yield return Case("cvt.rzi.s32.f32 %r3, %f1;", (a, _) => BitConverter.UInt32BitsToSingle(a) is var x && float.IsNaN(x) ? 0 : (uint)(int)Math.Clamp((double)MathF.Truncate(x), int.MinValue, int.MaxValue));
        yield return Case("add.cc.u32 %r4, %r1, %r2; addc.u32 %r3, 0, 0;", (a, b) => (uint)((ulong)a + b >> 32));
        yield return Case("sub.cc.u32 %r4, %r1, %r2; subc.u32 %r3, 0, 0;", (a, b) => a < b ? uint.MaxValue : 0);
        yield return Case("fma.rn.f16x2 %r3, %r1, %r2, %r1;", (a, b) => Pair(a, b, (x, y) => (Half)((double)x * (double)y + (double)x)));
        yield return Case("setp.gt.s32 %p1, %r1, %r2; @%p1 bra L; mov.u32 %r3, %r2; bra M; L: mov.u32 %r3, %r1; M:", (a, b) => (uint)Math.Max((int)a, (int)b));
        yield return Case("mov.u32 %r3, 0; and.b32 %r4, %r1, 7; L: setp.eq.u32 %p1, %r4, 0; @%p1 bra M; add.u32 %r3, %r3, %r4; sub.u32 %r4, %r4, 1; bra L; M:", (a, _) => (a & 7) * ((a & 7) + 1) / 2);
        yield return Case("{ .reg .u32 %r1; mov.u32 %r1, 5; mov.u32 %r3, %r1; } add.u32 %r3, %r3, %r1;", (a, _) => a + 5);
    }

    static uint Pair(uint a, uint b, Func<Half, Half, Half> f)
    {
        uint Part(ushort x, ushort y) => f(BitConverter.UInt16BitsToHalf(x), BitConverter.UInt16BitsToHalf(y)) is var h && Half.IsNaN(h) ? 0x7FFFu : BitConverter.HalfToUInt16Bits(h);
        return Part((ushort)a, (ushort)b) | Part((ushort)(a >> 16), (ushort)(b >> 16)) << 16;
    }

    [TestCaseSource(nameof(Words))]
    public void WordsAndControl(string op, Func<uint, uint, uint> f)
    {
        uint[] a = Integers(3), b = Integers(4), y = Map<uint, uint>(op, a, b);
        for (int i = 0; i < a.Length; i++) Assert.That(y[i], Is.EqualTo(f(a[i], b[i])), $"0x{a[i]:X} 0x{b[i]:X}");
    }

    [Test]
    public void LanesMeetAgainAfterABranch()
    {
        string body = "ld.param.u64 %d3, [y]; mov.u32 %r1, %tid.x; and.b32 %r2, %r1, 1; setp.eq.u32 %p1, %r2, 0; @%p1 bra E; mov.u32 %r3, 1; bra J; E: mov.u32 %r3, 2; J: activemask.b32 %r4; mad.wide.u32 %d3, %r1, 4, %d3; st.global.b32 [%d3], %r4;";
        var y = new uint[40];
        PtxModule.Parse(Kernel(body, ".param .u64 y")).Launch("k", new((1, 1, 1), (40, 1, 1)), PtxArgument.Buffer(y));
        Assert.That(y, Is.EqualTo(Enumerable.Range(0, 40).Select(i => i < 32 ? ~0u : 0xFFu)));
    }

    [TestCase(1, 0), TestCase(3, 1), TestCase(8, 99)]
    public void ResultsDoNotDependOnThreadsOrSeeds(int threads, int seed)
    {
        // Each block reverses its part through shared memory.
        string body = ".shared .b32 s[96]; ld.param.u64 %d3, [y]; mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mad.lo.u32 %r4, %r2, %r3, %r1; mad.wide.u32 %d3, %r4, 4, %d3;"
            + "mov.u32 %r5, s; mad.lo.u32 %r6, %r1, 4, %r5; mul.lo.u32 %r10, %r4, %r4; st.shared.b32 [%r6], %r10; bar.sync 0; sub.u32 %r7, 95, %r1; mad.lo.u32 %r8, %r7, 4, %r5; ld.shared.b32 %r9, [%r8]; st.global.b32 [%d3], %r9;";
        var y = new uint[96 * 50];
        PtxModule.Parse(Kernel(body, ".param .u64 y")).Launch("k", new((50, 1, 1), (96, 1, 1)) { Threads = threads, Seed = seed }, PtxArgument.Buffer(y));
        for (int i = 0; i < y.Length; i++)
        {
            uint from = (uint)((i / 96 * 96) + 95 - (i % 96));
            Assert.That(y[i], Is.EqualTo(from * from));
        }
    }

    [Test]
    public void ABarrierDoesNotWaitForThreadsThatHaveReturned()
    {
        string body = ".shared .b32 s[64]; ld.param.u64 %d3, [y]; mov.u32 %r1, %tid.x; and.b32 %r2, %r1, 1; setp.eq.u32 %p1, %r2, 1; @%p1 ret; mov.u32 %r3, s; mad.lo.u32 %r4, %r1, 4, %r3; st.shared.b32 [%r4], %r1; bar.sync 0;"
            + "sub.u32 %r5, 62, %r1; mad.lo.u32 %r6, %r5, 4, %r3; ld.shared.b32 %r7, [%r6]; mad.wide.u32 %d3, %r1, 4, %d3; st.global.b32 [%d3], %r7;";
        var y = new uint[64];
        PtxModule.Parse(Kernel(body, ".param .u64 y")).Launch("k", new((1, 1, 1), (64, 1, 1)), PtxArgument.Buffer(y));
        for (uint i = 0; i < 64; i++) Assert.That(y[i], Is.EqualTo(i % 2 == 1 ? 0 : 62 - i));
    }

    [Test]
    public void GroupsOfAWarpVoteAndCompareApart()
    {
        string body = "ld.param.u64 %d3, [y]; mov.u32 %r1, %tid.x; setp.lt.u32 %p1, %r1, 16; selp.b32 %r2, 0xFFFF, 0xFFFF0000, %p1; and.b32 %r3, %r1, 1; setp.eq.u32 %p2, %r3, 0; vote.sync.ballot.b32 %r4, %p2, %r2;"
            + "and.b32 %r5, %r1, 7; match.any.sync.b32 %r6, %r5, %r2; redux.sync.add.s32 %r7, %r1, %r2; mad.wide.u32 %d3, %r1, 12, %d3; st.global.b32 [%d3], %r4; st.global.b32 [%d3+4], %r6; st.global.b32 [%d3+8], %r7;";
        var y = new uint[96];
        PtxModule.Parse(Kernel(body, ".param .u64 y")).Launch("k", new((1, 1, 1), (32, 1, 1)), PtxArgument.Buffer(y));
        for (int i = 0; i < 32; i++)
        {
            int half = i / 16 * 16;
            Assert.That(y[3 * i], Is.EqualTo(0x5555u << half), $"ballot of lane {i}");
            Assert.That(y[(3 * i) + 1], Is.EqualTo(0x0101u << (i % 8) << half), $"match of lane {i}");
            Assert.That(y[(3 * i) + 2], Is.EqualTo(16 * half + 120), $"sum of lane {i}");
        }
    }

    [Test]
    public void MatrixUnitsUseTheDocumentedLayout()
    {
        // a [16, 16] and b [16, 8] in half, row by row, through shared memory, ldmatrix and mma.m16n8k16; c stored by the documented places.
        string body = """
            .shared .align 16 .b8 s[768];
            ld.param.u64 %d1, [a]; ld.param.u64 %d2, [b]; ld.param.u64 %d3, [y]; mov.u32 %r1, %tid.x; mov.u32 %r2, s;
            mul.lo.u32 %r3, %r1, 16; cvt.u64.u32 %d4, %r3; add.u64 %d5, %d1, %d4; add.u32 %r4, %r2, %r3; ld.global.v4.b32 {%r5, %r6, %r7, %r8}, [%d5]; st.shared.v4.b32 [%r4], {%r5, %r6, %r7, %r8};
            setp.lt.u32 %p1, %r1, 16; add.u64 %d6, %d2, %d4; @%p1 ld.global.v4.b32 {%r5, %r6, %r7, %r8}, [%d6]; @%p1 st.shared.v4.b32 [%r4+512], {%r5, %r6, %r7, %r8};
            bar.sync 0;
            and.b32 %r9, %r1, 15; shr.u32 %r10, %r1, 4; mul.lo.u32 %r11, %r9, 32; mad.lo.u32 %r11, %r10, 16, %r11; add.u32 %r11, %r11, %r2; ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r12, %r13, %r14, %r15}, [%r11];
            mul.lo.u32 %r16, %r9, 16; add.u32 %r16, %r16, %r2; ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%r17, %r18}, [%r16+512];
            mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, {%r12, %r13, %r14, %r15}, {%r17, %r18}, {0f3F800000, 0f3F800000, 0f3F800000, 0f3F800000};
            shr.u32 %r20, %r1, 2; and.b32 %r21, %r1, 3; mul.lo.u32 %r22, %r20, 32; mad.lo.u32 %r22, %r21, 8, %r22; cvt.u64.u32 %d7, %r22; add.u64 %d8, %d3, %d7;
            st.global.v2.f32 [%d8], {%f1, %f2}; st.global.v2.f32 [%d8+256], {%f3, %f4};
            """;
        Random random = new(8);
        Half[] a = [.. Enumerable.Range(0, 256).Select(_ => (Half)(random.NextDouble() - 0.5))], b = [.. Enumerable.Range(0, 128).Select(_ => (Half)(random.NextDouble() - 0.5))];
        var y = new float[128];
        PtxModule.Parse(Kernel(body)).Launch("k", new((1, 1, 1), (32, 1, 1)), PtxArgument.Buffer(a), PtxArgument.Buffer(b), PtxArgument.Buffer(y));
        for (int i = 0; i < 16; i++)
        {
            for (int j = 0; j < 8; j++)
            {
                double sum = 1;
                for (int k = 0; k < 16; k++) sum += (double)a[(i * 16) + k] * (double)b[(k * 8) + j];
                Assert.That(y[(i * 8) + j], Is.EqualTo((float)sum).Within(1e-6));
            }
        }
    }

    static IEnumerable<TestCaseData> Faults()
    {
        const string address = "ld.param.u64 %d1, [y]; mov.u32 %r1, %tid.x; mad.wide.u32 %d2, %r1, 4, %d1;\n";
        TestCaseData Case(string name, string body, string rule, string message, int line) => new TestCaseData(body, rule, message, line).SetArgDisplayNames(name);
        // The body of Kernel starts in line 12.
        yield return Case("outside", address + "st.global.b32 [%d2+4], %r1;", "memory", "256 bytes after the start of argument 0, which has 256", 13);
        yield return Case("null", "mov.u64 %d1, 0; ld.global.b32 %r1, [%d1];", "memory", "outside every allocation", 12);
        yield return Case("misaligned", address + "\nld.global.v2.b32 {%r2, %r3}, [%d2];", "memory", "is not aligned to 8 bytes", 14);
        yield return Case("shared", "mov.u32 %r1, 4096; ld.shared.b32 %r2, [%r1];", "memory", "outside the 0 bytes of shared memory", 12);
        yield return Case("trap", address + "setp.eq.u32 %p1, %r1, 33;\n@%p1 trap;", "trap", "thread (33, 0, 0)", 14);
        yield return Case("deadlock", address + "setp.lt.u32 %p1, %r1, 32;\n@%p1 bra L;\nbar.sync 0;\nbra M; L: bar.sync 1; M:", "barrier", "deadlock", 0);
        yield return Case("endless", "L: bra L;", "steps", "more than 100000 warp instructions", 12);
        yield return Case("mask", "mov.u32 %r1, %laneid;\nshfl.sync.idx.b32 %r2, %r1, 0, 31, 1;", "warp", "not in the member mask", 13);
    }

    [TestCaseSource(nameof(Faults)), CancelAfter(20_000)]
    public void WhatAKernelMustNotDoEndsTheLaunch(string body, string rule, string message, int line)
    {
        PtxModule module = PtxModule.Parse(Kernel(body, ".param .u64 y"), "k.ptx");
        PtxException e = Assert.Throws<PtxException>(() => module.Launch("k", new((1, 1, 1), (64, 1, 1)) { StepLimit = 100_000 }, PtxArgument.Buffer(new int[64])))!;
        Assert.That((e.Rule, e.Message), Is.EqualTo((rule, e.Message)));
        Assert.That(e.Message, Does.Contain(message).And.Contain("kernel 'k', block (0, 0, 0)"));
        if (line > 0) Assert.That(e.Line, Is.EqualTo(line));
    }

    [Test]
    public void LaunchesThatDoNotFitAreRefused()
    {
        PtxModule module = PtxModule.Parse(Kernel("", ".param .u64 y"));
        PtxArgument buffer = PtxArgument.Buffer(new int[4]);
        void Refused(string message, string entry, PtxLaunch launch, params PtxArgument[] arguments) =>
            Assert.That(() => module.Launch(entry, launch, arguments), Throws.TypeOf<PtxException>().With.Message.Contains(message));
        Refused("there is no kernel 'other'", "other", new((1, 1, 1), (1, 1, 1)), buffer);
        Refused("has 1 parameters: got 0", "k", new((1, 1, 1), (1, 1, 1)));
        Refused("has 8 bytes: got 4", "k", new((1, 1, 1), (1, 1, 1)), PtxArgument.Value(1));
        Refused("1 to 1024 threads", "k", new((1, 1, 1), (32, 32, 2)), buffer);
        Refused("at least one block", "k", new((0, 1, 1), (1, 1, 1)), buffer);
        Refused("of shared memory", "k", new((1, 1, 1), (1, 1, 1)) { SharedBytes = 1 << 20 }, buffer);
        Assert.That(() => PtxModule.Parse(Kernel("add.f32 %f1, %f2, 1;")).Launch("k", new((1, 1, 1), (1, 1, 1))), Throws.TypeOf<PtxException>(), "a launch verifies first");
    }

    [Test, Category("Golden")]
    public void EveryAcceptedTextIsDecodedOrDeclinedWithAReason()
    {
        int decoded = 0, declined = 0;
        using DeviceMemory memory = new();
        foreach (PtxasVerdict v in PtxasVerdict.All.Where(v => v.Accepted))
        {
            try
            {
                Module module = PtxModule.Parse(v.Text()).Syntax;
                if (module.Variables.Any(x => x.Bytes > 1 << 20)) continue;
                Image image = new(module, "ptx", memory);
                foreach (Function f in module.Functions.Where(f => f.Body != null)) image.CodeOf(f, new SharedLayout(image, f), default);
                decoded++;
            }
            catch (PtxException e)
            {
                Assert.That(e.Rule, Is.EqualTo("unsupported"), $"{v["id"]} {v["body"]}: {e.Message}");
                declined++;
            }
        }
        Assert.That(decoded, Is.GreaterThan(4 * declined), $"{decoded} decoded, {declined} declined");
    }
}
