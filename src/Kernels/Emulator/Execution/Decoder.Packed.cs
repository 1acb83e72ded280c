namespace Tessera.Emulator;

/// <summary>Two values in a register, small floats, wide registers, and the rarer forms of comparisons.</summary>
sealed partial class Decoder
{
    static Func<uint, uint, uint>? Join(Instruction i) => i.Has("and") ? (x, y) => x & y : i.Has("or") ? (x, y) => x | y : i.Has("xor") ? (x, y) => x ^ y : null;

    static PtxType PartOf(PtxType t) => t is PtxType.F16x2 ? PtxType.F16 : t is PtxType.Bf16x2 ? PtxType.Bf16 : t;

    /// <summary><c>lop3.or.b32 d|p, a, b, c, table, q</c>: p = (d != 0) or q.</summary>
    Sequence Lop3Joined(Instruction i, Operand[] o)
    {
        int table = (int)((ConstantOperand)o[4]).Value.Bits, p = SecondPredicate(o[0]);
        Slot64 d = Result(o[0]), a = Source(o[1], PtxType.B32), b = Source(o[2], PtxType.B32), c = Source(o[3], PtxType.B32);
        (int q, bool negated) = Predicate(o[5]);
        return new([new Map(d, a, b, c, (x, y, z) => Lop3((uint)x, (uint)y, (uint)z, table)), new Compare(p, -1, d, d, (x, _) => (uint)x != 0, Join(i), q, negated)]);
    }

    /// <summary>setp of pairs: p from the lower values, q from the upper ones.</summary>
    Sequence SetPairPredicates(Instruction i, PtxType t, Operand[] o)
    {
        int p = o[0] is SinkOperand or PairOperand { First: SinkOperand } ? -1 : Result(o[0]).Offset, q = SecondPredicate(o[0]), kept = Take(4, 4);
        Slot64 a = Source(o[1], t), b = Source(o[2], t);
        (int c, bool negated) = o.Length > 3 ? Predicate(o[3]) : (kept, false);
        var f = Comparison(ComparisonOf(i), PartOf(t), i.Has("ftz"));
        // The first result may be the predicate that the second one still reads.
        return new([
            new PredicateOp(kept, c, negated, c, false, (x, _) => x),
            new Compare(p, -1, a, b, (x, y) => f(x, y), Join(i), kept, false),
            new Compare(q, -1, a, b, (x, y) => f(x >> 16, y >> 16), Join(i), kept, false),
        ]);
    }

    /// <summary>set, also of pairs and joined with a predicate.</summary>
    Op SetValue(Instruction i, PtxType[] types, Operand[] o)
    {
        bool pair = PartOf(types[1]) != types[1];
        var f = Comparison(ComparisonOf(i), PartOf(types[1]), i.Has("ftz"));
        ulong yes = types[0].IsInteger() ? pair ? 0xFFFFul : ulong.MaxValue : Converter.FloatBits(PartOf(types[0]), 1);
        Slot64 a = Source(o[1], types[1]), b = Source(o[2], types[1]), d = Result(o[0]);
        if (o.Length == 3) return new Map(d, a, b, a, (x, y, _) => (f(x, y) ? yes : 0) | (pair && f(x >> 16, y >> 16) ? yes << 16 : 0));
        (int c, bool negated) = Predicate(o[3]);
        var join = Join(i)!;
        return new MapWithPredicate(d, a, b, c, negated, (x, y, p) => Yes(f(x, y), p) | (pair ? Yes(f(x >> 16, y >> 16), p) << 16 : 0));

        ulong Yes(bool holds, bool p) => (join(holds ? 1u : 0, p ? 1u : 0) & 1) != 0 ? yes : 0;
    }

    /// <summary>min and max of f32 with three operands, of absolute values, or with the exclusive or of the signs.</summary>
    Op Extreme(Instruction i, Operand[] o)
    {
        bool ftz = i.Has("ftz"), abs = i.Has("abs"), xorsign = i.Has("xorsign");
        var two = Extreme(i.Opcode == "max", i.Has("NaN"));
        Slot64 a = Source(o[1], PtxType.F32), b = Source(o[2], PtxType.F32), c = o.Length > 3 ? Source(o[3], PtxType.F32) : a;
        bool three = o.Length > 3;
        double Value(ulong x) => Flushed(PtxType.F32, Single.Of(x), ftz) is var v && abs ? Math.Abs(v) : v;
        return new Map(Result(o[0]), a, b, c, (x, y, z) =>
        {
            double m = two(Value(x), Value(y));
            if (three) m = two(m, Value(z));
            return Single.Bits((float)m) | (xorsign && !double.IsNaN(m) ? (x ^ y) & 0x8000_0000 : 0);
        });
    }

    static Func<double, double, double> Extreme(bool max, bool nan) => (max, nan) switch
    {
        (true, true) => Math.Max,
        (true, false) => double.MaxNumber,
        (false, true) => Math.Min,
        _ => double.MinNumber,
    };

    /// <summary>The same of f16 and bf16 with the exclusive or of the signs.</summary>
    Map ExtremeOfParts(Instruction i, PtxType t, Operand[] o)
    {
        PtxType one = PartOf(t);
        var two = Extreme(i.Opcode == "max", i.Has("NaN"));
        bool ftz = i.Has("ftz");
        ulong Part(ulong x, ulong y)
        {
            double m = two(Math.Abs(Flushed(one, Converter.Float(one, x), ftz)), Math.Abs(Flushed(one, Converter.Float(one, y), ftz)));
            return Converter.FloatBits(one, m) | (double.IsNaN(m) ? 0 : (x ^ y) & 0x8000);
        }
        Slot64 a = Source(o[1], t), b = Source(o[2], t);
        return new Map(Result(o[0]), a, b, a, one == t ? (x, y, _) => Part(x, y) : (x, y, _) => Part(x, y) | Part(x >> 16, y >> 16) << 16);
    }

