namespace Tessera.Emulator;

/// <summary>
/// Registers that an instruction reads though nothing can have written them: all that write them stand further down, and no branch leads from there
/// back to it. Copies do not count, since compilers copy what they never use.
/// </summary>
sealed class UnwrittenRegisters
{
    readonly Scope outer = new(null), inner = new(null);
    readonly Dictionary<string, int> first = new(StringComparer.Ordinal);
    readonly Dictionary<string, int> labels = new(StringComparer.Ordinal);
    readonly List<(int From, int To)> loops = [];
    readonly Dictionary<Position, Op> ops;
    readonly Instruction?[] body;

    UnwrittenRegisters(Code code)
    {
        ops = Ops(code).DistinctBy(op => op.Position).ToDictionary(op => op.Position);
        Statement[] statements = code.Function.Body!;
        body = [.. statements.Select(s => s as Instruction)];
        int depth = 0;
        for (int at = 0; at < statements.Length; at++)
        {
            if (statements[at] is Brace brace) depth += brace.Opens ? 1 : -1;
            else if (statements[at] is Variable { Space: Space.Reg } v) (depth == 0 ? outer : inner).Add(v.Name, v);
            // Labels of the same name in several blocks: the first is the one that a branch can come back to from most places.
            else if (statements[at] is Label label) labels.TryAdd(label.Name, at);
        }
        foreach (Variable p in code.Function.Parameters.Concat(code.Function.Results)) first[p.Name] = -1;
    }

    /// <summary>Marks the operations of a function that read such a register.</summary>
    public static void Mark(Code code)
    {
        UnwrittenRegisters all = new(code);
        all.FindWritesAndLoops();
        for (int at = 0; at < all.body.Length; at++)
        {
            if (all.body[at] is not Instruction i || !all.ops.TryGetValue(i.Position, out Op? op) || all.UnwrittenIn(i, op, at) is not string name) continue;
            (op.Unwritten, op.IsObserved) = (name, true);
            foreach (CodeBlock block in code.Blocks) block.IsObserved |= block.Body.Contains(op);
        }
    }

    static IEnumerable<Op> Ops(Code code) => code.Blocks.SelectMany(b => b.End == null ? b.Body : b.Body.Append(b.End));

    void FindWritesAndLoops()
    {
        for (int at = 0; at < body.Length; at++)
        {
            if (body[at] is not Instruction i) continue;
            foreach (string name in Written(i)) first.TryAdd(name, at);
            if (i.Opcode == "brx") loops.Add((at, labels.Values.Min()));
            else if (i.Opcode == "bra" && labels.TryGetValue(((NameOperand)i.Operands[0]).Name, out int to) && to < at) loops.Add((at, to));
        }
    }

    IEnumerable<string> Written(Instruction i)
    {
        if (i.Opcode == "call") return i.Operands[0] is ListOperand results && i.Operands.Length > 1 ? Names(results) : [];
        return ops.TryGetValue(i.Position, out Op? op) ? op.Results.Select(r => r.Name.Split('.')[0]) : Names(i);
    }

    string? UnwrittenIn(Instruction i, Op op, int at)
    {
        if (i.Opcode is "mov" or "selp" or "call" || (i.Opcode is "xor" or "sub" && i.Operands is [_, NameOperand a, NameOperand b] && a.Name == b.Name)) return null;
        List<string> mentioned = [.. i.Operands.SelectMany(Names)];
        foreach (NamedRegister r in op.Results) mentioned.Remove(r.Name.Split('.')[0]);
        if (i.Guard is NameOperand guard) mentioned.Add(guard.Name);
        return mentioned.Find(name => IsUnwritten(name, at));
    }

    bool IsUnwritten(string name, int at)
    {
        if (name.Length == 0 || outer.Find(name) is not Variable || inner.Find(name) != null) return false;
        int write = first.GetValueOrDefault(name, int.MaxValue);
        return write >= at && !loops.Exists(l => l.From >= write && l.To <= at);
    }

    static IEnumerable<string> Names(Instruction i) => i.Operands.SelectMany(Names);

    static IEnumerable<string> Names(Operand operand) => operand switch
    {
        NameOperand name => [name.Name],
        AddressOperand address => [address.Name, .. address.Coordinates == null ? [] : Names(address.Coordinates)],
        NotOperand not => [not.Name.Name],
        PairOperand pair => Names(pair.First).Concat(Names(pair.Second)),
        VectorOperand vector => vector.Elements.SelectMany(Names),
        ListOperand list => list.Elements.SelectMany(Names),
        _ => [],
    };
}
