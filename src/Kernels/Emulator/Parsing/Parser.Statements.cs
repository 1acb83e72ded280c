namespace Tessera.Emulator;

/// <summary>Bodies and instructions.</summary>
sealed partial class Parser
{
    readonly HashSet<(long, long, long)> locations = [];

    /// <summary>A body as a flat list; braces inside stay as statements.</summary>
    Statement[] Body()
    {
        Expect("{");
        List<Statement> body = [];
        for (int depth = 1; ;)
        {
            Position at = Here;
            if (Accept("{")) { body.Add(new Brace(at, opens: true)); depth++; }
            else if (Accept("}"))
            {
                if (--depth == 0) return [.. body];
                body.Add(new Brace(at, opens: false));
            }
            else if (token.Kind == TokenKind.End) throw Unexpected("'}'");
            else Statement(body);
        }
    }

    void Statement(List<Statement> body)
    {
        Position at = Here;
        if (token.Kind == TokenKind.Modifier) { Directive(body, at); return; }
        if (token.Kind == TokenKind.Name && !Is("_"))
        {
            string name = Take();
            if (!Accept(":")) { body.Add(Instruction(at, null, false, name)); return; }
            if (Is(".branchtargets") || Is(".calltargets") || Is(".callprototype")) body.Add(Table(at, name));
            else body.Add(new Label(at, name));
            return;
        }
        if (!Accept("@")) throw Unexpected("an instruction");
        bool negated = Accept("!");
        Position guardAt = Here;
        NameOperand guard = new(guardAt, Name("a predicate"), Component(), 0);
        body.Add(Instruction(at, guard, negated, Name("an instruction")));
    }

    void Directive(List<Statement> body, Position at)
    {
        if (Is(".loc")) body.Add(SourceLine(at));
        else if (Is(".pragma")) body.Add(Pragma());
        else body.AddRange(Variables(at, ReadLinkage()));
    }

    Pragma Pragma()
    {
        Position at = Here;
        Next();
        List<string> texts = [];
        do texts.Add(Quoted());
        while (Accept(","));
        Expect(";");
        return new(at, [.. texts]);
    }

    Location SourceLine(Position at)
    {
        Next();
        long number = Integer("a file number"), line = Integer("a line"), column = Integer("a column");
        if (Accept(","))
        {
            if (!Accept("function_name")) throw Unexpected("function_name");
            Name("a label");
            if (Accept("+")) Integer("an offset");
            Expect(",");
            if (!Accept("inlined_at")) throw Unexpected("inlined_at");
            var caller = (Integer("a file number"), Integer("a line"), Integer("a column"));
            if (!locations.Contains(caller)) throw Error(at, "declaration", $"the place {caller} of inlined_at is in no .loc before it");
        }
        locations.Add((number, line, column));
        return new(at, (int)number, (int)line, (int)column);
    }

    Table Table(Position at, string name)
    {
        TableKind kind = Is(".branchtargets") ? TableKind.Branches : Is(".calltargets") ? TableKind.Calls : TableKind.Prototype;
        Next();
        List<string> targets = [];
        Variable[] results = [], parameters = [];
        if (kind == TableKind.Prototype)
        {
            if (Accept("(")) results = Parameters(named: false);
            if (!Accept("_")) throw Unexpected("'_'");
            if (Accept("(")) parameters = Parameters(named: false);
            while (token.Kind == TokenKind.Modifier) Tuning(entry: false);
        }
        else
        {
            do targets.Add(Name("a target"));
            while (Accept(","));
        }
        Expect(";");
        return new(at, name, kind, [.. targets], results, parameters);
    }

    Instruction Instruction(Position at, NameOperand? guard, bool negated, string opcode)
    {
        List<string> modifiers = [];
        while (token.Kind == TokenKind.Modifier)
        {
            token = token with { Start = token.Start + 1, Length = token.Length - 1 };
            modifiers.Add(Take());
        }
        List<Operand> operands = [];
        if (!Accept(";"))
        {
            do operands.Add(Operand(call: opcode == "call"));
            while (Accept(","));
            Expect(";");
        }
        return new(at, guard, negated, opcode, [.. modifiers], [.. operands]);
    }

    Operand Operand(bool call = false)
    {
        Position at = Here;
        if (Accept("[")) return Address(at);
        if (Accept("{")) return Vector(at);
        if (call && Accept("(")) return Arguments(at);
        if (Is("_")) return Pair(at, Sink());
        if (Is("!"))
        {
            Token before = token;
            Lexer saved = lexer;
            Next();
            if (token.Kind == TokenKind.Name) return new NotOperand(at, NameOrSymbol(Here) as NameOperand ?? throw Unexpected("a predicate"));
            (token, lexer) = (before, saved);
        }
        if (token.Kind == TokenKind.Name && !Is("WARP_SZ")) return Pair(at, NameOrSymbol(at));
        return new ConstantOperand(at, Expression(0));
    }

    SinkOperand Sink()
    {
        SinkOperand sink = new(Here);
        Next();
        return sink;
    }

    Operand Pair(Position at, Operand first)
    {
        if (!Accept("|")) return first;
        Operand second = Is("_") ? Sink() : new NameOperand(Here, Name("the second result"), Component(), 0);
        return new PairOperand(at, first, second);
    }

    /// <summary><c>%r1</c>, <c>%tid.x</c>, <c>buf+8</c> or <c>buf[4]</c>.</summary>
    Operand NameOrSymbol(Position at)
    {
        string name = Name("a name"), component = Component();
        if (Accept("["))
        {
            long index = Integer("an index");
            Expect("]");
            return new AddressOperand(at, name, index, true, null);
        }
        return new NameOperand(at, name, component, Accept("+") ? Whole(Here) : 0);
    }

    string Component()
    {
        ReadOnlySpan<char> name = token.Kind == TokenKind.Modifier ? Text[1..] : "";
        bool whole = name.Length == 1 && name[0] is 'x' or 'y' or 'z' or 'w' or 'r' or 'g' or 'b' or 'a';
        bool part = name.Length is >= 2 and <= 5 && name[0] is 'b' or 'h' && !name[1..].ContainsAnyExceptInRange('0', '7');
        if (!whole && !part) return "";
        string component = name.ToString();
        Next();
        return component;
    }

    AddressOperand Address(Position at)
    {
        string name = "";
        long offset = 0;
        if (token.Kind == TokenKind.Name && !Is("WARP_SZ"))
        {
            name = Name("a register or variable");
            if (Accept("+")) offset = Whole(Here);
        }
        else offset = Whole(Here);
        VectorOperand? coordinates = null;
        NameOperand? sampler = null;
        if (Accept(","))
        {
            if (token.Kind == TokenKind.Name)
            {
                sampler = new(Here, Name("a sampler"), "", 0);
                Expect(",");
            }
            Position vector = Here;
            Expect("{");
            coordinates = Vector(vector);
        }
        Expect("]");
        return new(at, name, offset, false, coordinates, sampler);
    }

    VectorOperand Vector(Position at)
    {
        List<Operand> elements = [];
        do
        {
            if (Is("{") || Is("[")) throw Unexpected("an element");
            elements.Add(Operand());
        }
        while (Accept(","));
        Expect("}");
        return new(at, [.. elements]);
    }

    ListOperand Arguments(Position at)
    {
        List<Operand> elements = [];
        if (Accept(")")) return new(at, []);
        do elements.Add(Operand());
        while (Accept(","));
        Expect(")");
        return new(at, [.. elements]);
    }
}
