namespace Tessera.Tests;

public sealed partial class RareInstructionTests
{
    [Test]
    public void ElectChoosesOneOfItsMembers()
    {
        uint[] all = Run("elect.sync %r2|%p1, 0xFFFFFFFF; selp.b32 %r3, 100, 0, %p1; add.u32 %r9, %r2, %r3;");
        Assert.That(all, Is.EqualTo(Each(i => i == 0 ? 100u : 0)));
        uint[] some = Run("mov.u32 %r9, 7; setp.gt.u32 %p2, %r1, 19; @!%p2 bra OUT; elect.sync _|%p1, 0xFFF00000; selp.b32 %r9, 1, 0, %p1; OUT:");
        Assert.That(some, Is.EqualTo(Each(i => i < 20 ? 7u : i == 20 ? 1u : 0)));
    }

    // Bits: global, shared, local, const, a kernel's parameter.
    [TestCase("mov.u64 %d3, %d1;", 1u), TestCase("mov.u64 %d3, s; cvta.shared.u64 %d3, %d3;", 2u), TestCase("mov.u64 %d3, c; cvta.const.u64 %d3, %d3;", 9u)]
    [TestCase("mov.u64 %d3, l; cvta.local.u64 %d3, %d3;", 4u), TestCase("mov.b64 %d3, x; cvta.param.u64 %d3, %d3;", 17u)]
    public void WhereAnAddressLies(string address, uint expected)
    {
        string[] spaces = ["global", "shared", "local", "const", "param"];
        string asks = string.Concat(spaces.Select((s, k) => $"isspacep.{s} %p1, %d3; selp.b32 %r2, {1 << k}, 0, %p1; or.b32 %r9, %r9, %r2; "));
        Assert.That(Run($".local .align 8 .b8 l[16]; mov.u32 %r9, 0; {address} {asks}", before: ".const .align 4 .u32 c = 5;")[0], Is.EqualTo(expected));
    }

    // Bits: finite, infinite, number, not a number, normal, subnormal.
    [TestCase(1.5f, 0b010101u), TestCase(0f, 0b010101u), TestCase(1e-40f, 0b100101u), TestCase(float.NegativeInfinity, 0b000110u), TestCase(float.NaN, 0b001000u)]
    public void KindsOfNumbers(float x, uint expected)
    {
        string[] kinds = ["finite", "infinite", "number", "notanumber", "normal", "subnormal"];
        string asks = string.Concat(kinds.Select((s, k) => $"testp.{s}.f32 %p1, %f1; selp.b32 %r2, {1 << k}, 0, %p1; or.b32 %r9, %r9, %r2; "));
        Assert.That(Run($"mov.u32 %r9, 0; mov.f32 %f1, 0f{Bits(x):X8}; {asks}")[0], Is.EqualTo(expected));
    }

    /// <summary>Element (row, column) is 8 row + column: lane l holds two of row l / 4, and after transposing two of column l / 4.</summary>
    [Test]
    public void MatricesAreTransposed() =>
        Assert.That(Run("shl.b32 %r2, %r1, 1; add.u32 %r3, %r2, 1; shl.b32 %r3, %r3, 16; or.b32 %r2, %r2, %r3; movmatrix.sync.aligned.m8n8.trans.b16 %r9, %r2;"),
            Is.EqualTo(Each(l => (l % 4 * 2 * 8) + (l / 4) | ((((l % 4 * 2) + 1) * 8) + (l / 4)) << 16)));

    [Test]
    public void PoliciesChangeNoResult() =>
        Assert.That(Run("createpolicy.fractional.L2::evict_first.b64 %d3; createpolicy.range.global.L2::evict_last.b64 %d4, [%d1], 64, 128; createpolicy.cvt.L2.b64 %d5, %d3; mad.wide.u32 %d6, %r1, 4, %d1; ld.global.L2::cache_hint.b32 %r9, [%d6], %d3;",
            [.. Enumerable.Range(0, 64).Select(i => (uint)i * 3)]), Is.EqualTo(Each(i => 3 * i)));

