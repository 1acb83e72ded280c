using Tessera.Emulator;

namespace Tessera.Tests;

/// <summary>What another module, or CUDA itself, defines: printf, assert, aliases, and what there is not.</summary>
public sealed class ExternalTests
{
    const string head = ".version 7.8\n.target sm_80\n.address_size 64\n.extern .func (.param .b32 r) vprintf (.param .b64 format, .param .b64 values);\n.extern .func __assertfail (.param .b64 message, .param .b64 file, .param .b32 line, .param .b64 function, .param .b64 size);\n.extern .func (.param .b64 r) realloc (.param .b64 size);\n";

    static string Text(string text) => string.Join(", ", text.Append('\0').Select(c => (int)c));

    static PtxReport Run(string text, int threads, Action<string>? print = null, PtxChecks checks = PtxChecks.None)
        => PtxModule.Parse(text, "k.ptx").Launch("k", new((1, 1, 1), (threads, 1, 1)) { Print = print, Checks = checks }, PtxArgument.Buffer(new int[64]));

    static readonly string prints = head + $$"""
        .global .align 1 .b8 format[] = {{{Text("thread %d of %u: %5.2f%c")}}};
        .visible .entry k(.param .u64 y)
        {
        .local .align 8 .b8 values[24];
        .reg .b32 %r<8>;
        .reg .f64 %g<2>;
        .reg .b64 %d<8>;
        mov.u32 %r1, %tid.x;
        mov.u32 %r2, %ntid.x;
        cvt.rn.f64.u32 %g1, %r1;
        div.rn.f64 %g1, %g1, 0d4010000000000000;
        mov.u64 %d1, values;
        st.local.v2.u32 [%d1], {%r1, %r2};
        st.local.f64 [%d1+8], %g1;
        mov.u32 %r3, 33;
        st.local.u32 [%d1+16], %r3;
        cvta.local.u64 %d2, %d1;
        mov.u64 %d3, format;
        cvta.global.u64 %d3, %d3;
        { .param .b64 a; .param .b64 b; .param .b32 r; st.param.b64 [a], %d3; st.param.b64 [b], %d2; call (r), vprintf, (a, b); ld.param.b32 %r4, [r]; }
        ld.param.u64 %d4, [y];
        mad.wide.u32 %d4, %r1, 4, %d4;
        st.global.u32 [%d4], %r4;
        ret;
        }
        """;

    [Test]
    public void Threads_print([Values(PtxChecks.None, PtxChecks.All)] PtxChecks checks)
    {
        List<string> lines = [];
        int[] y = new int[64];
        var report = PtxModule.Parse(prints).Launch("k", new((1, 1, 1), (34, 1, 1)) { Print = lines.Add, Checks = checks }, PtxArgument.Buffer(y));
        Assert.That(report.Findings, Is.Empty);
        Assert.That(lines, Is.EquivalentTo(Enumerable.Range(0, 34).Select(i => FormattableString.Invariant($"thread {i} of 34: {i / 4.0,5:F2}!"))));
        Assert.That(y[..35], Is.EqualTo(Enumerable.Repeat(4, 34).Append(0)));
        Assert.That(() => Run(prints, 3), Throws.Nothing, "nobody listens");
    }

    // As C's printf gives it.
    [TestCase("%d|%i|%u", new object[] { -5, 7, 0xFFFFFFFFu }, "-5|7|4294967295")]
    [TestCase("%5d|%-5d|%05d|%+d|% d", new object[] { 42, 42, -42, 42, 42 }, "   42|42   |-0042|+42| 42")]
    [TestCase("%.3d|%8.3d|%*d", new object[] { 7, -7, 4, 1 }, "007|    -007|   1")]
    [TestCase("%x|%X|%#x|%o|%08x", new object[] { 255, 255, 255, 8, 255 }, "ff|FF|0xff|10|000000ff")]
    [TestCase("%ld|%llu|%lx", new object[] { long.MinValue, ulong.MaxValue, 1L << 40 }, "-9223372036854775808|18446744073709551615|10000000000")]
    [TestCase("%f|%.2f|%8.3f|%-8.1f|%+.0f", new object[] { 1.5, 2.345, -3.14159, 2.75, 7.0 }, "1.500000|2.35|  -3.142|2.8     |+7")]
    [TestCase("%e|%.2E|%g|%g|%g|%g|%G", new object[] { 12345.678, 0.00012, 0.0001, 0.00001, 1e6, 123456.0, 1e-10 }, "1.234568e+04|1.20E-04|0.0001|1e-05|1e+06|123456|1E-10")]
    [TestCase("%f|%5f|%F|%05f", new object[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity, double.PositiveInfinity }, "-nan|  inf|-INF|  inf")]
    [TestCase("%c%c|%3c|%%|100%", new object[] { 72, 105, 33 }, "Hi|  !|%|100%")]
    [TestCase("%s|%6s|%-6s|%.2s", new object[] { "ab", "ab", "ab", "abcd" }, "ab|    ab|ab    |ab")]
    public void Formats(string format, object[] values, string expected)
    {
        Queue<object> left = new(values);
        List<string> texts = [];
        Printf printf = new(bytes =>
        {
            object value = left.Dequeue();
            Assert.That(bytes, Is.EqualTo(value is int or uint ? 4 : 8));
            if (value is string s) texts.Add(s);
            return value switch { int i => (uint)i, uint u => u, long l => (ulong)l, ulong u => u, double d => BitConverter.DoubleToUInt64Bits(d), _ => (ulong)texts.Count - 1 };
        }, at => texts[(int)at]);
        Assert.That(printf.Format(format), Is.EqualTo(expected));
        Assert.That(left, Is.Empty);
        Assert.That(printf.Conversions, Is.EqualTo(values.Length - (format.Contains('*', StringComparison.Ordinal) ? 1 : 0)));
    }

