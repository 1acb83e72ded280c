namespace Tessera.Emulator;

/// <summary>Rules of variables, parameters and functions.</summary>
sealed partial class Verifier
{
    static Gate From(int version, int target = 0) => new(version, target, false, 0, 0, 0, 0);

    void ModuleVariable(Variable v)
    {
        if (v.Space is Space.Reg or Space.Local or Space.Param) throw Error(v.Position, "declaration", $".{v.Space.ToString().ToLowerInvariant()} '{v.Name}' outside a function");
        if (v.Linkage == Linkage.Common && v.Space != Space.Global) throw Error(v.Position, "declaration", $".common '{v.Name}' must be .global");
        if (v.Linkage == Linkage.Common) Need(v.Position, From(50), ".common");
        if (v.Linkage == Linkage.Weak) Need(v.Position, From(31), ".weak");
        if (v.Managed && v.Space != Space.Global) throw Error(v.Position, "declaration", $".managed is for .global: '{v.Name}'");
        if (v.Managed) Need(v.Position, From(40, 30), ".managed");
        CheckVariable(v);
        if (global.FindHere(v.Name) is Variable other)
        {
            bool repeats = other.Linkage == Linkage.Extern && v.Linkage is Linkage.Extern or Linkage.Visible
                && (other.Space, other.Type, other.Vector, other.Align) == (v.Space, v.Type, v.Vector, v.Align);
            if (!repeats) throw Error(v.Position, "declaration", $"'{v.Name}' is declared twice");
            global.Replace(v.Name, v);
        }
        else if (!global.Add(v.Name, v)) throw Error(v.Position, "declaration", $"'{v.Name}' is declared twice");
    }

    /// <summary>What holds for a variable wherever it stands.</summary>
    void CheckVariable(Variable v)
    {
        TypeKind kind = v.Type.Kind();
        if (v.Type == PtxType.Pred && (v.Space != Space.Reg || v.Vector > 1)) throw Error(v.Position, "type", $"the predicate '{v.Name}' must be a register");
        if (v.Vector > 1 && v.Vector * v.Type.Bits() > 128) throw Error(v.Position, "type", $"a vector has 128 bits at most: '{v.Name}' has {v.Vector * v.Type.Bits()}");
        if (v.Type == PtxType.B128 && v.Sizes.Length == 0 && v.Space is not Space.Const and not Space.Global) Need(v.Position, From(83, 70), "a variable of type .b128");
        if (v.Type == PtxType.F16x2 && v.Vector == 1 && v.Space is not Space.Const) Need(v.Position, From(42, 53), "a variable of type .f16x2");
        if (v.Type == PtxType.Samplerref && !module.Targets.Contains("texmode_independent")) throw Error(v.Position, "type", $".samplerref '{v.Name}' needs .target texmode_independent");
        if (v.Space == Space.Param && ((v.Type == PtxType.F16x2 && v.Sizes.Length == 0) || v.Vector > 1)) throw Error(v.Position, "type", $"'{v.Name}' cannot be a parameter of this type");
        if (v.Space == Space.Reg && v.Sizes.Length > 0) throw Error(v.Position, "declaration", $"the register '{v.Name}' cannot be an array");
        if (v.Sizes.Length > 0 && v.Sizes[0] < 0 && v.Initial == null && v.Linkage != Linkage.Extern && v.Space != Space.Param)
            throw Error(v.Position, "declaration", $"'{v.Name}' has no size");
        if (v.Initial is not Initial initial) return;
        if (v.Space is not (Space.Global or Space.Const) || v.Linkage == Linkage.Extern) throw Error(initial.Position, "declaration", $"'{v.Name}' cannot have an initial value here");
        if (v.Type is PtxType.F16 or PtxType.F16x2 || kind == TypeKind.Opaque) throw Error(initial.Position, "type", $"a value of type .{v.Type.Name()} cannot have an initial value");
        CheckInitial(v, initial, 0);
    }

    void CheckInitial(Variable v, Initial initial, int depth)
    {
        bool list = depth < v.Sizes.Length || (v.Vector > 1 && depth == v.Sizes.Length);
        if (initial.Elements is not Initial[] elements)
        {
            if (list) throw Error(initial.Position, "type", $"'{v.Name}' needs a list of values in braces here");
            CheckInitialValue(v, initial);
            return;
        }
        if (!list) throw Error(initial.Position, "type", $"'{v.Name}' needs one value here, without braces");
        long most = depth < v.Sizes.Length ? v.Sizes[depth] : v.Vector;
        if (most >= 0 && elements.Length > most) throw Error(initial.Position, "type", $"{elements.Length} values for {most} elements of '{v.Name}'");
        foreach (Initial element in elements) CheckInitial(v, element, depth + 1);
    }

