namespace Tessera.Emulator;

/// <summary>Where a branch goes: the block is known once the whole function is decoded.</summary>
sealed class Target
{
    public int Block = -1;
}

/// <summary>Turns the statements of a verified function into blocks of operations.</summary>
sealed partial class Decoder
{
    /// <summary>Bytes of local memory that a thread can have.</summary>
    const int mostLocal = 512 << 10;

    const int mostRegisters = 256 << 20;

    readonly Image image;
    readonly Function function;
    readonly SharedLayout shared;
    readonly Numerics numerics;
    readonly Code code;
    readonly List<CodeBlock> blocks = [];
    readonly List<Op> body = [];
    readonly Dictionary<(Variable, string), Slot64> registers = [];
    readonly Dictionary<(ulong, int), Slot64> constants = [];
    readonly Dictionary<Variable, int> locals = [];
    readonly List<NamedRegister> results = [];
    readonly Dictionary<Scope, Dictionary<string, Target>> labels = [];
    Scope scope;
    Instruction instruction = null!;
    int frameBytes, localBytes, carry = -1;

    public Decoder(Image image, Function function, SharedLayout shared, Numerics numerics)
    {
        (this.image, this.function, this.shared, this.numerics) = (image, function, shared, numerics);
        code = new(image, function);
        scope = new(image.Global);
    }

    public Code Decode()
    {
        Parameters();
        Queue<Scope> inner = new(Scopes());
        blocks.Add(new(0));
        foreach (Statement statement in function.Body!)
        {
            switch (statement)
            {
                case Brace { Opens: true }: scope = inner.Dequeue(); break;
                case Brace: scope = scope.Parent!; break;
                case Label label: labels[scope][label.Name].Block = Label(); break;
                case Variable v: Declare(v); break;
                case Table t: scope.Add(t.Name, t); break;
                case Instruction i: Decode(i); break;
            }
        }
        Close(null);
        blocks.RemoveAt(blocks.Count - 1);
        code.Blocks = [.. blocks];
        // A call takes stack for its registers and for the lanes that stand before its blocks, so that recursion without an end comes to its own.
        code.FrameBytes = frameBytes + (blocks.Count * sizeof(uint)) + 63 & ~63;
        code.LocalBytes = localBytes;
        code.Locals = [.. locals.Where(l => l.Key.Space == Space.Local).Select(l => (l.Value, (int)l.Key.Bytes, l.Key.Name))];
        code.Constants = [.. constants.Select(c => (c.Value.Offset, c.Value.Bytes, (UInt128)c.Key.Item1))];
        return code;
    }

    void Parameters()
    {
        int at = 0;
        foreach (Variable p in function.Results.Concat(function.Parameters))
        {
            scope.Add(p.Name, p);
            if (p.Space == Space.Reg)
            {
                // Callers find it at the same place: the first registers of the frame.
                Register(new(p.Position, p.Name, "", 0));
                continue;
            }
            if (!function.IsEntry) { Declare(p, known: true); continue; }
            at = at + p.Alignment - 1 & -p.Alignment;
            code.ParameterOffsets[p] = at;
            at += (int)p.Bytes;
        }
    }

    List<Scope> Scopes()
    {
        List<Scope> all = [];
        Scope current = scope;
        labels[current] = new(StringComparer.Ordinal);
        foreach (Statement statement in function.Body!)
        {
            if (statement is Brace { Opens: true })
            {
                all.Add(current = new Scope(current));
                labels[current] = new(StringComparer.Ordinal);
            }
            else if (statement is Brace) current = current.Parent!;
            else if (statement is Label label) labels[current][label.Name] = new();
        }
        return all;
    }

    void Declare(Variable v, bool known = false)
    {
        if (!known) scope.Add(v.Name, v);
        if (v.Space is not (Space.Local or Space.Param)) return;
        localBytes = localBytes + v.Alignment - 1 & -v.Alignment;
        locals[v] = localBytes;
        if (localBytes + v.Bytes > mostLocal) throw new PtxException(image.File, v.Position.Line, v.Position.Column, "local",
            $"'{function.Name}' needs {localBytes + v.Bytes} bytes of local memory: {mostLocal} are the most");
        localBytes += (int)v.Bytes;
    }

