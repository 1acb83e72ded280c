namespace Tessera.Emulator;

/// <summary>What a PTX type means to the rules of operands.</summary>
enum TypeKind : byte { None, Bits, Unsigned, Signed, Float, Predicate, Packed, Opaque }

/// <summary>A fundamental type of PTX, or a type that only instructions name (<c>.bf16</c>, <c>.tf32</c>, <c>.e4m3x2</c>).</summary>
enum PtxType : byte
{
    None,
    U8, U16, U32, U64, S8, S16, S32, S64, B8, B16, B32, B64, B128, F16, F16x2, F32, F64, Pred, Texref, Samplerref, Surfref,
    Bf16, Bf16x2, Tf32, F32x2, U16x2, S16x2, U8x4, S8x4, E4m3, E5m2, E3m2, E2m3, E2m1, Ue8m0,
    E4m3x2, E5m2x2, E2m3x2, E3m2x2, E2m1x2, Ue8m0x2, E4m3x4, E5m2x4, E2m3x4, E3m2x4, E2m1x4, B1, U4, S4,
}

/// <summary>Names, widths and kinds of <see cref="PtxType"/>.</summary>
static class PtxTypes
{
    static readonly (TypeKind Kind, int Bits)[] facts =
    [
        (TypeKind.None, 0),
        (TypeKind.Unsigned, 8), (TypeKind.Unsigned, 16), (TypeKind.Unsigned, 32), (TypeKind.Unsigned, 64),
        (TypeKind.Signed, 8), (TypeKind.Signed, 16), (TypeKind.Signed, 32), (TypeKind.Signed, 64),
        (TypeKind.Bits, 8), (TypeKind.Bits, 16), (TypeKind.Bits, 32), (TypeKind.Bits, 64), (TypeKind.Bits, 128),
        (TypeKind.Float, 16), (TypeKind.Packed, 32), (TypeKind.Float, 32), (TypeKind.Float, 64), (TypeKind.Predicate, 1),
        (TypeKind.Opaque, 64), (TypeKind.Opaque, 64), (TypeKind.Opaque, 64),
        (TypeKind.Packed, 16), (TypeKind.Packed, 32), (TypeKind.Packed, 32), (TypeKind.Packed, 64), (TypeKind.Packed, 32), (TypeKind.Packed, 32),
        (TypeKind.Packed, 32), (TypeKind.Packed, 32),
        (TypeKind.Packed, 8), (TypeKind.Packed, 8), (TypeKind.Packed, 8), (TypeKind.Packed, 8), (TypeKind.Packed, 8), (TypeKind.Packed, 8),
        (TypeKind.Packed, 16), (TypeKind.Packed, 16), (TypeKind.Packed, 16), (TypeKind.Packed, 16), (TypeKind.Packed, 8), (TypeKind.Packed, 16),
        (TypeKind.Packed, 32), (TypeKind.Packed, 32), (TypeKind.Packed, 32), (TypeKind.Packed, 32), (TypeKind.Packed, 16),
        (TypeKind.Packed, 1), (TypeKind.Packed, 4), (TypeKind.Packed, 4),
    ];

    static readonly Dictionary<string, PtxType> byName =
        Enum.GetValues<PtxType>().Skip(1).ToDictionary(t => t.ToString().ToLowerInvariant(), StringComparer.Ordinal);

    static readonly string[] names = [.. Enum.GetNames<PtxType>().Select(n => n.ToLowerInvariant())];

    /// <summary>The type of that name, without the dot; <see cref="PtxType.None"/> where there is none.</summary>
    public static PtxType Parse(string name) => byName.GetValueOrDefault(name);

    /// <summary>The name without the dot.</summary>
    public static string Name(this PtxType type) => names[(int)type];

    public static TypeKind Kind(this PtxType type) => facts[(int)type].Kind;

    /// <summary>Bits of one value; 1 for a predicate.</summary>
    public static int Bits(this PtxType type) => facts[(int)type].Bits;

    public static bool IsInteger(this PtxType type) => type.Kind() is TypeKind.Signed or TypeKind.Unsigned;

    /// <summary>A variable, register or parameter may be declared with it.</summary>
    public static bool IsDeclarable(this PtxType type) => type is > PtxType.None and <= PtxType.Surfref;
}
