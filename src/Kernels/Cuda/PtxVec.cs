using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Tessera.Cuda;

/// <summary>
/// A formula as PTX: the "vector" whose operations write instructions instead of computing. So the formulas of <see cref="Ops"/>, written once for
/// every width of the CPU, are the GPU's too, instruction by instruction, and give the same bits. A value is a register, a constant, or a predicate
/// where it is the mask of a comparison.
/// </summary>
internal readonly struct PtxVec : IVec<PtxVec>
{
    [ThreadStatic]
    static Trace? trace;

    readonly string? register;
    readonly string? predicate;
    readonly uint bits;

    PtxVec(string? register, string? predicate, uint bits) => (this.register, this.predicate, this.bits) = (register, predicate, bits);

    /// <summary>The text being written: one for each formula.</summary>
    sealed class Trace
    {
        public readonly StringBuilder Text = new();
        public int Registers, Predicates;
        public float[] Parameters = [];
        public readonly SortedSet<string> Functions = new(StringComparer.Ordinal);
    }

    /// <summary>Writes the formula's instructions: <paramref name="result"/> ← f(<paramref name="arguments"/>), registers all.</summary>
    /// <param name="formula">Applies the formula to its arguments.</param>
    /// <param name="result">Where the result goes.</param>
    /// <param name="arguments">Registers with float32 values.</param>
    /// <param name="parameters">Numbers that stand for the registers c0, c1, ... wherever the formula makes them a constant.</param>
    /// <param name="functions">Gets the names of the functions (<c>.func</c>) that the text calls.</param>
    public static string Write(Func<PtxVec[], PtxVec> formula, string result, string[] arguments, float[] parameters, ISet<string> functions)
    {
        var outer = trace;
        trace = new Trace { Parameters = parameters };
        try
        {
            string value = formula([.. arguments.Select(a => new PtxVec(a, null, 0))]).Bits;
            var t = trace;
            functions.UnionWith(t.Functions);
            var text = new StringBuilder("    {\n");
            if (t.Registers > 0) text.Append(CultureInfo.InvariantCulture, $"        .reg .b32 %t<{t.Registers}>;\n");
            if (t.Predicates > 0) text.Append(CultureInfo.InvariantCulture, $"        .reg .pred %q<{t.Predicates}>;\n");
            return text.Append(t.Text).Append(CultureInfo.InvariantCulture, $"        mov.b32 {result}, {value};\n    }}").ToString();
        }
        finally
        {
            trace = outer;
        }
    }

    /// <summary>One lane: a thread has one number.</summary>
    public static int Lanes => 1;

    /// <summary>As an operand of float instructions.</summary>
    string Float => predicate is null && register is null ? "0f" + bits.ToString("X8", CultureInfo.InvariantCulture) : Bits;

    /// <summary>As an operand of instructions on bits; a mask that is only a predicate becomes a register.</summary>
    string Bits => register ?? (predicate is null ? "0x" + bits.ToString("X8", CultureInfo.InvariantCulture) : Emit("selp.b32 {0}, 0xFFFFFFFF, 0, " + predicate).register!);

    public static PtxVec Create(float x)
    {
        int parameter = Array.FindIndex(trace!.Parameters, p => BitConverter.SingleToUInt32Bits(p) == BitConverter.SingleToUInt32Bits(x));
        return parameter < 0 ? FromBits(BitConverter.SingleToUInt32Bits(x)) : new PtxVec(FormattableString.Invariant($"c{parameter}"), null, 0);
    }

    public static PtxVec FromBits(uint bits) => new(null, null, bits);

    public static PtxVec operator +(PtxVec a, PtxVec b) => Emit($"add.rn.f32 {{0}}, {a.Float}, {b.Float}");

    public static PtxVec operator -(PtxVec a, PtxVec b) => Emit($"sub.rn.f32 {{0}}, {a.Float}, {b.Float}");

    public static PtxVec operator *(PtxVec a, PtxVec b) => Emit($"mul.rn.f32 {{0}}, {a.Float}, {b.Float}");

    public static PtxVec operator /(PtxVec a, PtxVec b) => Emit($"div.rn.f32 {{0}}, {a.Float}, {b.Float}");

    public static PtxVec operator -(PtxVec a) => Emit($"xor.b32 {{0}}, {a.Bits}, 0x80000000");

    public static PtxVec operator &(PtxVec a, PtxVec b)
    {
        if (a.predicate is { } p && b.predicate is { } q) return Predicate($"and.pred {{0}}, {p}, {q}");
        if (a.predicate is { } mask) return Emit($"selp.b32 {{0}}, {b.Bits}, 0, {mask}");
        return b.predicate is not null ? b & a : Emit($"and.b32 {{0}}, {a.Bits}, {b.Bits}");
    }

    public static PtxVec operator |(PtxVec a, PtxVec b)
        => a.predicate is { } p && b.predicate is { } q ? Predicate($"or.pred {{0}}, {p}, {q}") : Emit($"or.b32 {{0}}, {a.Bits}, {b.Bits}");

    public static PtxVec operator ^(PtxVec a, PtxVec b) => Emit($"xor.b32 {{0}}, {a.Bits}, {b.Bits}");

    public static PtxVec Fma(PtxVec a, PtxVec b, PtxVec c) => Emit($"fma.rn.f32 {{0}}, {a.Float}, {b.Float}, {c.Float}");

    public static PtxVec Sqrt(PtxVec x) => Emit($"sqrt.rn.f32 {{0}}, {x.Float}");

    public static PtxVec Abs(PtxVec x) => Emit($"and.b32 {{0}}, {x.Bits}, 0x7FFFFFFF");

    public static PtxVec Max(PtxVec a, PtxVec b) => OrNaN(a, b, Emit($"max.f32 {{0}}, {a.Float}, {b.Float}"));

    public static PtxVec Min(PtxVec a, PtxVec b) => OrNaN(a, b, Emit($"min.f32 {{0}}, {a.Float}, {b.Float}"));

    /// <summary>max and min pass over a NaN; their form that does not needs sm_80.</summary>
    static PtxVec OrNaN(PtxVec a, PtxVec b, PtxVec y) => Select(Predicate($"setp.nan.f32 {{0}}, {a.Float}, {b.Float}"), FromBits(0x7FFFFFFF), y);

    public static PtxVec Floor(PtxVec x) => Emit($"cvt.rmi.f32.f32 {{0}}, {x.Float}");

    public static PtxVec Round(PtxVec x) => Emit($"cvt.rni.f32.f32 {{0}}, {x.Float}");

    public static PtxVec Truncate(PtxVec x) => Emit($"cvt.rzi.f32.f32 {{0}}, {x.Float}");

    public static PtxVec Less(PtxVec a, PtxVec b) => Predicate($"setp.lt.f32 {{0}}, {a.Float}, {b.Float}");

    public static PtxVec LessEqual(PtxVec a, PtxVec b) => Predicate($"setp.le.f32 {{0}}, {a.Float}, {b.Float}");

    public static PtxVec Equal(PtxVec a, PtxVec b) => Predicate($"setp.eq.f32 {{0}}, {a.Float}, {b.Float}");

    public static PtxVec Select(PtxVec mask, PtxVec a, PtxVec b) => mask.predicate is { } p
        ? Emit($"selp.b32 {{0}}, {a.Bits}, {b.Bits}, {p}")
        : Emit($"lop3.b32 {{0}}, {mask.Bits}, {a.Bits}, {b.Bits}, 0xCA");

    public static PtxVec ToInt(PtxVec x) => Emit($"cvt.rzi.s32.f32 {{0}}, {x.Float}");

    public static PtxVec FromInt(PtxVec bits) => Emit($"cvt.rn.f32.s32 {{0}}, {bits.Bits}");

    public static PtxVec AddInt(PtxVec a, PtxVec b) => Emit($"add.s32 {{0}}, {a.Bits}, {b.Bits}");

    /// <summary>Nobody knows before the kernel runs: the rare case is always written out.</summary>
    public static bool Any(PtxVec mask) => true;

    /// <summary>A call of the function named like <typeparamref name="F"/> in <c>lanes.ptx</c>, which returns at once where the argument is a usual one.</summary>
    public static PtxVec PerLane<F>(PtxVec a, PtxVec b) where F : ILaneFunction
    {
        string function = typeof(F).Name;
        trace!.Functions.Add(function);
        var y = NewRegister();
        trace.Text.Append(CultureInfo.InvariantCulture, $$"""
                {
                    .param .b32 pa;
                    .param .b32 pb;
                    .param .b32 py;
                    st.param.b32 [pa], {{a.Bits}};
                    st.param.b32 [pb], {{b.Bits}};
                    call.uni (py), {{function}}, (pa, pb);
                    ld.param.b32 {{y.register}}, [py];
                }

        """);
        return y;
    }

    public static PtxVec ShiftLeft(PtxVec bits, int count) => Emit(FormattableString.Invariant($"shl.b32 {{0}}, {bits.Bits}, {count}"));

    public static PtxVec ShiftRight(PtxVec bits, int count) => Emit(FormattableString.Invariant($"shr.s32 {{0}}, {bits.Bits}, {count}"));

    static PtxVec NewRegister() => new(FormattableString.Invariant($"%t{trace!.Registers++}"), null, 0);

    static PtxVec Emit(string instruction)
    {
        var result = NewRegister();
        Line(instruction, result.register!);
        return result;
    }

    static PtxVec Predicate(string instruction)
    {
        string result = FormattableString.Invariant($"%q{trace!.Predicates++}");
        Line(instruction, result);
        return new PtxVec(null, result, 0);
    }

    static void Line(string instruction, string result) => trace!.Text.Append("        ").AppendFormat(CultureInfo.InvariantCulture, instruction, result).Append(";\n");
}
