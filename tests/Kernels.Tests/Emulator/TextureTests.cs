namespace Tessera.Tests;

/// <summary>Instructions on textures and surfaces are known to the verifier; the emulator says that it does not run them.</summary>
public sealed class TextureTests
{
    static string Text(string body, string target = "sm_80") => $$"""
        .version 8.1
        .target {{target}}
        .address_size 64
        .global .texref image;
        .global .surfref surface;
        .visible .entry k()
        {
            .reg .b64 %d<4>; .reg .b32 %r<9>; .reg .f32 %f<9>; .reg .b16 %h<9>; .reg .pred %p;
            {{body}}
            ret;
        }
        """;

    [TestCase("tex.2d.v4.f32.f32 {%f1, %f2, %f3, %f4}, [image, {%f5, %f6}];"), TestCase("tex.1d.v4.s32.s32 {%r1, %r2, %r3, %r4}, [%d1, {%r5}];"), TestCase("tex.3d.v4.f32.f32 {%f1, %f2, %f3, %f4}, [%d1, %d2, {%f5, %f6, %f7, %f7}];")]
    [TestCase("tex.a2d.v4.u32.f32 {%r1, %r2, %r3, %r4}, [%d1, {%r5, %f5, %f6, %f6}];"), TestCase("tex.level.2d.v4.f32.f32 {%f1, %f2, %f3, %f4}, [%d1, {%f5, %f6}], %f7;"), TestCase("tex.cube.v4.f32.f32 {%f1, %f2, %f3, %f4}, [%d1, {%f5, %f6, %f7, %f7}];")]
    [TestCase("tex.grad.2d.v4.f32.f32 {%f1, %f2, %f3, %f4}, [%d1, {%f5, %f6}], {%f5, %f6}, {%f7, %f8};"), TestCase("tld4.r.2d.v4.f32.f32 {%f1, %f2, %f3, %f4}, [%d1, {%f5, %f6}];"), TestCase("txq.width.b32 %r1, [image];"), TestCase("suq.height.b32 %r1, [surface];")]
    [TestCase("suld.b.1d.v2.b32.trap {%r1, %r2}, [surface, {%r3}];"), TestCase("suld.b.2d.b8.clamp {%h1}, [%d1, {%r1, %r2}];"), TestCase("sust.b.2d.b32.trap [%d1, {%r1, %r2}], {%r3};"), TestCase("sust.p.1d.v4.b32.zero [%d1, {%r1}], {%r1, %r2, %r3, %r4};")]
    [TestCase("sured.b.add.2d.u32.trap [surface, {%r1, %r2}], %r3;"), TestCase("sured.b.min.1d.s64.clamp [surface, {%r1}], %d3;"), TestCase("istypep.texref %p, %d1;")]
    public void AreKnownButDoNotRun(string body)
    {
        PtxModule module = PtxModule.Parse(Text(body), "k.ptx").Verify();
        var refused = Assert.Throws<PtxException>(() => module.Launch("k", new((1, 1, 1), (1, 1, 1))))!;
        Assert.That((refused.Rule, refused.Line), Is.EqualTo(("unsupported", 9)));
        Assert.That(refused.Detail, Is.EqualTo($"the emulator does not run '{body.Split('.')[0]}' yet"));
    }

    [TestCase("tex.2d.f32.f32 %f1, [image, {%f5, %f6}];", "modifier"), TestCase("tex.2d.v4.f32.f32 {%f1, %f2}, [image, {%f5, %f6}];", "operand"), TestCase("tex.4d.v4.f32.f32 {%f1, %f2, %f3, %f4}, [image, {%f5}];", "modifier")]
    [TestCase("suld.b.2d.b32 {%r1}, [%d1, {%r1, %r2}];", "modifier"), TestCase("suld.b.2d.b32.trap %r1, [%d1, %d2, {%r1, %r2}];", "operand"), TestCase("ld.global.f32 %f1, [%d1, {%r1}];", "operand"), TestCase("txq.length.b32 %r1, [image];", "modifier")]
    public void WrongFormsAreRejected(string body, string rule) => Assert.That(Assert.Throws<PtxException>(() => PtxModule.Parse(Text(body)).Verify())!.Rule, Is.EqualTo(rule));
}
