namespace Tessera.Emulator;

/// <summary>Arithmetic of two values in a register, and of values of two types.</summary>
sealed partial class Decoder
{
    /// <summary>f32x2: two f32 in 64 bits.</summary>
    Map SinglePairs(Instruction i, Operand[] o)
    {
        var one = SingleFormula(i, ModeOf(i));
        Slot64 a = Source(o[1], PtxType.B64), b = Source(o[2], PtxType.B64), c = o.Length > 3 ? Source(o[3], PtxType.B64) : a;
        return new(Result(o[0]), a, b, c, (x, y, z) => one((uint)x, (uint)y, (uint)z) | one(x >> 32, y >> 32, z >> 32) << 32);
    }

    /// <summary>f32 with f16 or bf16: all but the last operand are of the narrow type, and widened first.</summary>
    Map MixedPrecision(Instruction i, PtxType[] types, Operand[] o)
    {
        var f = SingleFormula(i, ModeOf(i));
        ulong Wide(ulong x) => Single.Bits((float)Converter.Float(types[1], x));
        Slot64 a = Source(o[1], types[1]), b = Source(o[2], o.Length > 3 ? types[1] : PtxType.F32), c = o.Length > 3 ? Source(o[3], PtxType.F32) : b;
        return new(Result(o[0]), a, b, c, o.Length > 3 ? (x, y, z) => f(Wide(x), Wide(y), z) : (x, y, _) => f(Wide(x), y, 0));
    }

    /// <summary>u16x2 and s16x2: two whole numbers of 16 bits.</summary>
    Map ShortPairs(Instruction i, PtxType t, Operand[] o)
    {
        bool signed = t == PtxType.S16x2, relu = i.Has("relu");
        int Of(ulong x) => signed ? (short)x : (ushort)x;
        Func<int, int, int> f = i.Opcode switch
        {
            "add" => (x, y) => x + y,
            "min" => Math.Min,
            "max" => Math.Max,
            _ => throw Unsupported($"'{i.Opcode}' of .{t.Name()}"),
        };
        ulong One(ulong x, ulong y) => (ushort)(f(Of(x), Of(y)) is var v && relu ? Math.Max(v, 0) : v);
        Slot64 a = Source(o[1], PtxType.B32), b = Source(o[2], PtxType.B32);
        return new(Result(o[0]), a, b, a, (x, y, _) => One(x, y) | One(x >> 16, y >> 16) << 16);
    }
}