    void CheckInitialValue(Variable v, Initial initial)
    {
        if (initial.Symbol.Length > 0)
        {
            object? symbol = initial.Symbol == v.Name ? v : global.Find(initial.Symbol);
            bool address = symbol is Variable { Space: Space.Global or Space.Const } or Function;
            if (!address) throw Error(initial.Position, "symbol", $"'{initial.Symbol}' has no address that can be an initial value");
            bool fitsType = initial.Mask != 0 ? v.Type == PtxType.U8 : v.Type.IsInteger() || v.Type.Kind() == TypeKind.Bits;
            if (!fitsType) throw Error(initial.Position, "type", $"this part of an address cannot be a value of type .{v.Type.Name()}");
            return;
        }
        bool fits = v.Type.Kind() switch
        {
            TypeKind.Float => !initial.Constant.IsInteger,
            TypeKind.Bits => true,
            _ => initial.Constant.IsInteger,
        };
        if (!fits) throw Error(initial.Position, "type", $"this is no value of type .{v.Type.Name()}");
    }

    void CheckFunction(Function f)
    {
        if (f.Body != null && f.Linkage == Linkage.Extern) throw Error(f.Position, "declaration", $".extern '{f.Name}' has a body");
        if (f.Linkage == Linkage.Common) throw Error(f.Position, "declaration", $".common is for variables: '{f.Name}'");
        if (f.Linkage == Linkage.Weak) Need(f.Position, From(31), ".weak");
        if (f.IsEntry && f.Body == null) Need(f.Position, From(30), "a prototype of an entry");
        if (f.IsEntry && f.HasParameterList && f.Parameters.Length > 0) Need(f.Position, From(14), "a parameter list of an entry");
        CheckDirectives(f);
        Scope parameters = new(global);
        foreach (Variable p in f.Results.Concat(f.Parameters)) CheckParameter(f, p, parameters);
        if (f.Results.Length > 1 && f.Results.Any(r => r.Space != Space.Reg)) throw Error(f.Position, "declaration", $"several results of '{f.Name}' must be .reg");
        if (f.IsEntry) CheckParameterSpace(f);
        if (global.FindHere(f.Name) is object other)
        {
            if (other is not Function g || g.IsEntry != f.IsEntry) throw Error(f.Position, "declaration", $"'{f.Name}' is declared as something else");
        }
        else global.Add(f.Name, f);
        if (f.Body != null) CheckBody(f, parameters);
    }

    void CheckParameter(Function f, Variable p, Scope scope)
    {
        if (p.Space is not (Space.Param or Space.Reg) || (f.IsEntry && p.Space == Space.Reg)) throw Error(p.Position, "declaration", $"the parameter '{p.Name}' must be .param");
        if (p.Sizes.Length > 0 && p.Sizes[0] < 0)
        {
            if (f.IsEntry) throw Error(p.Position, "declaration", $"the parameter '{p.Name}' of an entry has no size");
            Need(p.Position, From(51, 30), "an array of open size");
        }
        CheckVariable(p);
        if (!scope.Add(p.Name, p)) throw Error(p.Position, "declaration", $"'{p.Name}' is declared twice");
    }

    void CheckParameterSpace(Function f)
    {
        long bytes = 0;
        foreach (Variable p in f.Parameters) bytes = (((bytes + p.Alignment - 1) / p.Alignment) * p.Alignment) + Math.Min(p.Bytes, 1 << 20);
        if (bytes > 4352) Need(f.Position, From(81, 70), $"{bytes} bytes of parameters: more than 4352");
        if (bytes > 32764) throw Error(f.Position, "declaration", $"{bytes} bytes of parameters of '{f.Name}', 32764 are the most");
    }

    void CheckDirectives(Function f)
    {
        bool Has(string name) => Array.Exists(f.Directives, d => d.Name == name);
        foreach (Directive d in f.Directives)
        {
            if (d.Name is ".maxclusterrank" or ".reqnctapercluster" or ".explicitcluster") Need(d.Position, From(78, 90), d.Name);
            if (d.Name is ".blocksareclusters") Need(d.Position, From(90, 90), d.Name);
            if (d.Name is ".abi_preserve" or ".abi_preserve_control") Need(d.Position, From(90, 80), d.Name);
            if (d.Name is ".noreturn") Need(d.Position, From(64, 30), d.Name);
            if (d.Name is ".maxnctapersm" && version >= 21) throw Error(d.Position, "version", ".maxnctapersm is gone since .version 2.1: use .minnctapersm");
            if (d.Name is ".noreturn" && f.Results.Length > 0) throw Error(d.Position, "declaration", $"'{f.Name}' has results and does not return");
            if (Array.Exists(d.Values, value => value <= 0)) throw Error(d.Position, "declaration", $"{d.Name} needs numbers above zero");
        }
        if (Has(".maxntid") && Has(".reqntid")) throw Error(f.Position, "declaration", ".maxntid and .reqntid exclude each other");
        if (Has(".maxclusterrank") && Has(".reqnctapercluster")) throw Error(f.Position, "declaration", ".maxclusterrank and .reqnctapercluster exclude each other");
        if (Has(".blocksareclusters") && !(Has(".reqntid") && Has(".reqnctapercluster")))
            throw Error(f.Position, "declaration", ".blocksareclusters needs .reqntid and .reqnctapercluster");
    }
}
