using System.Numerics;
using System.Runtime.Intrinsics;

namespace Tessera.Emulator;

/// <summary>Arithmetic, bits and comparisons.</summary>
sealed partial class Decoder
{
    static RoundingMode ModeOf(Instruction i) => Rounding.Parse(i.Modifiers.FirstOrDefault(m => m is "rn" or "rz" or "rm" or "rp") ?? "rn");

    Op Arithmetic(Instruction i, PtxType t, Operand[] o)
    {
        PtxType[] types = TypesOf(i);
        if (i.Has("oob")) throw Unsupported("fma.oob, which takes the NaN of places outside a tensor for zero: its bits are not documented, and only copies of tensors write it,");
        if (types.Length > 1) return MixedPrecision(i, types, o);
        if (i.Has("cc")) return Carrying(i, t, o);
        if (i.Has("wide")) return Wide(i, t, o);
        return t switch
        {
            PtxType.F32 => Single32(i, o),
            PtxType.F64 => Double64(i, o),
            PtxType.F32x2 => SinglePairs(i, o),
            PtxType.U16x2 or PtxType.S16x2 => ShortPairs(i, t, o),
            PtxType.F16 or PtxType.F16x2 or PtxType.Bf16 or PtxType.Bf16x2 => Narrow(i, t, o),
            _ when t.IsInteger() => Integers(i, t, o),
            _ => throw Unsupported($"arithmetic of .{t.Name()}"),
        };
    }

    Op Wide(Instruction i, PtxType t, Operand[] o)
    {
        PtxType wide = (t.Kind() == TypeKind.Signed, t.Bits()) switch { (true, 16) => PtxType.S32, (false, 16) => PtxType.U32, (true, _) => PtxType.S64, _ => PtxType.U64 };
        Slot64 a = Source(o[1], t), b = Source(o[2], t), c = i.Opcode == "mad" ? Source(o[3], wide) : a;
        bool signed = t.Kind() == TypeKind.Signed, add = i.Opcode == "mad";
        ulong low = (1ul << t.Bits()) - 1;
        return new Map(Result(o[0]), a, b, c, (x, y, z) =>
            unchecked((signed ? (ulong)(Converter.Signed(t, x) * Converter.Signed(t, y)) : (x & low) * (y & low)) + (add ? z : 0)));
    }

    Op Integers(Instruction i, PtxType t, Operand[] o)
    {
        Slot64 d = Result(o[0]), a = Source(o[1], t), b = o.Length > 2 ? Source(o[2], t) : a, c = o.Length > 3 ? Source(o[3], t) : a;
        bool signed = t.Kind() == TypeKind.Signed, high = i.Has("hi"), sat = i.Has("sat");
        if (t.Bits() == 32 && !high && !sat && Vectors32(i.Opcode, signed, d.Offset, a.Offset, b.Offset, c.Offset) is Op fast) return fast;
        if (t.Bits() == 64 && !high && Vectors64(i.Opcode, signed, d.Offset, a.Offset, b.Offset, c.Offset) is Op fast64) return fast64;
        Int128 lowest = signed ? -(Int128.One << (t.Bits() - 1)) : 0, highest = signed ? (Int128.One << (t.Bits() - 1)) - 1 : (Int128.One << t.Bits()) - 1;
        Int128 V(ulong x) => Converter.Integer(t, x);
        ulong W(Int128 x) => (ulong)((sat ? Int128.Clamp(x, lowest, highest) : x) & ulong.MaxValue);
        int bits = t.Bits();
        Int128 Product(ulong x, ulong y) => signed ? V(x) * V(y) : (Int128)((UInt128)V(x) * (UInt128)V(y));
        Int128 High(ulong x, ulong y) => signed ? Product(x, y) >> bits : (Int128)((UInt128)Product(x, y) >> bits);
        return new Map(d, a, b, c, (i.Opcode, high) switch
        {
            ("add", _) => (x, y, _) => W(V(x) + V(y)),
            ("sub", _) => (x, y, _) => W(V(x) - V(y)),
            ("mul", false) => (x, y, _) => unchecked(x * y),
            ("mul", true) => (x, y, _) => W(High(x, y)),
            ("mad", false) => (x, y, z) => unchecked((x * y) + z),
            ("mad", true) => (x, y, z) => W(High(x, y) + V(z)),
            ("div", _) => (x, y, _) => V(y) == 0 ? ulong.MaxValue : W(V(x) / V(y)),
            ("rem", _) => (x, y, _) => V(y) == 0 ? x : W(V(x) % V(y)),
            ("min", _) => i.Has("relu") ? (x, y, _) => W(Int128.Max(0, Int128.Min(V(x), V(y)))) : (x, y, _) => W(Int128.Min(V(x), V(y))),
            ("max", _) => i.Has("relu") ? (x, y, _) => W(Int128.Max(0, Int128.Max(V(x), V(y)))) : (x, y, _) => W(Int128.Max(V(x), V(y))),
            ("abs", _) => (x, _, _) => W(Int128.Abs(V(x))),
            ("neg", _) => (x, _, _) => unchecked(0 - x),
            _ => throw Unsupported($"'{i.Opcode}' of integers"),
        });
    }

