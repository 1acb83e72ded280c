namespace Tessera.Emulator;

/// <summary>Whether an operand is what its rule asks for.</summary>
sealed partial class Verifier
{
    bool Fits(OperandRule rule, Operand operand, int stage)
    {
        bool fits = rule.Kind switch
        {
            OperandKind.Result or OperandKind.Value => rule.Vector == 0 || (rule.Vector == -1 && vector == 0) ? ScalarFits(rule, operand) : VectorFits(rule, operand),
            OperandKind.Register => operand is NameOperand name && RegisterOf(name) is Variable v && Holds(TypeOf(rule), v.Type),
            OperandKind.Predicate => IsPredicateSource(operand),
            OperandKind.PlainPredicate => operand is NameOperand name && IsPredicate(name),
            OperandKind.PredicateResult => IsPredicateResult(rule, operand),
            OperandKind.Constant => operand is ConstantOperand { Value.IsInteger: true } constant && Allowed(rule, constant.Value.Bits),
            OperandKind.Address => operand is AddressOperand address && AddressFits(address, rule.Space ?? space, stage),
            OperandKind.Symbol => SymbolFits(rule, operand),
            OperandKind.Label => operand is NameOperand { Offset: 0, Component: "" } name && scope.HasLabel(name.Name),
            OperandKind.Table => operand is NameOperand name && scope.Find(name.Name) is Table { Kind: TableKind.Branches },
            OperandKind.Sink => operand is SinkOperand,
            _ => true,
        };
        return fits || Fail(stage, operand.Position, "operand", explaining ? $"this operand does not fit '{string.Join('.', [instruction.Opcode, .. instruction.Modifiers])}': {Wanted(rule)}" : "");
    }

    string Wanted(OperandRule rule) => rule.Kind switch
    {
        OperandKind.Result => $"expected {Vectors(rule)}a register of type .{TypeOf(rule).Name()}",
        OperandKind.Value or OperandKind.Symbol => $"expected {Vectors(rule)}a register or constant of type .{TypeOf(rule).Name()}",
        OperandKind.Register => $"expected a register of type .{TypeOf(rule).Name()}",
        OperandKind.Predicate or OperandKind.PlainPredicate or OperandKind.PredicateResult => "expected a predicate",
        OperandKind.Constant => "expected an integer constant in range",
        OperandKind.Address => "expected an address",
        OperandKind.Label => "expected a label that is in reach",
        OperandKind.Table => "expected a table of .branchtargets declared before",
        _ => "expected _",
    };

    string Vectors(OperandRule rule) => rule.Vector > 0 ? $"{rule.Vector} elements in braces, each " : rule.Vector == -1 && vector > 0 ? $"{vector} elements in braces, each " : "";

    PtxType TypeOf(OperandRule rule) => rule.Type != PtxType.None ? rule.Type : types[rule.TypeSlot];

    static bool Allowed(OperandRule rule, long value) =>
        value % rule.Multiple == 0 && (rule.Values.Length == 0 || Array.IndexOf(rule.Values, value) >= 0) && (rule.Range is not (long low, long high) || (value >= low && value <= high));

    bool ScalarFits(OperandRule rule, Operand operand)
    {
        bool result = rule.Kind == OperandKind.Result;
        if (rule.NeedsSecond && operand is not PairOperand) return false;
        switch (operand)
        {
            case SinkOperand: return result && rule.MaySink;
            case PairOperand pair:
                return result && rule.SecondResult && ScalarFits(rule with { NeedsSecond = false }, pair.First)
                    && (pair.Second is SinkOperand || (pair.Second is NameOperand p && IsPredicate(p)));
            case VectorOperand { Elements: [NameOperand only] } when instruction.Opcode is "ld" or "st" or "suld" or "sust": return ScalarFits(rule, only);
            case ConstantOperand constant: return !result && Holds(TypeOf(rule), constant.Value) && (!constant.Value.IsInteger || Allowed(rule, constant.Value.Bits));
            case NameOperand name when RegisterOf(name) is Variable v:
                return (v.Vector == 1 || name.Component.Length > 0) && (!name.Selects || instruction.Opcode[0] == 'v') ? Holds(TypeOf(rule), v.Type, rule.Wider) : false;
            case NameOperand name:
                return !result && instruction.Opcode == "cvt" && SpecialOf(name) is SpecialRegister s && types[0].IsInteger()
                    && TypeOf(rule).IsInteger() && s.Bits >= TypeOf(rule).Bits() && Admits(s.Gate);
            default: return false;
        }
    }