    /// <summary>A label starts a block, unless the current one is still empty.</summary>
    int Label()
    {
        if (body.Count > 0) Close(null);
        return blocks[^1].Index;
    }

    void Close(Op? end)
    {
        blocks[^1].Body = [.. body];
        blocks[^1].End = end;
        (blocks[^1].IsGuarded, blocks[^1].IsObserved) = (body.Exists(op => op.Guard >= 0), body.Exists(op => op.IsObserved));
        body.Clear();
        products.Clear();
        blocks.Add(new(blocks.Count));
    }

    int NextBlock => blocks.Count;

    void Decode(Instruction i)
    {
        instruction = i;
        results.Clear();
        (Op op, bool ends) = numerics.Contraction == PtxContraction.Fused && Contracted(i) is Op fused ? (fused, false) : Make(i);
        Forget();
        op.Position = i.Position;
        op.Results = [.. results];
        (op.Site, op.Work) = (image.Add(op), Work.Of(i));
        if (MembersOf(i) is Operand members) op.Members = Source(members, PtxType.B32);
        op.IsObserved = op is MemoryOp || op.Members != null;
        if (op is MemoryOp memory) (memory.Order, memory.Writes) = (Ordering.Of(i), FormTable.Is(i.Opcode, "write"));
        if (i.Guard is NameOperand guard) (op.Guard, op.Negated) = (Register(guard).Offset, i.Negated);
        blocks[^1].TakesWarp |= FormTable.Is(i.Opcode, "warp");
        if (ends) Close(op);
        else body.Add(op);
    }

    static Operand? MembersOf(Instruction i) => i.Opcode switch
    {
        "vote" or "match" or "redux" when i.Has("sync") => i.Operands[2],
        "shfl" when i.Has("sync") => i.Operands[4],
        "bar" or "barrier" when i.Has("warp") => i.Operands[0],
        "elect" => i.Operands[1],
        _ => null,
    };

    Target TargetOf(string label)
    {
        for (Scope? s = scope; s != null; s = s.Parent)
            if (labels.TryGetValue(s, out var here) && here.TryGetValue(label, out Target? target)) return target;
        throw Unsupported($"the label '{label}'");
    }

    PtxException Unsupported(string what) => new(image.File, instruction.Position.Line, instruction.Position.Column, "unsupported", $"the emulator does not run {what} yet");

    // --- operands

    static int LaneBytes(PtxType type) => type.Bits() <= 32 ? 4 : type.Bits() / 8;

    Slot64 Register(NameOperand name)
    {
        if (scope.Find(name.Name) is not Variable { Space: Space.Reg } v) throw Unsupported($"'{name.Name}' as an operand here");
        if (registers.TryGetValue((v, name.Name + name.Component), out Slot64 slot)) return slot;
        slot = v.Type == PtxType.Pred ? new(Take(4, 4), 4) : new(Take(LaneBytes(v.Type) * 32, 64), LaneBytes(v.Type));
        return registers[(v, name.Name + name.Component)] = slot;
    }

    int Take(int bytes, int align)
    {
        frameBytes = frameBytes + align - 1 & -align;
        if (frameBytes + bytes > mostRegisters) throw new PtxException(image.File, function.Position.Line, function.Position.Column, "registers",
            $"'{function.Name}' needs more than {mostRegisters} bytes of registers and constants for a warp");
        frameBytes += bytes;
        return frameBytes - bytes;
    }

    Slot64 Constant(ulong bits, int laneBytes)
    {
        if (constants.TryGetValue((bits, laneBytes), out Slot64 slot)) return slot;
        return constants[(bits, laneBytes)] = new(Take(laneBytes * 32, 64), laneBytes);
    }

    /// <summary>A register, or a constant put into one.</summary>
    Slot64 Source(Operand operand, PtxType type) => operand switch
    {
        ConstantOperand c => Constant(Constants.Bits(type, c.Value), LaneBytes(type)),
        NameOperand name => Register(name),
        _ => throw Unsupported("this operand"),
    };