    /// <summary>Sums that give, take or do both with the carry: the carry is a predicate of the frame.</summary>
    Op Carrying(Instruction i, PtxType t, Operand[] o)
    {
        if (carry < 0) carry = Take(4, 4);
        Slot64 d = Result(o[0]), a = Source(o[1], t), b = Source(o[2], t), c = o.Length > 3 ? Source(o[3], t) : a;
        ulong all = t.Bits() == 64 ? ulong.MaxValue : (1ul << t.Bits()) - 1;
        bool high = i.Has("hi"), signed = t.Kind() == TypeKind.Signed, multiplies = i.Opcode is "mad" or "madc";
        ulong Product(ulong x, ulong y)
        {
            if (!high) return unchecked(x * y) & all;
            Int128 v = Converter.Integer(t, x), u = Converter.Integer(t, y);
            return (ulong)((signed ? (UInt128)((v * u) >> t.Bits()) : (UInt128)v * (UInt128)u >> t.Bits()) & all);
        }
        return new Carry(d, a, b, c, multiplies ? Product : null, i.Opcode is "sub" or "subc", i.Opcode[^1] == 'c' && i.Opcode.Length > 3, i.Has("cc"), carry, all);
    }

    static Op? Vectors32(string opcode, bool signed, int d, int a, int b, int c) => opcode switch
    {
        "add" => new Vector2<uint, Add<uint>>(d, a, b),
        "sub" => new Vector2<uint, Sub<uint>>(d, a, b),
        "mul" => new Vector2<uint, Mul<uint>>(d, a, b),
        "mad" => new Vector3<uint, MulAdd<uint>>(d, a, b, c),
        "min" => signed ? new Vector2<int, Min<int>>(d, a, b) : new Vector2<uint, Min<uint>>(d, a, b),
        "max" => signed ? new Vector2<int, Max<int>>(d, a, b) : new Vector2<uint, Max<uint>>(d, a, b),
        _ => null,
    };

    static Op? Vectors64(string opcode, bool signed, int d, int a, int b, int c) => opcode switch
    {
        "add" => new Vector2<ulong, Add<ulong>>(d, a, b),
        "sub" => new Vector2<ulong, Sub<ulong>>(d, a, b),
        "mul" => new Vector2<ulong, Mul<ulong>>(d, a, b),
        "mad" => new Vector3<ulong, MulAdd<ulong>>(d, a, b, c),
        "min" => signed ? new Vector2<long, Min<long>>(d, a, b) : new Vector2<ulong, Min<ulong>>(d, a, b),
        "max" => signed ? new Vector2<long, Max<long>>(d, a, b) : new Vector2<ulong, Max<ulong>>(d, a, b),
        _ => null,
    };

