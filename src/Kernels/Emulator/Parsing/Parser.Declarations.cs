namespace Tessera.Emulator;

/// <summary>Variables, parameters and functions.</summary>
sealed partial class Parser
{
    static readonly Dictionary<string, Space> spaces = new(StringComparer.Ordinal)
    {
        [".reg"] = Space.Reg,
        [".global"] = Space.Global,
        [".shared"] = Space.Shared,
        [".local"] = Space.Local,
        [".const"] = Space.Const,
        [".param"] = Space.Param,
    };

    static readonly Dictionary<string, Space>.AlternateLookup<ReadOnlySpan<char>> spaceOf = spaces.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>What stands before the name: <c>.shared .align 16 .v4 .f32</c>.</summary>
    readonly record struct Shape(Space Space, PtxType Type, int Align, int Vector, bool Managed);

    Shape ReadShape()
    {
        if (token.Kind != TokenKind.Modifier || !spaceOf.TryGetValue(Text, out Space space)) throw Unexpected("a state space");
        Next();
        int align = 0, vector = 1;
        bool managed = false;
        for (; ; )
        {
            if (Accept(".align")) align = Alignment();
            else if (Accept(".attribute"))
            {
                Expect("(");
                do managed |= Attribute();
                while (Accept(","));
                Expect(")");
            }
            else break;
        }
        if (Is(".v2") || Is(".v4") || Is(".v8"))
        {
            vector = Text[2] - '0';
            Next();
        }
        return new(space, ReadType(), align, vector, managed);
    }

    bool Attribute()
    {
        if (Accept(".managed")) return true;
        if (!Accept(".unified")) throw Unexpected(".managed or .unified");
        Expect("(");
        do Integer("half of a unique number");
        while (Accept(","));
        Expect(")");
        return false;
    }

    int Alignment()
    {
        Position at = Here;
        long align = Integer("a power of two");
        if (align <= 0 || (align & (align - 1)) != 0 || align > 1 << 30) throw Error(at, "declaration", $"the alignment is not a power of two: {align}");
        return (int)align;
    }

    PtxType ReadType()
    {
        PtxType type = token.Kind == TokenKind.Modifier ? PtxTypes.Parse(Text[1..].ToString()) : PtxType.None;
        if (!type.IsDeclarable()) throw Unexpected("a type such as .f32");
        Next();
        return type;
    }

    /// <summary><c>.shared .f32 a, b[4], c[2] = {1.0, 2.0};</c></summary>
    List<Variable> Variables(Position at, Linkage linkage)
    {
        List<Variable> list = [];
        Shape shape = ReadShape();
        if (Accept(";")) return list;
        do list.Add(Declared(at, shape, linkage));
        while (Accept(","));
        Expect(";");
        return list;
    }

    Variable Declared(Position at, Shape shape, Linkage linkage)
    {
        string name = Name("a name");
        long count = -1;
        long[] sizes = [];
        Initial? initial = null;
        if (Accept("<"))
        {
            count = Integer("how many registers");
            Expect(">");
        }
        else sizes = Sizes();
        if (Accept("=")) initial = InitialValue(0);
        return new(at, name, shape.Space, shape.Type)
        {
            Linkage = linkage,
            Align = shape.Align,
            Vector = shape.Vector,
            Managed = shape.Managed,
            Count = count,
            Sizes = sizes,
            Initial = initial,
        };
    }

    long[] Sizes()
    {
        List<long> sizes = [];
        while (Accept("["))
        {
            if (sizes.Count > deepest) throw Error(Here, "declaration", "too many dimensions");
            if (Is("]") && sizes.Count == 0) sizes.Add(-1);
            else
            {
                Position at = Here;
                long size = Integer("a size");
                if (size <= 0) throw Error(at, "declaration", $"an array of size {size}");
                sizes.Add(size);
            }
            Expect("]");
        }
        return [.. sizes];
    }

    Initial InitialValue(int depth)
    {
        Position at = Here;
        if (depth > 16) throw Error(at, "declaration", "initial values are nested too deeply");
        if (!Accept("{")) return InitialScalar(at);
        List<Initial> elements = [];
        if (!Accept("}"))
        {
            do elements.Add(InitialValue(depth + 1));
            while (Accept(","));
            Expect("}");
        }
        return new(at, default, "", false, [.. elements]);
    }

