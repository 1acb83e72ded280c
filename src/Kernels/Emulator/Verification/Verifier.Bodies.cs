namespace Tessera.Emulator;

/// <summary>Walks the body of a function: scopes, labels, calls.</summary>
sealed partial class Verifier
{
    const long mostShared = 49152;

    readonly HashSet<Variable> sharedUsed = [];
    Function function = null!;
    Scope scope = null!;

    void CheckBody(Function f, Scope parameters)
    {
        (function, scope) = (f, parameters);
        sharedUsed.Clear();
        Queue<Scope> blocks = new(Blocks(f, parameters));
        foreach (Statement statement in f.Body!)
        {
            switch (statement)
            {
                case Brace { Opens: true }: scope = blocks.Dequeue(); break;
                case Brace: scope = scope.Parent!; break;
                case Variable v: LocalVariable(v); break;
                case Table t: LocalTable(t); break;
                case Pragma p: CheckPragma(p); break;
                case Instruction i: CheckInstruction(i); break;
            }
        }
        long bytes = sharedUsed.Sum(v => Math.Min(v.Bytes, 1L << 40));
        if (f.IsEntry && bytes > mostShared) throw Error(f.Position, "declaration", $"'{f.Name}' uses {bytes} bytes of .shared, {mostShared} are the most");
    }

    /// <summary>The scopes of the inner blocks in the order they open, with their labels: a branch may go forward and outwards, not inwards.</summary>
    List<Scope> Blocks(Function f, Scope outermost)
    {
        List<Scope> blocks = [];
        Scope current = outermost;
        foreach (Statement statement in f.Body!)
        {
            if (statement is Brace { Opens: true }) blocks.Add(current = new Scope(current));
            else if (statement is Brace) current = current.Parent!;
            else if (statement is Label label && !current.AddLabel(label.Name)) throw Error(label.Position, "declaration", $"the label '{label.Name}' is declared twice");
        }
        return blocks;
    }

    void LocalVariable(Variable v)
    {
        if (v.Linkage is not (Linkage.Static or Linkage.Extern)) throw Error(v.Position, "declaration", $"'{v.Name}' inside a function cannot be seen from outside");
        CheckVariable(v);
        if (v.Space == Space.Param && v.Align > 128) throw Error(v.Position, "declaration", $"a parameter is aligned to 128 bytes at most: '{v.Name}' to {v.Align}");
        if (!scope.Add(v.Name, v)) throw Error(v.Position, "declaration", $"'{v.Name}' is declared twice");
        if (scope.HasLabelHere(v.Name)) throw Error(v.Position, "declaration", $"'{v.Name}' is declared twice: a label of the block has the name too");
    }

    void LocalTable(Table t)
    {
        foreach (string name in t.Targets)
        {
            bool known = t.Kind == TableKind.Branches ? scope.HasLabel(name) : global.Find(name) is Function;
            if (!known) throw Error(t.Position, "symbol", $"unknown target '{name}'");
        }
        if (t.Kind == TableKind.Branches) Need(t.Position, From(51, 30), ".branchtargets");
        if (!scope.Add(t.Name, t)) throw Error(t.Position, "declaration", $"'{t.Name}' is declared twice");
    }

    void CheckPragma(Pragma p)
    {
        foreach (string text in p.Texts)
        {
            if (text.StartsWith("frequency", StringComparison.Ordinal)) Need(p.Position, From(90), ".pragma \"frequency\"");
            if (text.StartsWith("used_bytes_mask", StringComparison.Ordinal)) Need(p.Position, From(83, 50), ".pragma \"used_bytes_mask\"");
            if (text.StartsWith("enable_smem_spilling", StringComparison.Ordinal)) Need(p.Position, From(87, 75), ".pragma \"enable_smem_spilling\"");
        }
    }

    /// <summary><c>call (results), function, (arguments);</c> or through a register with a table of targets or a prototype.</summary>
    void CheckCall(Instruction i)
    {
        Operand[] ops = i.Operands;
        int at = 0;
        Operand[] results = ops.Length > 1 && ops[0] is ListOperand first ? first.Elements : [];
        if (ops.Length > 1 && ops[0] is ListOperand) at++;
        if (at >= ops.Length || ops[at] is not NameOperand callee) throw Error(i.Position, "operand", "call: the function is missing");
        Operand[] arguments = at + 1 < ops.Length && ops[at + 1] is ListOperand list ? list.Elements : [];
        int next = at + (at + 1 < ops.Length && ops[at + 1] is ListOperand ? 2 : 1);
        (Variable[] formalResults, Variable[] formals) = Signature(i, callee, next < ops.Length ? ops[next] : null);
        if (next + 1 < ops.Length) throw Error(ops[next + 1].Position, "operand", "call: an operand too many");
        if (results.Length != formalResults.Length || arguments.Length != formals.Length)
            throw Error(i.Position, "operand", $"call: '{callee.Name}' has {formalResults.Length} results and {formals.Length} parameters: got {results.Length} and {arguments.Length}");
        for (int k = 0; k < results.Length; k++) CheckArgument(results[k], formalResults[k], result: true);
        for (int k = 0; k < arguments.Length; k++) CheckArgument(arguments[k], formals[k], result: false);
    }

    (Variable[] Results, Variable[] Parameters) Signature(Instruction i, NameOperand callee, Operand? table)
    {
        object? symbol = scope.Find(callee.Name);
        if (symbol is Function f) return table == null ? (f.Results, f.Parameters) : throw Error(table.Position, "operand", "call: a direct call has no table");
        if (symbol is not Variable { Space: Space.Reg } register || register.Type.Bits() != 64)
            throw Error(callee.Position, "symbol", $"call: '{callee.Name}' is no function and no register of 64 bits");
        Table? targets = table is NameOperand name ? scope.Find(name.Name) as Table : null;
        if (targets == null) throw Error((table ?? i.Operands[0]).Position, "symbol", "call: a call through a register needs a table of targets or a prototype");
        if (targets.Kind == TableKind.Prototype) return (targets.Results, targets.Parameters);
        return targets.Kind == TableKind.Calls && global.Find(targets.Targets[0]) is Function g ? (g.Results, g.Parameters) : throw Error(i.Position, "operand", "call: these are no targets of calls");
    }

    void CheckArgument(Operand operand, Variable formal, bool result)
    {
        bool fits = operand switch
        {
            SinkOperand => result,
            ConstantOperand => !result && formal.Sizes.Length == 0,
            NameOperand name => scope.Find(name.Name) is Variable v && (v.Space is Space.Param or Space.Reg)
                && (v.Space == Space.Reg ? v.Type.Bits() == formal.Type.Bits() && formal.Sizes.Length == 0 : v.Bytes == formal.Bytes || formal.Bytes == 0),
            _ => false,
        };
        if (!fits) throw Error(operand.Position, "type", $"call: this does not fit the parameter '{formal.Name}'");
    }
}