    Op Single32(Instruction i, Operand[] o)
    {
        int d = Result(o[0]).Offset, a = Source(o[1], PtxType.F32).Offset, b = o.Length > 2 ? Source(o[2], PtxType.F32).Offset : a, c = o.Length > 3 ? Source(o[3], PtxType.F32).Offset : a;
        bool ftz = i.Has("ftz"), sat = i.Has("sat"), nan = i.Has("NaN");
        if (i.Has("full") || i.Has("approx")) return Approximate(i, PtxType.F32, o);
        RoundingMode mode = ModeOf(i);
        if (i.Opcode is "min" or "max" && (i.Has("abs") || o.Length > 3)) return Extreme(i, o);
        if (mode != RoundingMode.Nearest) return Directed(i, o, mode);
        return i.Opcode switch
        {
            "add" => F2<AddF>(d, a, b, ftz, sat),
            "sub" => F2<SubF>(d, a, b, ftz, sat),
            "mul" => F2<MulF>(d, a, b, ftz, sat),
            "div" => F2<DivF>(d, a, b, ftz, sat),
            "min" => nan ? F2<MinNanF>(d, a, b, ftz, sat) : F2<MinF>(d, a, b, ftz, sat),
            "max" => nan ? F2<MaxNanF>(d, a, b, ftz, sat) : F2<MaxF>(d, a, b, ftz, sat),
            "fma" or "mad" => F3<FmaF>(d, a, b, c, ftz, sat),
            "abs" => F1<AbsF>(d, a, ftz, sat),
            "neg" => F1<NegF>(d, a, ftz, sat),
            "sqrt" => F1<SqrtF>(d, a, ftz, sat),
            "rcp" => F1<RcpF>(d, a, ftz, sat),
            _ => throw Unsupported($"'{i.Opcode}' of .f32"),
        };
    }

    static Op F1<F>(int d, int a, bool ftz, bool sat) where F : IFormula1<float> => (ftz, sat) switch
    {
        (false, false) => new Vector1<float, F>(d, a),
        (true, false) => new Vector1<float, Ftz1<F>>(d, a),
        (false, true) => new Vector1<float, Sat1<F>>(d, a),
        _ => new Vector1<float, Sat1<Ftz1<F>>>(d, a),
    };

    static Op F2<F>(int d, int a, int b, bool ftz, bool sat) where F : IFormula2<float> => (ftz, sat) switch
    {
        (false, false) => new Vector2<float, F>(d, a, b),
        (true, false) => new Vector2<float, Ftz2<F>>(d, a, b),
        (false, true) => new Vector2<float, Sat2<F>>(d, a, b),
        _ => new Vector2<float, Sat2<Ftz2<F>>>(d, a, b),
    };

    static Op F3<F>(int d, int a, int b, int c, bool ftz, bool sat) where F : IFormula3<float> => (ftz, sat) switch
    {
        (false, false) => new Vector3<float, F>(d, a, b, c),
        (true, false) => new Vector3<float, Ftz3<F>>(d, a, b, c),
        (false, true) => new Vector3<float, Sat3<F>>(d, a, b, c),
        _ => new Vector3<float, Sat3<Ftz3<F>>>(d, a, b, c),
    };

    /// <summary>f32 rounded to zero, down or up.</summary>
    Op Directed(Instruction i, Operand[] o, RoundingMode mode)
    {
        Slot64 a = Source(o[1], PtxType.F32), b = o.Length > 2 ? Source(o[2], PtxType.F32) : a, c = o.Length > 3 ? Source(o[3], PtxType.F32) : a;
        return new Map(Result(o[0]), a, b, c, SingleFormula(i, mode));
    }

    /// <summary>A function of the bits of f32, rounded as a mode says.</summary>
    Func<ulong, ulong, ulong, ulong> SingleFormula(Instruction i, RoundingMode mode)
    {
        bool ftz = i.Has("ftz"), sat = i.Has("sat");
        Func<float, float, float, float> f = i.Opcode switch
        {
            "add" => (x, y, _) => Rounding.Add(x, y, mode),
            "sub" => (x, y, _) => Rounding.Add(x, -y, mode),
            "mul" => (x, y, _) => Rounding.Mul(x, y, mode),
            "fma" or "mad" => (x, y, z) => Rounding.Fma(x, y, z, mode),
            "div" => (x, y, _) => Rounding.Div(x, y, mode),
            "rcp" => (x, _, _) => Rounding.Div(1f, x, mode),
            "sqrt" => (x, _, _) => Rounding.Sqrt(x, mode),
            _ => throw Unsupported($"'{i.Opcode}' with directed rounding"),
        };
        float In(ulong x) => ftz ? Single.Flush(Single.Of(x)) : Single.Of(x);
        ulong Out(float x) => Single.Bits(sat ? Single.Saturate(x) : ftz ? Single.Flush(x) : x);
        return (x, y, z) => Out(f(In(x), In(y), In(z)));
    }

