using System.Globalization;

namespace Tessera.Emulator;

/// <summary>A register as the text names it, and how its declaration, or else the instruction, reads its bits.</summary>
readonly record struct NamedRegister(string Name, PtxType Type, Slot64 Slot)
{
    /// <summary>The value in a lane, as a person reads it; an address names its owner, a predicate shows the lanes where it is true.</summary>
    public unsafe string Value(byte* registers, int lane, DeviceMemory memory)
    {
        if (Type == PtxType.Pred)
        {
            uint mask = *(uint*)(registers + Slot.Offset);
            return $"{((mask >> lane & 1) != 0 ? "true" : "false")} (lanes {mask:x8})";
        }
        ulong bits = Slot.Read(registers, lane);
        if (Type.Bits() == 64 && Type != PtxType.F64 && memory.Find(bits, 1) is Allocation a) return $"{a.Owner} + {bits - a.Start}";
        return Type switch
        {
            PtxType.F16 => Text((float)BitConverter.UInt16BitsToHalf((ushort)bits)),
            PtxType.F32 => Text(BitConverter.UInt32BitsToSingle((uint)bits)),
            PtxType.F64 => BitConverter.UInt64BitsToDouble(bits).ToString("R", CultureInfo.InvariantCulture),
            PtxType.S16 => $"{(short)bits}",
            PtxType.S32 => $"{(int)bits}",
            PtxType.S64 => $"{(long)bits}",
            PtxType.U16 or PtxType.U32 or PtxType.U64 => $"{bits}",
            _ => $"0x{bits:x}",
        };
    }

    static string Text(float value) => value.ToString("R", CultureInfo.InvariantCulture);
}
