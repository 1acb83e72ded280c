using System.Numerics;

namespace Tessera.Tests;

/// <summary>Results rounded to zero, down and up, against the exact ones as whole multiples of 2^-2200: also at powers of two, beyond the largest value and among subnormals.</summary>
public sealed class DirectedRoundingTests
{
    const int lanes = 384, unit = 1100;

    static readonly string[] modes = ["rz", "rm", "rp"];

    /// <summary>A finite number in units of 2^-1100.</summary>
    static BigInteger Fixed(double x)
    {
        int exponent = x == 0 ? 0 : Math.Max(Math.ILogB(x), -1022) - 52;
        return (BigInteger)Math.ScaleB(x, -exponent) << exponent + unit;
    }

    /// <summary>The sign of an exact result minus r.</summary>
    static int Compare(string op, double a, double b, double c, double r)
    {
        if (double.IsInfinity(r)) return -Math.Sign(r);
        BigInteger x = Fixed(a), y = Fixed(b), z = Fixed(c), got = Fixed(r), one = BigInteger.One << unit;
        return op switch
        {
            "add" => (x + y - got).Sign,
            "sub" => (x - y - got).Sign,
            "mul" => (x * y - got * one).Sign,
            "fma" => (x * y + z * one - got * one).Sign,
            "div" => (x * one - got * y).Sign * y.Sign,
            "rcp" => (one * one - got * x).Sign * x.Sign,
            _ => r < 0 ? 1 : (x * one - got * got).Sign,
        };
    }

    /// <summary>The sign of a zero: of what was rounded to it, or of the operands; rounded down, opposite numbers have the sum -0.</summary>
    static bool IsNegativeZero(string op, string mode, double a, double b, double c)
    {
        int exact = Compare(op, a, b, c, 0);
        if (exact != 0) return exact < 0;
        bool first = double.IsNegative(a), second = double.IsNegative(b);
        return op switch
        {
            "add" => Sum(first, second),
            "sub" => Sum(first, !second),
            "fma" => Sum(first != second, double.IsNegative(c)),
            "mul" or "div" => first != second,
            _ => first,
        };

        bool Sum(bool x, bool y) => x == y ? x : mode == "rm";
    }

    static bool Holds(string op, string mode, double a, double b, double c, double r, bool single)
    {
        if (double.IsNaN(r) || (r == 0 && double.IsNegative(r) != IsNegativeZero(op, mode, a, b, c))) return false;
        bool down = mode == "rm" || (mode == "rz" && Compare(op, a, b, c, 0) >= 0);
        double next = single ? down ? MathF.BitIncrement((float)r) : MathF.BitDecrement((float)r) : down ? Math.BitIncrement(r) : Math.BitDecrement(r);
        int here = Compare(op, a, b, c, r), there = Compare(op, a, b, c, next);
        return down ? here >= 0 && there < 0 : here <= 0 && there > 0;
    }

    /// <summary>Numbers of all sizes, with many near 1, near powers of two, and at both ends.</summary>
    static double Draw(Random random, bool single)
    {
        (int bits, int low, int high) = single ? (23, -126, 127) : (52, -1022, 1023);
        int exponent = random.Next(5) switch
        {
            0 => random.Next(-2, 3),
            1 => random.Next(-1, 2) * (bits + random.Next(-1, 3)),
            2 => random.Next(low - bits, low + 2),
            3 => random.Next(high - 2, high + 1),
            _ => random.Next(low, high + 1),
        };
        double fraction = random.Next(5) switch { 0 => 0, 1 => 1, 2 => Math.ScaleB(1, bits) - 1, 3 => Math.ScaleB(1, random.Next(bits)), _ => random.NextInt64(1L << bits) };
        double x = Math.ScaleB(1 + Math.ScaleB(fraction, -bits), exponent) * (random.Next(2) == 0 ? 1 : -1);
        return single ? (float)x : x;
    }

    /// <summary>Runs instructions that make %z of %x, %y and %w; their results, lane by lane.</summary>
    static TOut[] Run<TIn, TOut>(string[] instructions, TIn[] inputs, string from, string to) where TIn : unmanaged where TOut : unmanaged
    {
        int read = int.Parse(from[1..]) / 8, written = int.Parse(to[1..]) / 8;
        string steps = string.Concat(instructions.Select((i, k) => $"{i}\nst.global.{to} [%d2+{k * written}], %z;\n"));
        string text = $$"""
            .version 7.0
            .target sm_80
            .address_size 64
            .visible .entry k(.param .u64 a, .param .u64 o)
            {
            .reg .b64 %d<3>; .reg .b32 %r<4>; .reg .{{from}} %x, %y, %w; .reg .{{to}} %z;
            ld.param.u64 %d1, [a]; ld.param.u64 %d2, [o];
            mov.u32 %r1, %tid.x;
            mad.wide.u32 %d1, %r1, {{3 * read}}, %d1;
            mad.wide.u32 %d2, %r1, {{instructions.Length * written}}, %d2;
            ld.global.{{from}} %x, [%d1]; ld.global.{{from}} %y, [%d1+{{read}}]; ld.global.{{from}} %w, [%d1+{{2 * read}}];
            {{steps}}
            ret;
            }
            """;
        TOut[] results = new TOut[inputs.Length / 3 * instructions.Length];
        PtxModule.Parse(text).Launch("k", new((1, 1, 1), (inputs.Length / 3, 1, 1)), PtxArgument.Buffer(inputs), PtxArgument.Buffer(results));
        return results;
    }