    Op Double64(Instruction i, Operand[] o)
    {
        Slot64 d = Result(o[0]), a = Source(o[1], PtxType.F64), b = o.Length > 2 ? Source(o[2], PtxType.F64) : a, c = o.Length > 3 ? Source(o[3], PtxType.F64) : a;
        if (i.Has("approx")) return Approximate(i, PtxType.F64, o);
        RoundingMode mode = ModeOf(i);
        if (mode == RoundingMode.Nearest)
        {
            switch (i.Opcode)
            {
                case "add": return new Vector2<double, Add<double>>(d.Offset, a.Offset, b.Offset);
                case "sub": return new Vector2<double, Sub<double>>(d.Offset, a.Offset, b.Offset);
                case "mul": return new Vector2<double, Mul<double>>(d.Offset, a.Offset, b.Offset);
                case "fma" or "mad": return new Vector3<double, FmaD>(d.Offset, a.Offset, b.Offset, c.Offset);
            }
        }
        Func<double, double, double, double> f = i.Opcode switch
        {
            "add" => (x, y, _) => Rounding.Add(x, y, mode),
            "sub" => (x, y, _) => Rounding.Add(x, -y, mode),
            "mul" => (x, y, _) => Rounding.Mul(x, y, mode),
            "fma" or "mad" => (x, y, z) => Rounding.Fma(x, y, z, mode),
            "div" => (x, y, _) => Rounding.Div(x, y, mode),
            "rcp" => (x, _, _) => Rounding.Div(1.0, x, mode),
            "sqrt" => (x, _, _) => Rounding.Sqrt(x, mode),
            "min" => (x, y, _) => double.MinNumber(x, y),
            "max" => (x, y, _) => double.MaxNumber(x, y),
            "abs" => (x, _, _) => Math.Abs(x),
            "neg" => (x, _, _) => -x,
            _ => throw Unsupported($"'{i.Opcode}' of .f64"),
        };
        static double D(ulong x) => BitConverter.UInt64BitsToDouble(x);
        return new Map(d, a, b, c, (x, y, z) => BitConverter.DoubleToUInt64Bits(f(D(x), D(y), D(z))));
    }

    /// <summary>f16 and bf16, one value or two in a register: computed in double, rounded once.</summary>
    Op Narrow(Instruction i, PtxType t, Operand[] o)
    {
        Slot64 a = Source(o[1], t), b = o.Length > 2 ? Source(o[2], t) : a, c = o.Length > 3 ? Source(o[3], t) : a;
        if (i.Has("xorsign")) return ExtremeOfParts(i, t, o);
        bool ftz = i.Has("ftz"), sat = i.Has("sat"), relu = i.Has("relu"), nan = i.Has("NaN");
        if (i.Opcode == "neg" && !ftz)
        {
            ulong signs = t.Bits() == 32 ? 0x8000_8000 : 0x8000u;
            return new Map(Result(o[0]), a, a, a, (x, _, _) => x ^ signs);
        }
        Func<double, double, double, (double Value, double Error)> f = i.Opcode switch
        {
            "add" => (x, y, _) => Rounding.TwoSum(x, y),
            "sub" => (x, y, _) => Rounding.TwoSum(x, -y),
            "mul" => (x, y, _) => (x * y, 0),
            "fma" => (x, y, z) => Rounding.TwoSum(x * y, z),
            "abs" => (x, _, _) => (Math.Abs(x), 0),
            "neg" => (x, _, _) => (-x, 0),
            "min" => (x, y, _) => (nan ? Math.Min(x, y) : double.MinNumber(x, y), 0),
            "max" => (x, y, _) => (nan ? Math.Max(x, y) : double.MaxNumber(x, y), 0),
            _ => throw Unsupported($"'{i.Opcode}' of .{t.Name()}"),
        };
        return new Map(Result(o[0]), a, b, c, Rounded(t, f, ModeOf(i), ftz, sat, relu));
    }