    /// <summary><c>1</c>, <c>symbol+8</c>, <c>generic(symbol)</c>, <c>0xFF(symbol)</c>.</summary>
    Initial InitialScalar(Position at)
    {
        if (token.Kind != TokenKind.Name || Is("WARP_SZ"))
        {
            Constant value = Expression(0);
            if (!Accept("(")) return new(at, value, "", false, null);
            if (token.Kind != TokenKind.Name) throw Unexpected("a variable");
            Initial whole = InitialScalar(Here);
            Expect(")");
            return new(at, whole.Constant, whole.Symbol, whole.Generic, null, value.Bits);
        }
        string symbol = Take();
        bool generic = symbol == "generic" && Accept("(");
        if (generic)
        {
            symbol = Name("a variable");
            Expect(")");
        }
        Constant offset = Is("+") || Is("-") ? Expression(0) : default;
        return new(at, offset, symbol, generic, null);
    }

    /// <summary><c>(.param .u64 .ptr .global .align 16 a, .param .f32 b)</c>; the opening parenthesis is taken already.</summary>
    Variable[] Parameters(bool named)
    {
        List<Variable> list = [];
        if (Accept(")")) return [];
        do
        {
            Position at = Here;
            Shape shape = ReadShape();
            Pointer();
            string name = !named && Accept("_") ? "_" : Name("the parameter's name");
            list.Add(new(at, name, shape.Space, shape.Type) { Align = shape.Align, Vector = shape.Vector, Sizes = ParameterSize() });
        }
        while (Accept(","));
        Expect(")");
        return [.. list];
    }

    void Pointer()
    {
        if (!Accept(".ptr")) return;
        if (Is(".global") || Is(".shared") || Is(".local") || Is(".const")) Next();
        if (Accept(".align")) Alignment();
    }

    long[] ParameterSize()
    {
        if (!Is("[")) return [];
        long[] sizes = Sizes();
        return sizes.Length == 1 ? sizes : throw Error(Here, "declaration", "a parameter has one dimension");
    }

    Function Function(Position at, Linkage linkage)
    {
        bool entry = Is(".entry");
        Next();
        Variable[] results = [];
        if (!entry)
        {
            if (Accept(".attribute"))
            {
                Expect("(");
                Attribute();
                Expect(")");
            }
            if (Accept("(")) results = Parameters(named: true);
        }
        string name = Name("the function's name");
        bool list = Accept("(");
        Variable[] parameters = list ? Parameters(named: true) : [];
        List<Directive> directives = [];
        while (token.Kind == TokenKind.Modifier) directives.Add(Tuning(entry));
        Statement[]? body = Accept(";") ? null : Body();
        return new(at, name, entry, linkage) { Results = results, Parameters = parameters, HasParameterList = list, Directives = [.. directives], Body = body };
    }

    static readonly Dictionary<string, int> entryDirectives = new(StringComparer.Ordinal)
    {
        [".maxntid"] = 3,
        [".reqntid"] = 3,
        [".minnctapersm"] = 1,
        [".maxnctapersm"] = 1,
        [".maxnreg"] = 1,
        [".maxclusterrank"] = 1,
        [".reqnctapercluster"] = 3,
        [".explicitcluster"] = 0,
        [".blocksareclusters"] = 0,
    };

    static readonly Dictionary<string, int> functionDirectives = new(StringComparer.Ordinal) { [".noreturn"] = 0, [".abi_preserve"] = 1, [".abi_preserve_control"] = 1 };

    Directive Tuning(bool entry)
    {
        Position at = Here;
        if (entry && Is(".pragma"))
        {
            Pragma();
            return new(at, ".pragma", []);
        }
        if (!(entry ? entryDirectives : functionDirectives).TryGetValue(Text.ToString(), out int most)) throw Unexpected("a directive of a function, or its body");
        string name = Take();
        List<long> values = [];
        if (most > 0)
        {
            do values.Add(Integer("a number"));
            while (values.Count < most && Accept(","));
        }
        return new(at, name, [.. values]);
    }
}
