namespace Tessera.Emulator;

/// <summary>
/// Products and sums fused as NVIDIA's assembler fuses them: neither is marked with a rounding, both have the same <c>.ftz</c>, the product no
/// <c>.sat</c>. It happens inside a straight run of code; the assembler also finds pairs across branches.
/// </summary>
sealed partial class Decoder
{
    /// <summary>A product that still stands in its register, and copies of its factors.</summary>
    readonly record struct Product(PtxType Type, bool Ftz, Slot64 A, Slot64 B, int Guard, bool Negated);

    readonly Dictionary<Slot64, Product> products = [];

    /// <summary>The operation of an unmarked product or sum, where it differs; null for everything else.</summary>
    Op? Contracted(Instruction i)
    {
        if (i.Opcode is not ("mul" or "add" or "sub") || i.Has("rn") || i.Has("rz") || i.Has("rm") || i.Has("rp")) return null;
        if (TypesOf(i) is not [PtxType.F32 or PtxType.F64 or PtxType.F16 or PtxType.F16x2 or PtxType.Bf16 or PtxType.Bf16x2] types) return null;
        PtxType type = types[0];
        if (i.Opcode == "mul") return i.Has("sat") ? null : Multiplied(i, type);
        for (int k = 1; k <= 2; k++)
            if (i.Operands[k] is NameOperand name && products.TryGetValue(Register(name), out Product p) && Fits(p, i, type)) return Fused(i, p, k);
        return null;
    }

    /// <summary>Does the product, and keeps its factors: their registers may change before the sum comes.</summary>
    Sequence Multiplied(Instruction i, PtxType type)
    {
        Slot64 a = Kept(i.Operands[1], type, out Op copyA), b = Kept(i.Operands[2], type, out Op copyB);
        Op product = Arithmetic(i, type, i.Operands);
        (int guard, bool negated) = GuardOf(i);
        pending = (results[0].Slot, new(type, i.Has("ftz"), a, b, guard, negated));
        return new([copyA, copyB, product]);
    }

    (Slot64 Register, Product Product)? pending;

    Slot64 Kept(Operand operand, PtxType type, out Op copy)
    {
        Slot64 from = Source(operand, type), to = new(Take(from.Bytes * 32, 64), from.Bytes);
        copy = from.Bytes == 8 ? new Vector1<ulong, Copy<ulong>>(to.Offset, from.Offset) : new Vector1<uint, Copy<uint>>(to.Offset, from.Offset);
        return to;
    }

    (int Guard, bool Negated) GuardOf(Instruction i) => i.Guard is NameOperand guard ? (Register(guard).Offset, i.Negated) : (-1, false);

    bool Fits(Product p, Instruction sum, PtxType type) => p.Type == type && p.Ftz == sum.Has("ftz") && (p.Guard < 0 || (p.Guard, p.Negated) == GuardOf(sum));

    /// <summary>a·b + c, a·b − c or c − a·b, rounded once; the product is operand <paramref name="k"/> of the sum.</summary>
    Op Fused(Instruction i, Product p, int k)
    {
        Slot64 c = Source(i.Operands[3 - k], p.Type), d = Result(i.Operands[0]);
        bool sat = i.Has("sat");
        double product = i.Opcode == "sub" && k == 2 ? -1 : 1, other = i.Opcode == "sub" && k == 1 ? -1 : 1;
        if (p.Type == PtxType.F32)
            return (product, other) switch
            {
                (1, 1) => F3<FmaF>(d.Offset, p.A.Offset, p.B.Offset, c.Offset, p.Ftz, sat),
                (1, _) => F3<FmsF>(d.Offset, p.A.Offset, p.B.Offset, c.Offset, p.Ftz, sat),
                _ => F3<FnmaF>(d.Offset, p.A.Offset, p.B.Offset, c.Offset, p.Ftz, sat),
            };
        static double D(ulong x) => BitConverter.UInt64BitsToDouble(x);
        return new Map(d, p.A, p.B, c, p.Type == PtxType.F64
            ? (x, y, z) => BitConverter.DoubleToUInt64Bits(Math.FusedMultiplyAdd(product * D(x), D(y), other * D(z)))
            : Rounded(p.Type, (x, y, z) => Rounding.TwoSum(product * x * y, other * z), RoundingMode.Nearest, p.Ftz, sat, relu: false));
    }

    /// <summary>What an operation overwrites is no product any more, and a product under a guard that changed neither.</summary>
    void Forget()
    {
        foreach (NamedRegister written in results)
        {
            products.Remove(written.Slot);
            foreach (var (register, product) in products) if (product.Guard == written.Slot.Offset) products.Remove(register);
        }
        if (pending is var (slot, made)) products[slot] = made;
        pending = null;
    }
}