    /// <summary>A function of values of f16 or bf16, one or two in a register, whose exact result is a value and a small error.</summary>
    static Func<ulong, ulong, ulong, ulong> Rounded(PtxType t, Func<double, double, double, (double Value, double Error)> f, RoundingMode mode, bool ftz, bool sat, bool relu)
    {
        PtxType one = t is PtxType.F16x2 ? PtxType.F16 : t is PtxType.Bf16x2 ? PtxType.Bf16 : t;
        double In(ulong x) => Flushed(one, Converter.Float(one, x), ftz);
        ulong Part(ulong x, ulong y, ulong z)
        {
            (double value, double error) = f(In(x), In(y), In(z));
            double r = Flushed(one, Converter.Round(one, value, error, mode), ftz);
            if (sat) r = r > 0 ? Math.Min(r, 1) : 0;
            if (relu) r = r > 0 || double.IsNaN(r) ? r : 0;
            return Converter.FloatBits(one, r);
        }
        return t.Bits() == 16 ? Part : (x, y, z) => Part(x, y, z) | Part(x >> 16, y >> 16, z >> 16) << 16;
    }

    /// <summary>A function of values of f16 or bf16, one or two in a register.</summary>
    static Func<ulong, ulong, ulong, ulong> Halves(PtxType t, Func<double, double, double> f)
    {
        PtxType one = t is PtxType.F16x2 ? PtxType.F16 : t is PtxType.Bf16x2 ? PtxType.Bf16 : t;
        ulong Part(ulong x, ulong y) => Converter.FloatBits(one, Converter.Round(one, f(Converter.Float(one, x), Converter.Float(one, y)), 0, RoundingMode.Nearest));
        return t.Bits() == 16 ? (x, y, _) => Part(x, y) : (x, y, _) => Part(x, y) | Part(x >> 16, y >> 16) << 16;
    }

    Op Logic(Instruction i, PtxType t, Operand[] o)
    {
        if (t == PtxType.Pred)
        {
            (int p, bool notP) = Predicate(o[1]);
            (int q, bool notQ) = o.Length > 2 ? Predicate(o[2]) : (p, false);
            return new PredicateOp(Result(o[0]).Offset, p, notP, q, notQ, i.Opcode switch { "and" => (x, y) => x & y, "or" => (x, y) => x | y, "xor" => (x, y) => x ^ y, _ => (x, _) => ~x });
        }
        Slot64 d = Result(o[0]), a = Source(o[1], t), b = o.Length > 2 ? Source(o[2], t) : a;
        bool wide = t.Bits() == 64;
        return i.Opcode switch
        {
            "and" => wide ? new Vector2<ulong, And<ulong>>(d.Offset, a.Offset, b.Offset) : new Vector2<uint, And<uint>>(d.Offset, a.Offset, b.Offset),
            "or" => wide ? new Vector2<ulong, Or<ulong>>(d.Offset, a.Offset, b.Offset) : new Vector2<uint, Or<uint>>(d.Offset, a.Offset, b.Offset),
            "xor" => wide ? new Vector2<ulong, Xor<ulong>>(d.Offset, a.Offset, b.Offset) : new Vector2<uint, Xor<uint>>(d.Offset, a.Offset, b.Offset),
            "not" => wide ? new Vector1<ulong, Not<ulong>>(d.Offset, a.Offset) : new Vector1<uint, Not<uint>>(d.Offset, a.Offset),
            _ => new Map(d, a, a, a, t.Bits() == 16 ? (x, _, _) => (ushort)x == 0 ? 1u : 0 : (x, _, _) => x == 0 ? 1u : 0),
        };
    }

