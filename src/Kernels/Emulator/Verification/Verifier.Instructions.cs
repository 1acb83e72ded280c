namespace Tessera.Emulator;

/// <summary>Finds the form of the table that an instruction has.</summary>
sealed partial class Verifier
{
    static readonly Dictionary<string, Space> spaces = new(StringComparer.Ordinal)
    {
        ["global"] = Space.Global,
        ["shared"] = Space.Shared,
        ["shared::cta"] = Space.Shared,
        ["shared::cluster"] = Space.Shared,
        ["local"] = Space.Local,
        ["const"] = Space.Const,
        ["param"] = Space.Param,
        ["param::entry"] = Space.Param,
        ["param::func"] = Space.Param,
    };

    readonly PtxType[] types = new PtxType[8];
    Instruction instruction = null!;
    Space space;
    int vector, number;

    // Of all forms tried, the one that got furthest explains the failure. Messages are only made on the second try.
    bool explaining;
    (int Stage, Position At, string Rule, string Message) complaint;

    void CheckInstruction(Instruction i)
    {
        if (i.Guard is NameOperand guard && !IsPredicate(guard)) throw Error(guard.Position, "operand", $"'{guard.Name}' is no predicate");
        if (FormTable.Of(i.Opcode) is not Form[] forms) throw Error(i.Position, "instruction", $"there is no instruction '{i.Opcode}'");
        instruction = i;
        foreach (Form form in forms) if (Matches(form)) { Found(i); return; }
        (explaining, complaint) = (true, (-1, i.Position, "modifier", $"'{i.Opcode}' does not exist in this form"));
        foreach (Form form in forms) Matches(form);
        explaining = false;
        throw Error(complaint.At, complaint.Rule, complaint.Message);
    }

    void Found(Instruction i)
    {
        if (i.Opcode == "call") CheckCall(i);
    }

    bool Fail(int stage, Position at, string rule, string message)
    {
        if (explaining && stage > complaint.Stage) complaint = (stage, at, rule, message);
        return false;
    }

    string Say(string message) => explaining ? message : "";

    bool Matches(Form form)
    {
        string[] modifiers = instruction.Modifiers;
        if (modifiers.Length < form.Prefix.Length) return false;
        for (int i = 0; i < form.Prefix.Length; i++) if (modifiers[i] != form.Prefix[i]) return false;
        Span<int> chosen = stackalloc int[form.Slots.Length];
        chosen.Fill(-1);
        (space, vector) = (Space.Generic, 0);
        for (int i = form.Prefix.Length; i < modifiers.Length; i++) if (!Choose(form, modifiers[i], chosen)) return false;
        int type = 0;
        for (int s = 0; s < form.Slots.Length; s++)
        {
            if (form.Slots[s].Required && chosen[s] < 0) return Fail(form.Slots[s].IsType ? 2 : 1, instruction.Position,
                form.Slots[s].IsType ? "type" : "modifier", explaining ? $"'{form.Name}' needs {form.Slots[s]}" : "");
            if (form.Slots[s].IsType) types[type++] = PtxTypes.Parse(form.Slots[s].Choices[chosen[s]].Name);
        }
        return VectorFits() && OperandsFit(form, 0, 0) && Admitted(form, chosen);
    }

    /// <summary>Gives a modifier its slot: a type the next type slot, another one the first free slot that takes it.</summary>
    bool Choose(Form form, string modifier, Span<int> chosen)
    {
        bool type = false, layout = false;
        for (int s = 0; s < form.Slots.Length; s++)
        {
            if (chosen[s] >= 0) continue;
            Slot slot = form.Slots[s];
            if ((slot.IsType && type) || (slot.IsLayout && layout)) continue;
            type |= slot.IsType;
            layout |= slot.IsLayout;
            int choice = slot.Find(modifier);
            if (choice < 0) continue;
            chosen[s] = choice;
            if (slot.Choices[choice].Wild) number = slot.WildNumber(choice, modifier);
            if (spaces.TryGetValue(modifier, out Space named)) space = named;
            if (modifier is "v2" or "v4" or "v8") vector = modifier[1] - '0';
            return true;
        }
        return PtxTypes.Parse(modifier) != PtxType.None
            ? Fail(1, instruction.Position, "type", explaining ? $"'{form.Name}' does not take .{modifier} here" : "")
            : Fail(0, instruction.Position, "modifier", explaining ? $"'{form.Name}' does not take .{modifier} here" : "");
    }

    bool Admitted(Form form, ReadOnlySpan<int> chosen)
    {
        if (!Admits(form.Gate) || !Admits(form.NameGate)) return false;
        for (int s = 0; s < chosen.Length; s++)
            if (chosen[s] >= 0 && !Admits(form.Slots[s].Choices[chosen[s]].Gate)) return false;
        return true;
    }

    bool Admits(Gate gate) => gate.Admits(version, target) || Fail(9, instruction.Position, "target", explaining ? $"this form of '{instruction.Opcode}' {gate.Describe(version, target)}" : "");

    /// <summary>A vector access moves 128 bits at most, or 256 from global memory on newer GPUs.</summary>
    bool VectorFits()
    {
        if (vector == 0 || instruction.Opcode is not ("ld" or "st")) return true;
        int bits = vector * types[0].Bits();
        if (bits <= 128) return true;
        bool wide = bits == 256 && types[0].Bits() >= 32 && space is Space.Global or Space.Generic;
        return wide ? Admits(From(88, 100)) : Fail(3, instruction.Position, "type", Say("a vector access moves 128 bits at most"));
    }

    bool OperandsFit(Form form, int rule, int operand)
    {
        Operand[] operands = instruction.Operands;
        if (rule == form.Operands.Length)
            return operand == operands.Length || Fail(4, operands[operand].Position, "operand", explaining ? $"'{form.Name}' has an operand too many" : "");
        OperandRule r = form.Operands[rule];
        if (r.Kind == OperandKind.Any) return true;
        if (operand < operands.Length && Fits(r, operands[operand], 3 + operand) && OperandsFit(form, rule + 1, operand + 1)) return true;
        if (r.Optional) return OperandsFit(form, rule + 1, operand);
        return operand < operands.Length ? false : Fail(3, instruction.Position, "operand", explaining ? $"'{form.Name}' lacks an operand" : "");
    }
}
