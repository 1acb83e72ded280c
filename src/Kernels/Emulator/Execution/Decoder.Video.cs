namespace Tessera.Emulator;

/// <summary>Video instructions: arithmetic on the bytes and half-words of registers, with a second operation or a merge behind it.</summary>
sealed partial class Decoder
{
    Map Video(Instruction i, PtxType[] types, Operand[] o)
    {
        Operand[] whole = [.. o.Select(Whole)];
        Slot64 d = Result(whole[0]), x = Source(whole[1], PtxType.B32), y = Source(whole[2], PtxType.B32), z = o.Length > 3 ? Source(whole[3], PtxType.B32) : x;
        bool set = i.Opcode.StartsWith("vset", StringComparison.Ordinal);
        bool signed = !set && types[0] == PtxType.S32, signedX = types[^2] == PtxType.S32, signedY = types[^1] == PtxType.S32;
        return new(d, x, y, z, (i.Opcode, i.Opcode[^1]) switch
        {
            ("vmad", _) => MultiplyAdd(i, Selected(o[1]), Selected(o[2]), signedX, signedY),
            (_, '2') => Simd(i, 2, [Selected(o[0]), Selected(o[1]), Selected(o[2])], signed, signedX, signedY),
            (_, '4') => Simd(i, 4, [Selected(o[0]), Selected(o[1]), Selected(o[2])], signed, signedX, signedY),
            _ => Scalar(i, [Selected(o[0]), Selected(o[1]), Selected(o[2])], signed, signedX, signedY),
        });
    }

    static Operand Whole(Operand o) => o is NameOperand { Selects: true } n ? new NameOperand(n.Position, n.Name, "", 0) : o;

    /// <summary>The part of a register that an operand names: b0 to b3, h0, h1, several digits for several parts; empty for all of it.</summary>
    static string Selected(Operand o) => o is NameOperand { Selects: true } n ? n.Component : "";

    /// <summary>The bits from <paramref name="at"/> on, extended with the sign or with zeros.</summary>
    static long Extended(ulong x, int at, int bits, bool signed) => signed ? (long)(x << (64 - at - bits)) >> (64 - bits) : (long)(x >> at & ((1ul << bits) - 1));

    static int Width(string part) => part.Length == 0 ? 32 : part[0] == 'b' ? 8 : 16;

    static int Place(string part) => part.Length == 0 ? 0 : (part[1] - '0') * Width(part);

    static long Part(ulong x, string part, bool signed) => Extended(x, Place(part), Width(part), signed);

    static Int128 Clamped(Int128 value, int bits, bool signed) => signed
        ? Int128.Clamp(value, -(Int128.One << (bits - 1)), (Int128.One << (bits - 1)) - 1)
        : Int128.Clamp(value, 0, (Int128.One << bits) - 1);

    /// <summary>a op b of two parts.</summary>
    static Func<long, long, Int128> VideoFormula(Instruction i)
    {
        switch (i.Opcode.TrimEnd('2', '4'))
        {
            case "vadd": return (a, b) => a + b;
            case "vsub": return (a, b) => a - b;
            case "vabsdiff": return (a, b) => Math.Abs(a - b);
            case "vmin": return (a, b) => Math.Min(a, b);
            case "vmax": return (a, b) => Math.Max(a, b);
            // Halves go away from zero.
            case "vavrg": return (a, b) => a + b + (a + b >= 0 ? 1 : 0) >> 1;
            case "vset":
                Func<int, bool> order = Order(ComparisonOf(i));
                return (a, b) => order(a.CompareTo(b)) ? 1 : 0;
        }
        bool wrap = i.Has("wrap"), left = i.Opcode == "vshl";
        return (a, b) => wrap ? Shifted(a, (int)(b & 31)) : Shifted(a, (int)Math.Min(b, 32));

        Int128 Shifted(long a, int n) => left ? (Int128)a << n : a >> n;
    }

    /// <summary>d = op2(a op b, c), or c with a part of it replaced by a op b.</summary>
    static Func<ulong, ulong, ulong, ulong> Scalar(Instruction i, string[] parts, bool signed, bool signedX, bool signedY)
    {
        var f = VideoFormula(i);
        bool sat = i.Has("sat");
        int bits = Width(parts[0]), at = Place(parts[0]);
        ulong all = (1ul << bits) - 1;
        Func<long, long, long> second = i.Has("add") ? (t, c) => t + c : i.Has("min") ? Math.Min : i.Has("max") ? Math.Max : (t, _) => t;
        return (x, y, z) =>
        {
            Int128 exact = f(Part(x, parts[1], signedX), Part(y, parts[2], signedY));
            ulong t = (ulong)((sat ? Clamped(exact, bits, signed) : exact) & all);
            return bits < 32 ? ((uint)z & ~(all << at)) | t << at : (ulong)second(Extended(t, 0, 32, signed), Extended(z, 0, 32, signed)) & all;
        };
    }

    /// <summary>
    /// Two or four parts at a time: each of a and b may take any part of both, d those that its mask names; the others are c's. With <c>.add</c> d is c
    /// plus the results.
    /// </summary>
    static Func<ulong, ulong, ulong, ulong> Simd(Instruction i, int count, string[] parts, bool signed, bool signedX, bool signedY)
    {
        var f = VideoFormula(i);
        bool sat = i.Has("sat"), add = i.Has("add");
        int bits = 32 / count;
        ulong all = (1ul << bits) - 1;
        int[] first = Selection(parts[1], 0), second = Selection(parts[2], count);
        bool[] taken = [.. Enumerable.Range(0, count).Select(k => parts[0].Length == 0 || parts[0].Contains((char)('0' + k), StringComparison.Ordinal))];
        return (x, y, z) =>
        {
            ulong both = y << 32 | (uint)x, d = add ? (uint)z : 0;
            for (int k = 0; k < count; k++)
            {
                Int128 t = f(Extended(both, first[k] * bits, bits, signedX), Extended(both, second[k] * bits, bits, signedY));
                if (sat) t = Clamped(t, bits, signed);
                if (add) d += taken[k] ? (ulong)(t & ulong.MaxValue) : 0;
                else d |= ((taken[k] ? (ulong)(t & all) : z >> k * bits) & all) << k * bits;
            }
            return (uint)d;
        };

        // Digits from the highest part to the lowest, as in b7654.
        int[] Selection(string part, int from) => [.. Enumerable.Range(0, count).Select(k => part.Length == 0 ? from + k : part[^(k + 1)] - '0')];
    }

    /// <summary>d = (a b + c) shifted right by 0, 7 or 15.</summary>
    static Func<ulong, ulong, ulong, ulong> MultiplyAdd(Instruction i, string partX, string partY, bool signedX, bool signedY)
    {
        bool sat = i.Has("sat"), signed = signedX || signedY;
        int shift = i.Has("shr7") ? 7 : i.Has("shr15") ? 15 : 0;
        return (x, y, z) =>
        {
            Int128 t = ((Int128)Part(x, partX, signedX) * Part(y, partY, signedY)) + Extended(z, 0, 32, signed) >> shift;
            return (ulong)((sat ? Clamped(t, 32, signed) : t) & uint.MaxValue);
        };
    }
}