    /// <summary>Each lane adds itself to both halves of 128 bits, by trying until nobody came between.</summary>
    [Test]
    public void AtomicsOf128Bits()
    {
        uint[] x = new uint[64];
        uint[] y = Run("""
            cvt.u64.u32 %d3, %r1;
            mov.b64 %d4, 0; mov.b64 %d5, 0;
            AGAIN:
            mov.b128 %q1, {%d4, %d5};
            add.u64 %d6, %d4, %d3; add.u64 %d7, %d5, 1;
            mov.b128 %q2, {%d6, %d7};
            atom.global.cas.b128 %q3, [%d1], %q1, %q2;
            mov.b128 {%d8, %d9}, %q3;
            setp.ne.u64 %p1, %d8, %d4; setp.ne.or.u64 %p1, %d9, %d5, %p1;
            mov.b64 %d4, %d8; mov.b64 %d5, %d9;
            @%p1 bra AGAIN;
            atom.global.exch.b128 %q3, [%d1+16], %q2;
            cvt.u32.u64 %r9, %d9;
            """, x);
        Assert.That((x[0], x[1], x[2], x[3]), Is.EqualTo((496u, 0u, 32u, 0u)));
        Assert.That(y.Order(), Is.EqualTo(Each(i => i)));
        Assert.That(() => Run("mov.b64 %d3, 0; mov.b128 %q1, {%d3, %d3}; atom.global.exch.b128 %q2, [%d1+8], %q1; mov.u32 %r9, 0;", checks: PtxChecks.None), Throws.TypeOf<PtxException>().With.Message.Contains("not aligned to 16"));
    }

    [TestCase("mul24.lo.u32 %r9, 0x1FFFFFF, 3;", 0x2FFFFFDu), TestCase("mul24.hi.s32 %r9, 0xFFFFFF, 0x10000;", 0xFFFFFFFFu), TestCase("mad24.lo.s32 %r9, 0xFFFFFE, 5, 12;", 2u)]
    [TestCase("mad24.hi.sat.s32 %r9, 0x7FFFFF, 0x7FFFFF, 0x7FFFFFFF;", 0x7FFFFFFFu), TestCase("bmsk.clamp.b32 %r9, 4, 8;", 0xFF0u), TestCase("bmsk.clamp.b32 %r9, 28, 99;", 0xF0000000u), TestCase("bmsk.wrap.b32 %r9, 33, 34;", 6u)]
    [TestCase("szext.clamp.s32 %r9, 0xFF, 4;", 0xFFFFFFFFu), TestCase("szext.clamp.u32 %r9, 0xFF, 4;", 15u), TestCase("szext.wrap.u32 %r9, 0xFF, 32;", 0u), TestCase("szext.clamp.s32 %r9, 0x7F, 40;", 0x7Fu)]
    [TestCase("fns.b32 %r9, 0x90, 0, 2;", 7u), TestCase("fns.b32 %r9, 0x90, 6, -1;", 4u), TestCase("fns.b32 %r9, 0x90, 4, 0;", 4u), TestCase("fns.b32 %r9, 0x90, 5, 0;", 0xFFFFFFFFu), TestCase("fns.b32 %r9, 0x90, 0, 3;", 0xFFFFFFFFu)]
    [TestCase("dp2a.lo.s32.u32 %r9, 0xFFFF0002, 0x04030201, 10;", 10u), TestCase("dp2a.hi.u32.s32 %r9, 0x00010002, 0xFE030000, 0;", 4u)]
    public void BitsAndShortProducts(string op, uint expected)
    {
        // Operands of dp2a are registers of 32 bits.
        string text = op.StartsWith("dp2a") ? op.Split(", ") is var part ? $"mov.b32 %r2, {part[1]}; mov.b32 %r3, {part[2]}; mov.b32 %r4, {part[3].TrimEnd(';')}; {part[0]}, %r2, %r3, %r4;" : "" : op;
        Assert.That(Run(text)[0], Is.EqualTo(expected));
    }
}