    static bool IsDefined(string op, double a, double b) => op switch { "div" => b != 0, "rcp" => a != 0, "sqrt" => a >= 0, _ => true };

    static void Check(double[] inputs, bool single)
    {
        (string Op, string Mode)[] cases = [.. modes.SelectMany(m => new[] { "add", "sub", "mul", "fma", "div", "rcp", "sqrt" }, (m, op) => (op, m))];
        string type = single ? "f32" : "f64";
        string[] text = [.. cases.Select(c => $"{c.Op}.{c.Mode}.{type} %z, %x{(c.Op is "rcp" or "sqrt" ? "" : ", %y")}{(c.Op == "fma" ? ", %w" : "")};")];
        double[] results = single ? [.. Run<float, float>(text, [.. inputs.Select(x => (float)x)], type, type)] : Run<double, double>(text, inputs, type, type);
        List<string> wrong = [];
        for (int i = 0; i < results.Length; i++)
        {
            var (op, mode) = cases[i % cases.Length];
            int at = i / cases.Length * 3;
            (double a, double b, double c) = (inputs[at], inputs[at + 1], inputs[at + 2]);
            if (IsDefined(op, a, b) && !Holds(op, mode, a, b, c, results[i], single)) wrong.Add($"{op}.{mode}.{type}({a:R}, {b:R}, {c:R}) = {results[i]:R}");
        }
        Assert.That(wrong, Is.Empty);
    }

    [TestCase(true), TestCase(false)]
    public void RandomNumbers(bool single)
    {
        Random random = new(7);
        Check([.. Enumerable.Range(0, lanes * 3).Select(_ => Draw(random, single))], single);
    }

    /// <summary>Opposite numbers, zeros of both signs, sums just inside a power of two, and the quotient of the first report.</summary>
    [TestCase(true), TestCase(false)]
    public void NumbersThatCancel(bool single)
    {
        double tiny = single ? float.Epsilon : double.Epsilon, most = single ? float.MaxValue : double.MaxValue;
        double[] few = [0.0, -0.0, 1, -1, 2, -2, tiny, -tiny, most, -most, 3 * tiny, 1 + Math.ScaleB(1, single ? -23 : -52)];
        double[] inputs = [.. few.SelectMany(_ => few, (a, b) => (a, b)).SelectMany(p => new[] { p.a, p.b, -p.a })];
        Check(inputs, single);
        Check([.. inputs.Select((x, i) => i % 3 == 2 ? 0.0 : x)], single);
        if (!single) Check([BitConverter.UInt64BitsToDouble(0x8000CE3CC5212933), BitConverter.UInt64BitsToDouble(0xAA1B51677A62C279), 1], single);
    }

    static (string Text, string Mode)[] Conversions(string to) => [.. modes.SelectMany(m => new[] { "s64", "u64" }, (m, from) => ($"cvt.{m}.{to}.{from} %z, %x;", m))];

    [TestCase("f32"), TestCase("f64")]
    public void WholeNumbers(string to)
    {
        Random random = new(5);
        ulong[] inputs = [ulong.MaxValue, 0, 0, long.MaxValue, 0, 0, 1ul << 63, 0, 0, .. Enumerable.Range(0, 128).SelectMany(i => new[] { ((ulong)random.NextInt64() >> i % 63) ^ (i % 2 == 0 ? 0 : ulong.MaxValue), 0ul, 0ul }),
            .. Enumerable.Range(0, 64).SelectMany(i => new[] { (1ul << i) - 1, 0ul, 0ul, (1ul << i) + 1, 0ul, 0ul })];
        var cases = Conversions(to);
        string[] text = [.. cases.Select(c => c.Text)];
        double[] results = to == "f32" ? [.. Run<ulong, float>(text, inputs, "b64", to)] : Run<ulong, double>(text, inputs, "b64", to);
        for (int i = 0; i < results.Length; i++)
        {
            var (instruction, mode) = cases[i % cases.Length];
            ulong bits = inputs[i / cases.Length * 3];
            BigInteger exact = instruction.Contains("s64", StringComparison.Ordinal) ? (long)bits : bits;
            double r = results[i];
            bool down = mode == "rm" || (mode == "rz" && exact.Sign >= 0);
            double next = to == "f32" ? down ? MathF.BitIncrement((float)r) : MathF.BitDecrement((float)r) : down ? Math.BitIncrement(r) : Math.BitDecrement(r);
            BigInteger here = (exact << unit) - Fixed(r), there = (exact << unit) - Fixed(next);
            Assert.That(down ? here.Sign >= 0 && there.Sign < 0 : here.Sign <= 0 && there.Sign > 0, $"{instruction} of {exact}: {r:R}");
        }
    }

    [Test]
    public void TheSumsOfTheFirstReport() => // -1.7e38 and a number far below it: the largest below the power of two
        Assert.That(BitConverter.SingleToUInt32Bits(Run<float, float>(["add.rz.f32 %z, %x, %y;"], [BitConverter.UInt32BitsToSingle(0xFE800000), BitConverter.UInt32BitsToSingle(0x55000000), 0], "f32", "f32")[0]), Is.EqualTo(0xFE7FFFFF));
}