    bool VectorFits(OperandRule rule, Operand operand)
    {
        int count = rule.Vector switch { -1 => vector, -3 => number / 2, -4 => number / 4, _ => rule.Vector };
        if (operand is NameOperand whole) return count > 1 && WholeVector(rule, whole, count);
        if (operand is not VectorOperand list || list.Elements.Length == 0) return false;
        Operand[] elements = list.Elements;
        bool packs = count == -2 && rule.Type == PtxType.None;
        if (count > 0 && elements.Length != count) return false;
        if (packs && elements.Length is not (2 or 4)) return false;
        int bits = 0;
        bool any = false;
        foreach (Operand element in elements)
        {
            bool fits = element switch
            {
                SinkOperand => rule.Kind == OperandKind.Result,
                ConstantOperand constant => rule.Kind == OperandKind.Value && (packs ? constant.Value.IsInteger : constant.Value.Kind != ConstantKind.Decimal && Holds(TypeOf(rule), constant.Value)),
                NameOperand name when RegisterOf(name) is Variable v => packs
                    ? v.Type != PtxType.Pred && v.Type.Bits() * elements.Length == TypeOf(rule).Bits()
                    : Holds(TypeOf(rule), v.Type, rule.Wider),
                _ => false,
            };
            if (!fits) return false;
            any |= element is not SinkOperand;
            if (element is NameOperand n)
            {
                int width = RegisterOf(n)!.Type.Bits();
                if (bits != 0 && width != bits) return false;
                bits = width;
            }
        }
        return any;
    }

    /// <summary>A register declared as a vector, or <c>%tid</c> as a whole.</summary>
    bool WholeVector(OperandRule rule, NameOperand name, int count)
    {
        if (RegisterOf(name) is Variable v) return name.Component.Length == 0 && v.Vector == count && Holds(TypeOf(rule), v.Type, rule.Wider);
        return rule.Kind == OperandKind.Value && instruction.Opcode == "mov" && count == 4 && name.Component.Length == 0
            && scope.Find(name.Name) == null && SpecialRegister.TryGet(name.Name, out SpecialRegister s) && s.IsVector && s.ReadsAs(TypeOf(rule)) && Admits(s.Gate);
    }

    /// <summary>The declared register a name stands for; null for anything else.</summary>
    Variable? RegisterOf(NameOperand name) =>
        name.Offset == 0 && scope.Find(name.Name) is Variable { Space: Space.Reg } v && (name.Component.Length == 0 || v.Vector > 1 || name.Selects) ? v : null;

    /// <summary>One component of a special register, where no declaration hides it.</summary>
    SpecialRegister? SpecialOf(NameOperand name) =>
        name.Offset == 0 && scope.Find(name.Name) == null && SpecialRegister.TryGet(name.Name, out SpecialRegister s) && s.IsVector == name.Component.Length > 0 ? s : null;

    bool IsPredicate(NameOperand name) => RegisterOf(name) is { Type: PtxType.Pred };

    // ptxas takes a register of .f16x2 where an instruction of type .pred wants a predicate.
    bool IsLoosePredicate(NameOperand name) => IsPredicate(name) || (types[0] == PtxType.Pred && instruction.Has("pred") && RegisterOf(name) is { Type: PtxType.F16x2 });

    bool IsPredicateSource(Operand operand) => operand switch
    {
        NotOperand not => IsPredicate(not.Name),
        NameOperand name => IsLoosePredicate(name) || (instruction.Opcode == "mov" && SpecialOf(name) is SpecialRegister { Type: PtxType.Pred } s && Admits(s.Gate)),
        ConstantOperand constant => constant.Value.IsInteger,
        _ => false,
    };

    bool IsPredicateResult(OperandRule rule, Operand operand) => operand switch
    {
        SinkOperand => rule.MaySink,
        PairOperand pair => rule.SecondResult && IsPredicateResult(rule with { SecondResult = false, MaySink = true }, pair.First)
            && (pair.Second is SinkOperand || (pair.Second is NameOperand p && IsPredicate(p))),
        NameOperand name => IsLoosePredicate(name),
        _ => false,
    };

    /// <summary>A register, constant, special register, or the address of a variable or function.</summary>
    bool SymbolFits(OperandRule rule, Operand operand)
    {
        PtxType type = TypeOf(rule);
        if (operand is not NameOperand name) return operand is ConstantOperand constant && Holds(type, constant.Value);
        if (RegisterOf(name) is Variable register) return (register.Vector == 1 || name.Component.Length > 0) && Holds(type, register.Type);
        if (SpecialOf(name) is SpecialRegister special) return instruction.Opcode == "mov" && special.ReadsAs(type) && Admits(special.Gate);
        bool wide = type.Bits() == 64;
        if (name.Component.Length > 0 || !(type.IsInteger() || type.Kind() == TypeKind.Bits)) return false;
        switch (scope.Find(name.Name))
        {
            case Variable v when v.Space != Space.Reg:
                Use(v);
                if (instruction.Opcode is not "mov" && (space == Space.Generic ? v.Space != Space.Shared : v.Space != space)) return Fail(8, name.Position,
                    "space", explaining ? $"'{v.Name}' is in .{v.Space.ToString().ToLowerInvariant()}" : "");
                return type.Bits() != 32 || v.Space is Space.Shared or Space.Local or Space.Param;
            case Function f when instruction.Opcode == "mov": return wide && (!f.IsEntry || Admits(From(31, 35)));
            default: return false;
        }
    }

