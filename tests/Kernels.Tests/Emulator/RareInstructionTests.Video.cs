namespace Tessera.Tests;

/// <summary>Arithmetic on bytes and half-words, worked out by hand.</summary>
public sealed partial class RareInstructionTests
{
    static uint Video(string op, uint a, uint b, uint c) => Run($"mov.b32 %r2, {a}; mov.b32 %r3, {b}; mov.b32 %r4, {c}; {op}")[0];

    [TestCase("vadd.s32.u32.s32.sat %r9, %r2.b0, %r3.h0;", 0x80u, 0xFFFFu, 0u, 127u), TestCase("vsub.u32.u32.u32.sat %r9, %r2, %r3;", 3u, 5u, 0u, 0u), TestCase("vsub.u32.u32.u32 %r9, %r2, %r3;", 3u, 5u, 0u, 0xFFFF_FFFEu)]
    [TestCase("vabsdiff.s32.s32.s32.add %r9, %r2, %r3, %r4;", 3u, 10u, 5u, 12u), TestCase("vmin.s32.s32.s32.max %r9, %r2, %r3, %r4;", 0xFFFF_FFFBu, 3u, 0xFFFF_FFFEu, 0xFFFF_FFFEu), TestCase("vmax.u32.u32.u32 %r9, %r2.h1, %r3.b3;", 0x0005_0000u, 0x0900_0000u, 0u, 9u)]
    [TestCase("vadd.u32.u32.u32 %r9.h1, %r2, %r3, %r4;", 3u, 4u, 0x1111_2222u, 0x0007_2222u), TestCase("vadd.s32.s32.s32.sat %r9.b1, %r2, %r3, %r4;", 100u, 100u, 0xAA00_00BBu, 0xAA00_7FBBu), TestCase("vadd.u32.u32.u32.min %r9, %r2, %r3, %r4;", 0xFFFF_FFFFu, 3u, 9u, 2u)]
    [TestCase("vshl.u32.u32.u32.clamp %r9, %r2, %r3;", 1u, 40u, 0u, 0u), TestCase("vshl.u32.u32.u32.wrap %r9, %r2, %r3;", 1u, 40u, 0u, 0x100u), TestCase("vshl.u32.u32.u32.sat.clamp %r9, %r2, %r3;", 0xFFFF_FFFFu, 40u, 0u, 0xFFFF_FFFFu), TestCase("vshr.s32.s32.u32.clamp %r9, %r2, %r3;", 0xFFFF_FFF8u, 1u, 0u, 0xFFFF_FFFCu)]
    [TestCase("vmad.s32.s32.s32.shr7 %r9, %r2, %r3, %r4;", 100u, 3u, 0xFFFF_FFD4u, 2u), TestCase("vmad.u32.u32.u32.sat %r9, %r2, %r3, %r4;", 0x10000u, 0x10000u, 0u, 0xFFFF_FFFFu), TestCase("vmad.s32.s32.u32 %r9, %r2.b0, %r3.b0, %r4;", 0xFFu, 0xFFu, 1u, 0xFFFF_FF02u)]
    [TestCase("vset.s32.u32.lt %r9, %r2, %r3;", 0xFFFF_FFFFu, 5u, 0u, 1u), TestCase("vset.u32.u32.eq.add %r9, %r2, %r3, %r4;", 5u, 5u, 41u, 42u)]
    public void Parts(string op, uint a, uint b, uint c, uint expected) => Assert.That(Video(op, a, b, c), Is.EqualTo(expected));

    [TestCase("vadd4.u32.u32.u32 %r9, %r2, %r3, %r4;", 0x01FF_7F80u, 0x0101_0101u, 0u, 0x0200_8081u), TestCase("vadd4.u32.u32.u32.sat %r9, %r2, %r3, %r4;", 0x01FF_7F80u, 0x0101_0101u, 0u, 0x02FF_8081u), TestCase("vadd4.s32.s32.s32.sat %r9, %r2, %r3, %r4;", 0x01FF_7F80u, 0x0101_0101u, 0u, 0x0200_7F81u)]
    [TestCase("vadd4.u32.u32.u32 %r9.b20, %r2, %r3, %r4;", 0x01FF_7F80u, 0x0101_0101u, 0xAABB_CCDDu, 0xAA00_CC81u), TestCase("vadd4.u32.u32.u32 %r9, %r2.b7654, %r3.b0000, %r4;", 5u, 0x0403_0201u, 0u, 0x0908_0706u)]
    [TestCase("vabsdiff4.u32.u32.u32.add %r9, %r2, %r3, %r4;", 0x1020_3040u, 0x4030_2010u, 5u, 133u), TestCase("vsub4.s32.u32.u32.add %r9, %r2, %r3, %r4;", 0u, 0x0101_0101u, 3u, 0xFFFF_FFFFu), TestCase("vavrg4.u32.u32.u32 %r9, %r2, %r3, %r4;", 0xFF00_0102u, 0xFF01_0203u, 0u, 0xFF01_0203u)]
    [TestCase("vavrg2.s32.s32.s32 %r9, %r2, %r3, %r4;", 0xFFFF_0003u, 0xFFFD_0004u, 0u, 0xFFFE_0004u), TestCase("vmin2.s32.s32.s32 %r9, %r2, %r3, %r4;", 0xFFFF_0003u, 0x0001_0004u, 0u, 0xFFFF_0003u), TestCase("vmax2.u32.u32.u32 %r9.h1, %r2.h01, %r3, %r4;", 0x0001_0009u, 0x0005_0000u, 0xABCD_1234u, 0x0009_1234u)]
    [TestCase("vset4.u32.u32.lt %r9, %r2, %r3, %r4;", 0x0102_0304u, 0x0202_0202u, 0u, 0x0100_0000u), TestCase("vset2.s32.s32.gt.add %r9, %r2, %r3, %r4;", 0xFFFF_0001u, 0u, 7u, 8u)]
    public void SeveralPartsAtOnce(string op, uint a, uint b, uint c, uint expected) => Assert.That(Video(op, a, b, c), Is.EqualTo(expected));
}