    Op Bits(Instruction i, PtxType t, PtxType[] types, Operand[] o)
    {
        int bits = t.Bits();
        ulong all = bits == 64 ? ulong.MaxValue : (1ul << bits) - 1;
        bool signed = t.Kind() == TypeKind.Signed;
        Slot64 d = Result(o[0]), a = Source(o[1], t);
        Slot64 Int(int k) => o.Length > k ? Source(o[k], PtxType.U32) : a;
        Slot64 Same(int k) => o.Length > k ? Source(o[k], t) : a;
        switch (i.Opcode)
        {
            case "shl": return new Map(d, a, Int(2), a, (x, n, _) => (uint)n >= bits ? 0 : x << (int)n & all);
            case "shr" when signed: return new Map(d, a, Int(2), a, (x, n, _) => (ulong)(Converter.Signed(t, x) >> (int)Math.Min((uint)n, bits - 1)) & all);
            case "shr": return new Map(d, a, Int(2), a, (x, n, _) => (uint)n >= bits ? 0 : (x & all) >> (int)n);
            case "shf":
                bool left = i.Has("l"), wrap = i.Has("wrap");
                return new Map(d, a, Same(2), Int(3), (x, y, n) =>
                {
                    int s = wrap ? (int)(n & 31) : (int)Math.Min((uint)n, 32);
                    ulong both = y << 32 | (uint)x;
                    return left ? s == 32 ? (uint)x : (uint)(both << s >> 32) : s == 32 ? (uint)y : (uint)(both >> s);
                });
            case "bfe": return new Map(d, a, Int(2), Int(3), (x, p, n) => Extract(x & all, bits, (int)(p & 255), (int)(n & 255), signed));
            case "bfi": return new Insertion(d, a, Same(2), Int(3), Int(4), all);
            case "brev": return new Map(d, a, a, a, (x, _, _) => Reverse(x) >> (64 - bits));
            case "popc": return new Map(d, a, a, a, (x, _, _) => (ulong)BitOperations.PopCount(x & all));
            case "clz": return new Map(d, a, a, a, (x, _, _) => (ulong)(BitOperations.LeadingZeroCount(x & all) - (64 - bits)));
            case "bfind":
                bool amount = i.Has("shiftamt");
                return new Map(d, a, a, a, (x, _, _) =>
                {
                    ulong v = x & all;
                    if (signed && (v >> (bits - 1) & 1) != 0) v = ~v & all;
                    if (v == 0) return uint.MaxValue;
                    int at = 63 - BitOperations.LeadingZeroCount(v);
                    return (ulong)(amount ? bits - 1 - at : at);
                });
            case "lop3" when o.Length == 5:
                int table = (int)((ConstantOperand)o[4]).Value.Bits;
                return new Map(d, a, Same(2), Same(3), (x, y, z) => Lop3((uint)x, (uint)y, (uint)z, table));
            case "prmt":
                string mode = i.Modifiers.FirstOrDefault(m => m is "f4e" or "b4e" or "rc8" or "ecl" or "ecr" or "rc16") ?? "";
                return new Map(d, a, Same(2), Int(3), (x, y, s) => Permute((uint)x, (uint)y, (uint)s, mode));
            case "dp4a":
                return new Map(d, Source(o[1], PtxType.B32), Source(o[2], PtxType.B32), Source(o[3], PtxType.B32),
                    (x, y, z) => Dot4((uint)x, (uint)y, (uint)z, types[0] == PtxType.S32, types[1] == PtxType.S32));
            case "sad": return new Map(d, a, Same(2), Same(3), (x, y, z) => (ulong)((Int128.Abs(Converter.Integer(t, x) - Converter.Integer(t, y)) + Converter.Integer(t, z)) & ulong.MaxValue));
            case "copysign":
                ulong sign = 1ul << (bits - 1);
                return new Map(d, a, Same(2), a, (x, y, _) => (x & sign) | (y & ~sign));
            case "slct":
                Slot64 by = Source(o[3], types[1]);
                bool ftz = i.Has("ftz");
                return types[1] == PtxType.F32 ? new Map(d, a, Same(2), by, (x, y, z) => Flushed(PtxType.F32, Single.Of(z), ftz) >= 0 ? x : y) : new Map(d, a, Same(2), by, (x, y, z) => (int)z >= 0 ? x : y);
            default: throw Unsupported($"'{i.Opcode}'");
        }
    }

    static ulong Reverse(ulong x)
    {
        ulong r = 0;
        for (int k = 0; k < 64; k++) r |= (x >> k & 1) << (63 - k);
        return r;
    }

