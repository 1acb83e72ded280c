namespace Tessera.Emulator;

/// <summary>A place in the text, counted from 1.</summary>
readonly record struct Position(int Line, int Column);

enum ConstantKind : byte { Integer, Decimal, HexSingle, HexDouble }

/// <summary>A constant: the bits of an integer, of a single written as <c>0f...</c>, or of a double.</summary>
readonly record struct Constant(ConstantKind Kind, long Bits, bool Unsigned = false)
{
    public bool IsInteger => Kind == ConstantKind.Integer;

    public double Double => Kind switch
    {
        ConstantKind.Integer => Bits,
        ConstantKind.HexSingle => BitConverter.UInt32BitsToSingle((uint)Bits),
        _ => BitConverter.Int64BitsToDouble(Bits),
    };

    public static Constant Of(long value) => new(ConstantKind.Integer, value);

    public static Constant Of(double value, ConstantKind kind) => new(kind, BitConverter.DoubleToInt64Bits(value));
}

/// <summary>An operand of an instruction.</summary>
abstract class Operand(Position position)
{
    public readonly Position Position = position;
}

/// <summary><c>%r1</c>, <c>%tid.x</c>, <c>buf+8</c>: a register, variable, label or function.</summary>
sealed class NameOperand(Position position, string name, string component, long offset) : Operand(position)
{
    public readonly string Name = name;

    /// <summary>x, y, z, w or r, g, b, a; b0 .. b3, h0, h1 for a part of a register in video instructions; empty for the whole.</summary>
    public readonly string Component = component;

    /// <summary>The component is a part of a register: <c>%r1.b0</c>.</summary>
    public bool Selects => Component.Length > 1;

    public readonly long Offset = offset;
}

/// <summary><c>42</c>, <c>0f3F800000</c>, <c>1.0</c>.</summary>
sealed class ConstantOperand(Position position, Constant value) : Operand(position)
{
    public readonly Constant Value = value;
}

/// <summary><c>[%rd1+16]</c>, <c>[buf]</c>, <c>[4]</c>, <c>buf[4]</c>, <c>[map, {%r1, %r2}]</c>.</summary>
sealed class AddressOperand(Position position, string name, long offset, bool indexed, VectorOperand? coordinates, NameOperand? sampler = null) : Operand(position)
{
    /// <summary>The register or variable; empty for an absolute address.</summary>
    public readonly string Name = name;

    public readonly long Offset = offset;

    /// <summary>Written as <c>buf[4]</c>: only for arrays.</summary>
    public readonly bool Indexed = indexed;

    public readonly VectorOperand? Coordinates = coordinates;

    /// <summary>Between texture and coordinates: <c>[%d1, %d2, {%f1, %f2}]</c>.</summary>
    public readonly NameOperand? Sampler = sampler;
}

/// <summary><c>{%f1, %f2, _, %f4}</c>.</summary>
sealed class VectorOperand(Position position, Operand[] elements) : Operand(position)
{
    public readonly Operand[] Elements = elements;
}

/// <summary><c>%r1|%p1</c>: two results.</summary>
sealed class PairOperand(Position position, Operand first, Operand second) : Operand(position)
{
    public readonly Operand First = first, Second = second;
}

/// <summary><c>_</c>: a result nobody wants.</summary>
sealed class SinkOperand(Position position) : Operand(position);

/// <summary><c>!%p1</c>.</summary>
sealed class NotOperand(Position position, NameOperand name) : Operand(position)
{
    public readonly NameOperand Name = name;
}

/// <summary>The parenthesised arguments or results of a <c>call</c>.</summary>
sealed class ListOperand(Position position, Operand[] elements) : Operand(position)
{
    public readonly Operand[] Elements = elements;
}

/// <summary>One line of a body.</summary>
abstract class Statement(Position position)
{
    public readonly Position Position = position;
}

/// <summary><c>@!%p1 add.rn.f32 %f1, %f2, %f3;</c></summary>
sealed class Instruction(Position position, NameOperand? guard, bool negated, string opcode, string[] modifiers, Operand[] operands) : Statement(position)
{
    public readonly NameOperand? Guard = guard;
    public readonly bool Negated = negated;
    public readonly string Opcode = opcode;

    /// <summary>In the order of the text, without dots.</summary>
    public readonly string[] Modifiers = modifiers;

    public readonly Operand[] Operands = operands;

    public bool Has(string modifier) => Array.IndexOf(Modifiers, modifier) >= 0;
}

/// <summary><c>LOOP:</c></summary>
sealed class Label(Position position, string name) : Statement(position)
{
    public readonly string Name = name;
}

enum TableKind : byte { Branches, Calls, Prototype }

/// <summary><c>table: .branchtargets L1, L2;</c>, <c>.calltargets</c> or <c>.callprototype</c>.</summary>
sealed class Table(Position position, string name, TableKind kind, string[] targets, Variable[] results, Variable[] parameters) : Statement(position)
{
    public readonly string Name = name;
    public readonly TableKind Kind = kind;
    public readonly string[] Targets = targets;
    public readonly Variable[] Results = results, Parameters = parameters;
}

