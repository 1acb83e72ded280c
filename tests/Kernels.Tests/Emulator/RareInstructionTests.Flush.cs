namespace Tessera.Tests;

/// <summary>Subnormal numbers under <c>.ftz</c> and in atomics, and NaN as an integer.</summary>
public sealed partial class RareInstructionTests
{
    // f16: 0200 is 2^-15, 0400 2^-14, the smallest normal value, 3800 is 1/2, 3C00 1.
    [TestCase("add", "0200, 0000", "0000"), TestCase("add", "8200, 8000", "8000"), TestCase("sub", "0401, 0400", "0000"), TestCase("sub", "0400, 0200", "0400"), TestCase("mul", "0400, B800", "8000")]
    [TestCase("mul", "0200, 3C00", "0000"), TestCase("fma.rn", "0400, 3C00, 8200", "0400"), TestCase("abs", "8200", "0000"), TestCase("neg", "0200", "8000"), TestCase("neg", "3C00", "BC00")]
    [TestCase("min", "0200, 3C00", "0000"), TestCase("max", "8200, BC00", "8000"), TestCase("fma.rn.relu", "0200, 3C00, 0000", "0000"), TestCase("add.sat", "0200, 0000", "0000")]
    public void HalvesAreFlushed(string op, string operands, string expected)
    {
        uint[] x = [.. operands.Split(", ").Select(v => Convert.ToUInt32(v, 16))];
        string[] name = op.Split('.');
        string form = string.Join('.', op.EndsWith("relu", StringComparison.Ordinal) ? [name[0], "rn", "ftz", "relu"] : op.EndsWith("sat", StringComparison.Ordinal) ? [name[0], "ftz", "sat"] : [.. name, "ftz"]);
        string one = string.Concat(x.Select((v, k) => $"mov.b16 %h{k + 1}, {v}; ")), two = string.Concat(x.Select((v, k) => $"mov.b32 %r{k + 2}, {v | v << 16}; "));
        string halves = string.Join(", ", x.Select((_, k) => $"%h{k + 1}")), pairs = string.Join(", ", x.Select((_, k) => $"%r{k + 2}"));
        uint want = Convert.ToUInt32(expected, 16);
        Assert.That(Run($"{one}{form}.f16 %h9, {halves}; cvt.u32.u16 %r9, %h9;")[0], Is.EqualTo(want));
        Assert.That(Run($"{two}{form}.f16x2 %r9, {pairs};")[0], Is.EqualTo(want | want << 16));
    }

    [TestCase("setp.gt.ftz.f16 %p1, %h1, 0x0000; selp.b32 %r9, 1, 0, %p1;", 0u), TestCase("setp.gt.ftz.f16x2 %p1|%p2, %r2, %r3; selp.b32 %r9, 1, 0, %p1; @%p2 or.b32 %r9, %r9, 2;", 0u)]
    [TestCase("set.gt.ftz.u32.f16 %r9, %h1, %h2;", 0u), TestCase("set.eq.ftz.f16x2.f16x2 %r9, %r2, %r3;", 0x3C003C00u)]
    public void ComparisonsOfHalvesAreFlushed(string op, uint expected) =>
        Assert.That(Run($"mov.b16 %h1, 0x0200; mov.b16 %h2, 0; mov.b32 %r2, 0x02000200; mov.b32 %r3, 0; {op.Replace("0x0000", "%h2", StringComparison.Ordinal)}")[0], Is.EqualTo(expected));

    [TestCase("slct.ftz.s32.f32", 7u), TestCase("slct.s32.f32", 8u)]
    public void SlctTakesASubnormalAsZero(string op, uint expected) => Assert.That(Run($"mov.f32 %f1, 0f80000001; mov.u32 %r2, 7; mov.u32 %r3, 8; {op} %r9, %r2, %r3, %f1;")[0], Is.EqualTo(expected));

    const string globalWord = "mad.wide.u32 %d3, %r1, 4, %d1; ", sharedWord = "shl.b32 %r2, %r1, 2; mov.u32 %r3, s; add.u32 %r3, %r3, %r2; cvt.u64.u32 %d3, %r3; cvta.shared.u64 %d4, %d3; st.shared.b32 [%r3], 0x00400000; ";

    // 00400000 is 2^-127, 80200000 half of it below zero; 00800000 and 80400000 make a subnormal number.
    [TestCase(globalWord + "red.global.add.f32 [%d3], %f1; ld.global.b32 %r9, [%d3];", 0u), TestCase(globalWord + "atom.add.f32 %f2, [%d3], %f1; ld.global.b32 %r9, [%d3];", 0u)]
    [TestCase(globalWord + "atom.global.add.f32 %f2, [%d3], %f1; mov.b32 %r9, %f2;", 0x0040_0000u), TestCase(globalWord + "st.global.b32 [%d3], 0x80000001; mov.f32 %f1, 0f80000001; red.global.add.f32 [%d3], %f1; ld.global.b32 %r9, [%d3];", 0x8000_0000u)]
    [TestCase(sharedWord + "red.shared.add.f32 [%r3], %f1; ld.shared.b32 %r9, [%r3];", 0x0020_0000u), TestCase(sharedWord + "atom.add.f32 %f2, [%d4], %f1; ld.shared.b32 %r9, [%r3];", 0x0020_0000u)]
    [TestCase(globalWord + "red.global.add.v2.f32 [%d1], {%f1, %f1}; mov.b32 %r9, 0;", 0u)]
    public void AtomicSumsFlushInGlobalMemoryOnly(string op, uint expected) =>
        Assert.That(Run($"mov.f32 %f1, 0f80200000; {op}", [.. Enumerable.Repeat(0x0040_0000u, 64)]), Is.EqualTo(Each(_ => expected)));

    [TestCase("cvt.rni.s32.f32 %r9, %f1;", 0u), TestCase("cvt.rni.u16.f32 %h1, %f1; cvt.u32.u16 %r9, %h1;", 0u), TestCase("cvt.rni.s64.f32 %d3, %f1; mov.b64 {%r2, %r9}, %d3;", 0x8000_0000u), TestCase("cvt.rni.u64.f16 %d3, %h2; mov.b64 {%r2, %r9}, %d3;", 0x8000_0000u)]
    [TestCase("cvt.rni.s32.f64 %r9, %d4;", 0x8000_0000u), TestCase("cvt.rni.u32.f64 %r9, %d4;", 0x8000_0000u), TestCase("cvt.rni.u16.f64 %h1, %d4; cvt.u32.u16 %r9, %h1;", 0x8000u), TestCase("cvt.rni.s16.f64 %h1, %d4; cvt.u32.u16 %r9, %h1;", 0x8000u)]
    public void NotANumberAsAnInteger(string op, uint expected) => Assert.That(Run($"mov.f32 %f1, 0f7FFFFFFF; mov.b16 %h2, 0x7FFF; mov.b64 %d4, 0x7FF8000000000000; {op}")[0], Is.EqualTo(expected));
}