    void Use(Variable v)
    {
        if (v.Space == Space.Shared && v.Linkage != Linkage.Extern) sharedUsed.Add(v);
        if (v is { Linkage: Linkage.Extern, Space: not Space.Shared, Sizes: [-1, ..] }) throw Error(instruction.Position, "symbol", $"the .extern variable '{v.Name}' has no definition");
    }

    bool AddressFits(AddressOperand address, Space wanted, int stage)
    {
        if (address.Coordinates is VectorOperand coordinates && !(instruction.Opcode is not ("ld" or "st" or "atom" or "red") && CoordinatesFit(coordinates))) return false;
        if (address.Sampler is NameOperand sampler && !(instruction.Opcode is "tex" or "tld4" && IsSampler(sampler))) return false;
        if (address.Name.Length == 0) return wanted == Space.Local || Fail(stage + 1, address.Position, "space", Say("an absolute address is only allowed in .local"));
        object? symbol = scope.Find(address.Name);
        if (symbol is Variable { Space: Space.Reg } register)
        {
            bool number = register.Type.IsInteger() || register.Type.Kind() == TypeKind.Bits;
            if (!number || register.Type == PtxType.B128 || register.Vector > 1) return Fail(stage + 1, address.Position, "type",
                explaining ? $"'{address.Name}' of type .{register.Type.Name()} is no address" : "");
            return !address.Indexed && (register.Type.Bits() != 32 || wanted is not (Space.Generic or Space.Global) || instruction.Opcode == "cp"
                || Fail(stage + 1, address.Position, "type", Say("an address of 32 bits in memory of 64")));
        }
        if (symbol is not Variable v) return Fail(stage + 1, address.Position, "symbol", explaining ? $"'{address.Name}' is no register and no variable" : "");
        Use(v);
        if (address.Indexed && v.Sizes.Length == 0) return false;
        if (v.Space != wanted && !(wanted == Space.Generic && v.Space is Space.Global or Space.Shared or Space.Local)) return Fail(stage + 1, address.Position,
            "space", explaining ? $"'{v.Name}' is in .{v.Space.ToString().ToLowerInvariant()}" : "");
        return v.Space != Space.Param || ParameterAccess(v, address);
    }

    /// <summary>A function may not read its results nor write its parameters; a kernel may not write its parameters.</summary>
    bool ParameterAccess(Variable v, AddressOperand address)
    {
        bool writes = instruction.Opcode == "st";
        if (writes && Array.IndexOf(function.Parameters, v) >= 0) return Fail(20, address.Position, "space", explaining ? $"the parameter '{v.Name}' cannot be written" : "");
        if (!writes && Array.IndexOf(function.Results, v) >= 0) return Fail(20, address.Position, "space", explaining ? $"the result '{v.Name}' cannot be read" : "");
        return true;
    }

    bool IsSampler(NameOperand name) => RegisterOf(name) is Variable register ? Holds(PtxType.U64, register.Type) : scope.Find(name.Name) is Variable { Type: PtxType.Samplerref };

    bool CoordinatesFit(VectorOperand coordinates)
    {
        foreach (Operand element in coordinates.Elements)
            if (!(element is ConstantOperand { Value.IsInteger: true } || (element is NameOperand name && RegisterOf(name) is Variable v && Holds(PtxType.B32, v.Type)))) return false;
        return coordinates.Elements.Length is >= 1 and <= 5;
    }

    /// <summary>A register may stand where an instruction names a type.</summary>
    static bool Holds(PtxType type, PtxType register, bool wider = false)
    {
        if (register == PtxType.Pred || type == PtxType.Pred) return register == type;
        int want = type.Bits(), have = register.Bits();
        if (wider ? have < want : have != want) return false;
        if (type == register) return true;
        TypeKind kind = register.Kind();
        return type.Kind() switch
        {
            TypeKind.Bits => true,
            TypeKind.Signed or TypeKind.Unsigned => kind is TypeKind.Bits or TypeKind.Signed or TypeKind.Unsigned || register == PtxType.F16x2,
            _ => kind == TypeKind.Bits,
        };
    }

    /// <summary>A constant may stand where an instruction names a type: floats for floats, integers for the rest.</summary>
    static bool Holds(PtxType type, Constant value) => type.Kind() switch
    {
        TypeKind.Signed or TypeKind.Unsigned or TypeKind.Predicate => value.IsInteger,
        TypeKind.Float => type != PtxType.F16 && !value.IsInteger,
        TypeKind.Bits => value.IsInteger || (type, value.Kind) is (PtxType.B32, ConstantKind.HexSingle) or (PtxType.B64, ConstantKind.HexDouble or ConstantKind.Decimal),
        _ => false,
    };
}