    [Test]
    public void A_failed_assertion_says_what_failed_where()
    {
        string text = head + $$"""
            .global .align 1 .b8 message[] = {{{Text("i < 3")}}};
            .global .align 1 .b8 file[] = {{{Text("a.cu")}}};
            .global .align 1 .b8 function[] = {{{Text("void k(int*)")}}};
            .visible .entry k(.param .u64 y)
            {
            .reg .pred %p<2>;
            .reg .b32 %r<8>;
            .reg .b64 %d<8>;
            mov.u32 %r1, %tid.x;
            setp.lt.u32 %p1, %r1, 3;
            @%p1 bra GOOD;
            mov.u64 %d1, message;
            cvta.global.u64 %d1, %d1;
            mov.u64 %d2, file;
            cvta.global.u64 %d2, %d2;
            mov.u64 %d3, function;
            cvta.global.u64 %d3, %d3;
            { .param .b64 a; .param .b64 b; .param .b32 c; .param .b64 d; .param .b64 e; st.param.b64 [a], %d1; st.param.b64 [b], %d2; st.param.b32 [c], 17; st.param.b64 [d], %d3; st.param.b64 [e], 1;
            call __assertfail, (a, b, c, d, e); }
            GOOD:
            ret;
            }
            """;
        Assert.That(() => Run(text, 3), Throws.Nothing);
        Assert.That(() => Run(text, 4), Throws.TypeOf<PtxException>().With.Property("Rule").EqualTo("assert")
            .And.Message.Contains("a.cu:17: void k(int*): assertion 'i < 3' failed (kernel 'k', block (0, 0, 0), thread (3, 0, 0))"));
    }

    [Test]
    public void A_function_that_there_is_not_ends_the_launch_of_who_calls_it()
    {
        const string text = head + """
            .visible .entry k(.param .u64 y)
            {
            .reg .pred %p<2>;
            .reg .b32 %r<8>;
            mov.u32 %r1, %tid.x;
            setp.lt.u32 %p1, %r1, 3;
            @%p1 ret;
            { .param .b64 a; .param .b64 r; st.param.b64 [a], 8; call (r), realloc, (a); }
            ret;
            }
            """;
        Assert.That(() => Run(text, 3), Throws.Nothing);
        Assert.That(() => Run(text, 4), Throws.TypeOf<PtxException>().With.Message.Contains("k.ptx:14:54: unsupported: the emulator has no external function 'realloc' (kernel 'k', block (0, 0, 0), thread (3, 0, 0))"));
    }

    [Test]
    public void A_variable_of_another_module_is_refused()
        => Assert.That(() => Run(".version 7.8\n.target sm_80\n.address_size 64\n.extern .global .b32 x;\n.visible .entry k(.param .u64 y) { .reg .b32 %r; ld.global.u32 %r, [x]; ret; }", 1),
            Throws.TypeOf<PtxException>().With.Message.Contains("unsupported: the emulator does not run 'x', which another module must define"));

    [Test]
    public void An_alias_is_the_function_it_stands_for()
    {
        int[] y = new int[1];
        PtxModule.Parse(".version 7.8\n.target sm_80\n.address_size 64\n.func (.param .b32 r) f() { st.param.b32 [r], 5; ret; }\n.func (.param .b32 r) g();\n.alias g, f;\n"
            + ".visible .entry k(.param .u64 y) { .reg .b32 %r; .reg .b64 %d; ld.param.u64 %d, [y]; { .param .b32 t; call (t), g, (); ld.param.b32 %r, [t]; } st.global.u32 [%d], %r; ret; }")
            .Launch("k", new((1, 1, 1), (1, 1, 1)), PtxArgument.Buffer(y));
        Assert.That(y[0], Is.EqualTo(5));
    }
}