    /// <summary>A result; a sink has no bytes.</summary>
    Slot64 Result(Operand operand) => operand switch
    {
        NameOperand name => Written(name),
        PairOperand pair => Result(pair.First),
        SinkOperand => new(Take(512, 64), 4),
        VectorOperand { Elements: [NameOperand only] } => Written(only),
        _ => throw Unsupported("this result"),
    };

    int SecondPredicate(Operand operand) => operand is PairOperand { Second: NameOperand p } ? Written(p).Offset : -1;

    /// <summary>A register that the instruction writes. What a <c>.b32</c> register holds, the instruction's type says.</summary>
    Slot64 Written(NameOperand name)
    {
        Slot64 slot = Register(name);
        PtxType type = ((Variable)scope.Find(name.Name)!).Type;
        if (type.Kind() == TypeKind.Bits) type = TypesOf(instruction).FirstOrDefault(t => t.IsDeclarable() && t.Bits() == type.Bits(), type);
        results.Add(new(name.Component.Length > 0 ? $"{name.Name}.{name.Component}" : name.Name, type, slot));
        return slot;
    }

    Slot64[] Vector(Operand operand, PtxType type, bool result) => operand switch
    {
        VectorOperand list => [.. list.Elements.Select(e => e is SinkOperand ? new Slot64(0, 0) : result ? Result(e) : Source(e, type))],
        NameOperand name when scope.Find(name.Name) is Variable { Vector: > 1 } v
            => [.. Enumerable.Range(0, v.Vector).Select(k => new NameOperand(name.Position, name.Name, "xyzw"[k].ToString(), 0))
            .Select(e => result ? Written(e) : Register(e))],
        _ => [result ? Result(operand) : Source(operand, type)],
    };

    (int Offset, bool Negated) Predicate(Operand operand) => operand switch
    {
        NotOperand not => (Register(not.Name).Offset, true),
        NameOperand name => (Register(name).Offset, false),
        ConstantOperand c => (Constant(Constants.Bits(PtxType.Pred, c.Value), 4).Offset, false),
        _ => throw Unsupported("this predicate"),
    };

    /// <summary>The value of a variable's address in its own space.</summary>
    (ulong Value, bool FrameLocal) AddressOf(Variable v) => v.Space switch
    {
        Space.Shared => ((ulong)shared.OffsetOf(v), false),
        Space.Local => ((ulong)locals[v], true),
        Space.Param when !function.IsEntry || locals.ContainsKey(v) => ((ulong)locals[v], true),
        _ when v.Linkage == Linkage.Extern => throw Unsupported($"'{v.Name}', which another module must define,"),
        _ => (image.AddressOf(v), false),
    };

    Address Address(Operand operand, Space space)
    {
        AddressOperand a = (AddressOperand)operand;
        if (a.Name.Length == 0) return new(space, null, a.Offset, false);
        Variable v = (Variable)scope.Find(a.Name)!;
        if (v.Space == Space.Reg)
        {
            Slot64 register = Register(new(a.Position, a.Name, "", 0));
            // A parameter's address in a register: an entry's parameters lie in global memory, a function's in local memory.
            return new(space == Space.Param ? function.IsEntry ? Space.Global : Space.Local : space, register, a.Offset, false);
        }
        long offset = a.Indexed ? a.Offset * Math.Max(1, v.Type.Bits() / 8) : a.Offset;
        if (v.Space == Space.Param && function.IsEntry && code.ParameterOffsets.TryGetValue(v, out int at)) return new(Space.Param, null, at + offset, false);
        (ulong value, bool frame) = AddressOf(v);
        Space real = v.Space switch { Space.Param => Space.Local, Space.Const => Space.Global, Space s => s };
        return new(real, null, unchecked((long)value + offset), frame);
    }

    static Space SpaceOf(Instruction i)
    {
        foreach (string m in i.Modifiers)
        {
            switch (m)
            {
                case "global" or "const": return Space.Global;
                case "shared" or "shared::cta": return Space.Shared;
                case "shared::cluster": return Space.Cluster;
                case "local": return Space.Local;
                case "param" or "param::entry" or "param::func": return Space.Param;
            }
        }
        return Space.Generic;
    }

    static PtxType[] TypesOf(Instruction i) => [.. i.Modifiers.Select(PtxTypes.Parse).Where(t => t != PtxType.None)];
}
