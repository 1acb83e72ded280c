using System.Globalization;

namespace Tessera.Emulator;

/// <summary>A modifier or type that a slot takes, and from when on.</summary>
readonly record struct Choice(string Name, Gate Gate)
{
    /// <summary>A <c>*</c> stands for a number.</summary>
    public bool Wild { get; } = Name.Contains('*', StringComparison.Ordinal);
}

/// <summary>A place in a form that one of some modifiers, or one of some types, fills.</summary>
sealed record Slot(bool IsType, bool Required, Choice[] Choices)
{
    public int Find(string name)
    {
        for (int i = 0; i < Choices.Length; i++) if (string.Equals(Choices[i].Name, name, StringComparison.Ordinal) || (Choices[i].Wild && WildNumber(i, name) > 0)) return i;
        return -1;
    }

    /// <summary>The number a modifier has where the choice has its <c>*</c>; 0 where they do not agree.</summary>
    public int WildNumber(int choice, string name)
    {
        string pattern = Choices[choice].Name;
        int star = pattern.IndexOf('*', StringComparison.Ordinal), tail = pattern.Length - star - 1;
        bool agrees = star >= 0 && name.Length > pattern.Length - 1 && name.AsSpan(0, star).SequenceEqual(pattern.AsSpan(0, star))
            && name.AsSpan(name.Length - tail).SequenceEqual(pattern.AsSpan(star + 1));
        return agrees && int.TryParse(name.AsSpan(star, name.Length - tail - star), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : 0;
    }

    /// <summary>A layout: such slots are filled in the order of the text.</summary>
    public bool IsLayout { get; } = Choices.All(c => c.Name is "row" or "col");

    public override string ToString() => string.Join(" or ", Choices.Select(c => "." + c.Name));
}

/// <summary>The kinds of operands of the table, by their letters there.</summary>
enum OperandKind : byte { Result, Value, Register, Predicate, PlainPredicate, PredicateResult, Constant, Address, Symbol, Label, Table, Sink, Any }

/// <summary>What one operand of a form must be.</summary>
sealed record OperandRule(OperandKind Kind)
{
    /// <summary>A type of its own; None: that of a type slot.</summary>
    public PtxType Type { get; init; }

    public int TypeSlot { get; init; }

    /// <summary>The register may be wider than the type.</summary>
    public bool Wider { get; init; }

    /// <summary>Elements of a vector: 0 none, -1 as many as the modifier .vN says, -2 as many as fill the type, -3 and -4 a half and a quarter of the number in a modifier.</summary>
    public int Vector { get; init; }

    public bool Optional { get; init; }
    public bool SecondResult { get; init; }

    /// <summary>The second result must be there.</summary>
    public bool NeedsSecond { get; init; }

    /// <summary>A constant must be a multiple of this.</summary>
    public int Multiple { get; init; } = 1;

    public bool MaySink { get; init; }

    /// <summary>The values a constant may have; empty for all.</summary>
    public long[] Values { get; init; } = [];

    public (long Low, long High)? Range { get; init; }

    /// <summary>The space of an address, where the instruction names two.</summary>
    public Space? Space { get; init; }
}

/// <summary>One line of the table: an instruction with its modifiers, operands and gates. The prefix is what must directly follow the opcode, in order.</summary>
sealed record Form(string Opcode, string[] Prefix, Slot[] Slots, OperandRule[] Operands, Gate Gate, Gate NameGate)
{
    /// <summary>The opcode with its prefix: <c>mul.lo</c>.</summary>
    public string Name { get; } = string.Join('.', [Opcode, .. Prefix]);
}