/// <summary><c>{</c> or <c>}</c> inside a body: bodies are flat lists, so that nesting needs no recursion.</summary>
sealed class Brace(Position position, bool opens) : Statement(position)
{
    public readonly bool Opens = opens;
}

/// <summary><c>.loc 1 42 7</c>: the source line of what follows.</summary>
sealed class Location(Position position, int file, int line, int column) : Statement(position)
{
    public readonly int File = file, Line = line, Column = column;
}

/// <summary><c>.pragma "nounroll";</c></summary>
sealed class Pragma(Position position, string[] texts) : Statement(position)
{
    public readonly string[] Texts = texts;
}

enum Space : byte { Generic, Reg, Global, Shared, Local, Const, Param, Texture, Cluster }

enum Linkage : byte { Static, Visible, Extern, Weak, Common }

/// <summary>An initial value: a constant, the address of a symbol, or a list of these.</summary>
sealed class Initial(Position position, Constant constant, string symbol, bool generic, Initial[]? elements, long mask = 0)
{
    public readonly Position Position = position;

    /// <summary>The value, or the offset to the symbol's address.</summary>
    public readonly Constant Constant = constant;

    /// <summary>The symbol whose address is taken; empty for a plain constant.</summary>
    public readonly string Symbol = symbol;

    /// <summary><c>generic(symbol)</c>.</summary>
    public readonly bool Generic = generic;

    public readonly Initial[]? Elements = elements;

    /// <summary>The byte of the address that is taken, as a mask; 0 for the whole address.</summary>
    public readonly long Mask = mask;
}

/// <summary>A register, variable or parameter.</summary>
sealed class Variable(Position position, string name, Space space, PtxType type) : Statement(position)
{
    public readonly string Name = name;
    public readonly Space Space = space;
    public readonly PtxType Type = type;
    public Linkage Linkage { get; init; }

    /// <summary>Bytes; 0 where the text says nothing.</summary>
    public int Align { get; init; }

    /// <summary>2, 4 or 8 for a vector, 1 for a scalar.</summary>
    public int Vector { get; init; } = 1;

    /// <summary>The sizes of an array; empty for a scalar, -1 for a size left open.</summary>
    public long[] Sizes { get; init; } = [];

    /// <summary>Registers <c>name0 .. name(Count-1)</c>; -1 for one register or variable.</summary>
    public long Count { get; init; } = -1;

    public bool Managed { get; init; }
    public Initial? Initial { get; init; }

    /// <summary>Bytes of the whole; 0 where a size is open.</summary>
    public long Bytes
    {
        get
        {
            Int128 bytes = Math.Max(1, Type.Bits() / 8) * Vector;
            foreach (long size in Sizes) bytes = size < 0 ? 0 : Int128.Min(bytes * size, long.MaxValue);
            return (long)bytes;
        }
    }

    /// <summary>The alignment in force, in bytes.</summary>
    public int Alignment => Align > 0 ? Align : Math.Max(1, Type.Bits() / 8) * Vector;
}

/// <summary>A tuning directive of a function: <c>.maxntid 256, 1, 1</c>.</summary>
readonly record struct Directive(Position Position, string Name, long[] Values);

/// <summary>A kernel or a device function; without a body, a prototype.</summary>
sealed class Function(Position position, string name, bool isEntry, Linkage linkage)
{
    public readonly Position Position = position;
    public readonly string Name = name;
    public readonly bool IsEntry = isEntry;
    public readonly Linkage Linkage = linkage;
    public Variable[] Results { get; init; } = [];
    public Variable[] Parameters { get; init; } = [];
    public bool HasParameterList { get; init; }
    public Directive[] Directives { get; init; } = [];
    public Statement[]? Body { get; init; }
}

/// <summary><c>.file 1 "kernel.cu"</c>.</summary>
readonly record struct SourceFile(Position Position, long Index, string Name, bool HasTimes);

/// <summary><c>.alias f, g;</c></summary>
readonly record struct Alias(Position Position, string Name, string Target);

/// <summary>A whole PTX text.</summary>
sealed class Module
{
    public (int Major, int Minor) Version { get; set; }
    public Position VersionPosition { get; set; }
    public List<string> Targets { get; } = [];
    public Position TargetPosition { get; set; }

    /// <summary>32 or 64; 0 where the text says nothing.</summary>
    public int AddressSize { get; set; }

    public Position AddressSizePosition { get; set; }
    public List<Variable> Variables { get; } = [];
    public List<Function> Functions { get; } = [];
    public List<SourceFile> Files { get; } = [];
    public List<Alias> Aliases { get; } = [];

    /// <summary>The first label inside a debug section, which needs a newer version.</summary>
    public Position? SectionLabel { get; set; }

    /// <summary>Variables and functions in the order of the text.</summary>
    public List<object> Order { get; } = [];
}