    /// <summary>cvt between pairs of floats of 8 bits or less and pairs of f16 or f32; null for other types.</summary>
    Map? ConvertSmall(Instruction i, PtxType to, PtxType from, Operand[] o)
    {
        bool relu = i.Has("relu");
        if (SmallFloat.Of(to) is SmallFloat narrow && from is PtxType.F32 or PtxType.F16x2)
        {
            bool pair = from == PtxType.F16x2;
            Slot64 a = Source(o[1], from), b = pair ? a : Source(o[2], from);
            ulong Half(ulong x) => narrow.Bits(Converter.Float(PtxType.F16, x), relu);
            ulong One(ulong x) => narrow.Bits(Single.Of(x), relu);
            return new Map(Result(o[0]), a, b, b, pair ? (x, _, _) => Half(x >> 16) << narrow.Step | Half(x) : (x, y, _) => One(x) << narrow.Step | One(y));
        }
        if (to != PtxType.F16x2 || SmallFloat.Of(from) is not SmallFloat small) return null;
        Slot64 source = Source(o[1], PtxType.B16);
        ulong Wide(ulong x) => small.Value(x) is var v && relu && v < 0 ? 0 : Converter.FloatBits(PtxType.F16, v);
        return new Map(Result(o[0]), source, source, source, (x, _, _) => Wide(x >> small.Step) << 16 | Wide(x));
    }

    /// <summary>Results beyond the largest finite value become it: <c>.satfinite</c>.</summary>
    static Func<ulong, ulong> Finite(PtxType type, Func<ulong, ulong> f) => x =>
    {
        ulong bits = f(x), infinity = type switch { PtxType.F16 => 0x7C00ul, PtxType.Bf16 => 0x7F80, _ => 0x7F80_0000 }, sign = type is PtxType.F16 or PtxType.Bf16 ? 0x8000ul : 0x8000_0000;
        return (bits & ~sign) == infinity ? bits - (type == PtxType.Tf32 ? 0x2000ul : 1) : bits;
    };

    /// <summary>mov of 128 bits: whole, from two registers of 64, or into them.</summary>
    Op MoveWide(Operand[] o)
    {
        if (o[0] is VectorOperand parts)
        {
            Slot64 whole = Source(o[1], PtxType.B128);
            int count = parts.Elements.Length;
            Slot64[] d = [.. parts.Elements.Select(e => e is SinkOperand ? new Slot64(Take(512, 64), 16 / count) : Result(e))];
            return new WideMove([.. d.Select((to, k) => (whole, k * 16 / count, to, 0, 16 / count))]);
        }
        if (o[1] is VectorOperand all)
        {
            int count = all.Elements.Length;
            Slot64[] from = [.. all.Elements.Select(e => Source(e, count == 2 ? PtxType.B64 : PtxType.B32))];
            Slot64 to = Result(o[0]);
            return new WideMove([.. from.Select((a, k) => (a, 0, to, k * 16 / count, 16 / count))]);
        }
        Slot64 source = Source(o[1], PtxType.B128);
        return new WideMove([(source, 0, Result(o[0]), 0, 16)]);
    }

    /// <summary><c>mov.v2 {a, b}, {b, a}</c>: everything is read before anything is written.</summary>
    Sequence MoveVector(PtxType t, Operand[] o)
    {
        if (o[1] is NameOperand name && scope.Find(name.Name) == null && SpecialRegister.TryGet(name.Name, out _))
            return new([.. Vector(o[0], t, result: true).Select((d, k) => (d, Part: "xyzw"[k].ToString())).Where(x => x.d.Bytes > 0)
                .Select(x => (Op)new ReadSpecial(x.d, Special(new(name.Position, name.Name, x.Part, 0))))]);
        Slot64[] from = Vector(o[1], t, result: false), to = Vector(o[0], t, result: true);
        Slot64[] kept = [.. from.Select(s => new Slot64(Take(s.Bytes * 32, 64), s.Bytes))];
        return new([.. from.Zip(kept, (a, k) => CopyOf(k, a)), .. kept.Zip(to).Where(x => x.Second.Bytes > 0).Select(x => CopyOf(x.Second, x.First))]);
    }

    static Op CopyOf(Slot64 to, Slot64 from) => new Map(to, from, from, from, (x, _, _) => x);

    /// <summary>Atomics on several values side by side, each of them atomic.</summary>
    AtomicVector AtomicsOf(Instruction i, PtxType t, Operand[] o)
    {
        int at = i.Opcode == "atom" ? 1 : 0, bytes = t.Bits() / 8;
        Slot64[] b = Vector(o[at + 1], t, result: false), d = at == 1 ? Vector(o[0], t, result: true) : [.. b.Select(_ => default(Slot64))];
        var f = AtomicFormula(i, t);
        Address address = Address(o[at], SpaceOf(i));
        return new(address, bytes * b.Length, [.. b.Select((x, k) => new Atomic(address with { Offset = address.Offset + (k * bytes) }, bytes, d[k], x, default, f, FlushedSum(i, t)))]);
    }
}