    static ulong Extract(ulong x, int bits, int at, int length, bool signed)
    {
        ulong sign = signed && length > 0 ? x >> Math.Min(at + length - 1, bits - 1) & 1 : 0, r = 0;
        for (int k = 0; k < bits; k++) r |= (k < length && at + k < bits ? x >> (at + k) & 1 : sign) << k;
        return r;
    }

    static ulong Lop3(uint a, uint b, uint c, int table)
    {
        uint r = 0;
        for (int k = 0; k < 8; k++)
            if ((table >> k & 1) != 0) r |= ((k & 4) != 0 ? a : ~a) & ((k & 2) != 0 ? b : ~b) & ((k & 1) != 0 ? c : ~c);
        return r;
    }

    static ulong Permute(uint a, uint b, uint select, string mode)
    {
        ulong both = (ulong)b << 32 | a;
        int s = (int)(select & 3);
        if (mode.Length > 0)
        {
            select = 0;
            for (int k = 0; k < 4; k++)
            {
                int from = mode switch { "f4e" => s + k, "b4e" => (s - k + 8) & 7, "rc8" => s, "ecl" => Math.Max(k, s), "ecr" => Math.Min(k, s), _ => ((s & 1) * 2) + (k & 1) };
                select |= (uint)from << (4 * k);
            }
        }
        uint r = 0;
        for (int k = 0; k < 4; k++)
        {
            uint nibble = select >> (4 * k) & 15, value = (uint)(both >> (int)((nibble & 7) * 8)) & 255;
            if ((nibble & 8) != 0) value = (value & 128) != 0 ? 255u : 0;
            r |= value << (8 * k);
        }
        return r;
    }

    static ulong Dot4(uint a, uint b, uint c, bool signedA, bool signedB)
    {
        int sum = (int)c;
        for (int k = 0; k < 32; k += 8) sum += (signedA ? (sbyte)(a >> k) : (byte)(a >> k)) * (signedB ? (sbyte)(b >> k) : (byte)(b >> k));
        return (uint)sum;
    }

    // --- comparisons

    static string ComparisonOf(Instruction i) => i.Modifiers.First(m => m is "eq" or "ne" or "lt" or "le" or "gt" or "ge" or "lo" or "ls" or "hi" or "hs"
        or "equ" or "neu" or "ltu" or "leu" or "gtu" or "geu" or "num" or "nan");

    Op SetPredicate(Instruction i, PtxType t, Operand[] o)
    {
        if (t is PtxType.F16x2 or PtxType.Bf16x2) return SetPairPredicates(i, t, o);
        int p = o[0] is SinkOperand or PairOperand { First: SinkOperand } ? -1 : Result(o[0]).Offset, q = SecondPredicate(o[0]);
        Slot64 a = Source(o[1], t), b = Source(o[2], t);
        Func<uint, uint, uint>? join = i.Has("and") ? (x, y) => x & y : i.Has("or") ? (x, y) => x | y : i.Has("xor") ? (x, y) => x ^ y : null;
        (int c, bool negated) = o.Length > 3 ? Predicate(o[3]) : (-1, false);
        string comparison = ComparisonOf(i);
        if (!i.Has("ftz") && Quick(comparison, t, p, q, a.Offset, b.Offset, join, c, negated) is Op quick) return quick;
        return new Compare(p, q, a, b, Comparison(comparison, t, i.Has("ftz")), join, c, negated);
    }

    static Op? Quick(string comparison, PtxType t, int p, int q, int a, int b, Func<uint, uint, uint>? join, int c, bool negated) => t switch
    {
        PtxType.S32 => Ordered<int>(comparison, p, q, a, b, join, c, negated),
        PtxType.U32 or PtxType.B32 => Ordered<uint>(comparison, p, q, a, b, join, c, negated),
        PtxType.S64 => Ordered<long>(comparison, p, q, a, b, join, c, negated),
        PtxType.U64 or PtxType.B64 => Ordered<ulong>(comparison, p, q, a, b, join, c, negated),
        PtxType.F32 => comparison == "ne" ? null : Ordered<float>(comparison, p, q, a, b, join, c, negated),
        PtxType.F64 => comparison == "ne" ? null : Ordered<double>(comparison, p, q, a, b, join, c, negated),
        _ => null,
    };

