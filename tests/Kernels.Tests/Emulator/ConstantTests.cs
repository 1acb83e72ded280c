namespace Tessera.Tests;

/// <summary>Constant memory is read only, whatever kind of address leads there.</summary>
public sealed class ConstantTests
{
    static PtxModule Module(string body) => PtxModule.Parse($$"""
        .version 7.7
        .target sm_80
        .address_size 64
        .const .align 8 .b32 table[32] = {1, 2, 3};
        .visible .entry k(.param .u64 y)
        {
        .reg .pred %p<2>;
        .reg .b32 %r<8>;
        .reg .b64 %d<8>;
        mov.u32 %r1, %tid.x;
        mov.u64 %d1, table;
        cvta.const.u64 %d1, %d1;
        mad.wide.u32 %d2, %r1, 4, %d1;
        mov.u64 %d3, y;
        cvta.param.u64 %d3, %d3;
        ld.param.u64 %d4, [y];
        {{body}}
        ret;
        }
        """, "k.ptx");

    [TestCase("st.u32 [%d2], %r1;", "writes 4 bytes to constant memory: variable 'table' + 0 of 128")]
    [TestCase("st.u32 [%d1+4], %r1;", "writes 4 bytes to constant memory: variable 'table' + 4 of 128")]
    [TestCase("st.v2.u32 [%d1+8], {%r1, %r1};", "writes 8 bytes to constant memory: variable 'table' + 8 of 128")]
    [TestCase("st.u8 [%d1+3], %r1;", "writes 1 bytes to constant memory: variable 'table' + 3 of 128")]
    [TestCase("atom.add.u32 %r2, [%d2], 1;", "writes 4 bytes to constant memory: variable 'table' + 0 of 128")]
    [TestCase("red.add.u32 [%d1+124], 1;", "writes 4 bytes to constant memory: variable 'table' + 124 of 128")]
    [TestCase("st.u64 [%d3], %d1;", "writes 8 bytes to constant memory: the parameters + 0 of 8")]
    public void A_write_is_an_error_with_its_line(string body, string why)
    {
        PtxModule module = Module(body);
        Assert.That(() => module.Launch("k", new((1, 1, 1), (32, 1, 1)), PtxArgument.Buffer(new int[32])), Throws.TypeOf<PtxException>().With.Message.StartsWith($"k.ptx:17:1: memory: {why}"));
        var report = module.Launch("k", new((1, 1, 1), (32, 1, 1)) { Checks = PtxChecks.All }, PtxArgument.Buffer(new int[32]));
        Assert.That(report.Failure?.Message, Is.EqualTo(why));
    }

    /// <summary>The same store to both: it finds the constant memory also after it has got used to the other.</summary>
    [Test]
    public void A_store_that_mostly_goes_elsewhere_is_found() => Assert.That(() => Module("""
        mov.u32 %r2, 0;
        L: setp.eq.u32 %p1, %r2, 3;
        selp.b64 %d5, %d1, %d4, %p1;
        mad.wide.u32 %d5, %r1, 4, %d5;
        st.u32 [%d5], %r2;
        add.u32 %r2, %r2, 1;
        bra L;
        """).Launch("k", new((1, 1, 1), (32, 1, 1)) { StepLimit = 1000 }, PtxArgument.Buffer(new int[32])), Throws.TypeOf<PtxException>().With.Message.StartsWith("k.ptx:21:1: memory: writes 4 bytes to constant"));

    [Test]
    public void Reads_are_allowed()
    {
        int[] y = new int[32];
        Module("ld.u32 %r2, [%d2]; ld.u64 %d5, [%d3]; mad.wide.u32 %d5, %r1, 4, %d5; st.u32 [%d5], %r2;").Launch("k", new((1, 1, 1), (32, 1, 1)), PtxArgument.Buffer(y));
        Assert.That(y[..4], Is.EqualTo(new[] { 1, 2, 3, 0 }));
    }
}