    static Op? Ordered<T>(string comparison, int p, int q, int a, int b, Func<uint, uint, uint>? join, int c, bool negated) where T : unmanaged => comparison switch
    {
        "eq" => new VectorCompare<T, Equal<T>>(p, q, a, b, join, c, negated),
        "ne" or "neu" => new VectorCompare<T, NotEqual<T>>(p, q, a, b, join, c, negated),
        "lt" or "lo" => new VectorCompare<T, Less<T>>(p, q, a, b, join, c, negated),
        "le" or "ls" => new VectorCompare<T, LessEqual<T>>(p, q, a, b, join, c, negated),
        "gt" or "hi" => new VectorCompare<T, Greater<T>>(p, q, a, b, join, c, negated),
        "ge" or "hs" => new VectorCompare<T, GreaterEqual<T>>(p, q, a, b, join, c, negated),
        _ => null,
    };

    /// <summary>A comparison of single values; those with u are true where an operand is NaN.</summary>
    static Func<ulong, ulong, bool> Comparison(string name, PtxType t, bool ftz)
    {
        if (t.Kind() is TypeKind.Signed or TypeKind.Unsigned or TypeKind.Bits)
        {
            Func<int, bool> order = Order(name);
            PtxType number = t.Kind() == TypeKind.Bits ? t.Bits() switch { 16 => PtxType.U16, 32 => PtxType.U32, _ => PtxType.U64 } : t;
            return (x, y) => order(Converter.Integer(number, x).CompareTo(Converter.Integer(number, y)));
        }
        bool unordered = name is "nan" || (name.Length == 3 && name[2] == 'u'), test = name is "nan" or "num";
        Func<int, bool> ordered = test ? _ => name == "num" : Order(unordered ? name[..2] : name);
        return (x, y) =>
        {
            double u = Flushed(t, Converter.Float(t, x), ftz), v = Flushed(t, Converter.Float(t, y), ftz);
            return double.IsNaN(u) || double.IsNaN(v) ? unordered : ordered(u < v ? -1 : u > v ? 1 : 0);
        };
    }

    static Func<int, bool> Order(string name) => name switch
    {
        "eq" => c => c == 0,
        "ne" => c => c != 0,
        "lt" or "lo" => c => c < 0,
        "le" or "ls" => c => c <= 0,
        "gt" or "hi" => c => c > 0,
        _ => c => c >= 0,
    };
}

/// <summary>d = a + b, a - b or p(a, b) + c, with the carry taken and given.</summary>
sealed unsafe class Carry(Slot64 d, Slot64 a, Slot64 b, Slot64 c, Func<ulong, ulong, ulong>? product, bool subtracts, bool takes, bool gives, int flag, ulong all) : Op
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        uint carries = *(uint*)(r + flag), given = 0;
        for (uint m = mask; m != 0; m &= m - 1)
        {
            int i = BitOperations.TrailingZeroCount(m);
            ulong x = a.Read(r, i) & all, y = b.Read(r, i) & all;
            if (product != null) (x, y) = (product(x, y), c.Read(r, i) & all);
            UInt128 carried = takes ? carries >> i & 1 : 0u;
            UInt128 sum = subtracts ? unchecked((UInt128)x - y - carried) : (UInt128)x + y + carried;
            if ((sum & ~(UInt128)all) != 0) given |= 1u << i;
            d.Write(r, i, (ulong)(sum & all));
        }
        if (gives) SetPredicate(r, flag, mask, given);
    }
}

/// <summary>bfi: the low bits of a, put into b.</summary>
sealed unsafe class Insertion(Slot64 d, Slot64 a, Slot64 b, Slot64 position, Slot64 length, ulong all) : Op
{
    public override void Run(Warp w, uint mask)
    {
        byte* r = w.Registers;
        for (; mask != 0; mask &= mask - 1)
        {
            int i = BitOperations.TrailingZeroCount(mask), at = (int)(position.Read(r, i) & 255), count = (int)(length.Read(r, i) & 255);
            ulong field = at >= 64 ? 0 : (count >= 64 ? ulong.MaxValue : (1ul << count) - 1) << at;
            d.Write(r, i, ((b.Read(r, i) & ~field) | (at >= 64 ? 0 : a.Read(r, i) << at & field)) & all);
        }
    }
}
