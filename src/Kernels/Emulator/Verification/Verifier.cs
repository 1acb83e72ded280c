namespace Tessera.Emulator;

/// <summary>Holds a module against the rules of PTX: throws at the first place that breaks one.</summary>
sealed partial class Verifier
{
    readonly Module module;
    readonly string file;
    readonly Scope global = new(null);
    readonly Dictionary<string, Function> defined = new(StringComparer.Ordinal);
    int version;
    PtxTarget target;

    Verifier(Module module, string file) => (this.module, this.file) = (module, file);

    /// <summary>Checks the whole module.</summary>
    /// <param name="module">What the parser read.</param>
    /// <param name="file">Its name for messages.</param>
    /// <param name="arch">The GPU it is assembled for, such as <c>sm_90</c>; null: the text's own target.</param>
    /// <exception cref="PtxException">The first mistake.</exception>
    public static void Check(Module module, string file, string? arch)
    {
        Verifier verifier = new(module, file);
        verifier.Header(arch);
        foreach (Function f in module.Functions)
            if (f.Body != null && !verifier.defined.TryAdd(f.Name, f)) throw verifier.Error(f.Position, "declaration", $"'{f.Name}' is defined twice");
        foreach (object item in module.Order)
        {
            if (item is Variable variable) verifier.ModuleVariable(variable);
            else verifier.CheckFunction((Function)item);
        }
        verifier.ModuleEnd();
    }

    void Header(string? arch)
    {
        version = PtxTarget.Version(module.Version);
        if (version == 0) throw Error(module.VersionPosition, "version", $"there is no .version {module.Version.Major}.{module.Version.Minor}");
        bool found = false;
        foreach (string name in module.Targets)
        {
            if (PtxTarget.Parse(name) is PtxTarget parsed)
            {
                if (!found) target = parsed;
                found = true;
                if (version < parsed.FirstVersion)
                    throw Error(module.TargetPosition, "target", $".target {name} needs .version {parsed.FirstVersion / 10}.{parsed.FirstVersion % 10} or newer");
            }
            else if (name is not ("texmode_independent" or "texmode_unified" or "debug"))
                throw Error(module.TargetPosition, "target", $"there is no .target {name}");
        }
        if (!found) throw Error(module.TargetPosition, "target", "the .target names no architecture");
        if (module.AddressSize != 0)
        {
            if (version < 23) throw Error(module.AddressSizePosition, "version", ".address_size needs .version 2.3 or newer");
            if (module.AddressSize != 64) throw Error(module.AddressSizePosition, "target", $"only .address_size 64 is supported: got {module.AddressSize}");
        }
        if (arch != null) CheckArch(arch);
        foreach (SourceFile source in module.Files) if (source.HasTimes) Need(source.Position, new(32, 0, false, 0, 0, 0, 0), ".file with a time stamp");
        if (module.SectionLabel is Position at) Need(at, new(70, 0, false, 0, 0, 0, 0), "a label in a section");
    }

    /// <summary>A text runs on its target and on what is newer; 'a' only on that very GPU, 'f' only in its family.</summary>
    void CheckArch(string arch)
    {
        PtxTarget gpu = PtxTarget.Parse(arch) ?? throw Error(module.TargetPosition, "target", $"there is no architecture {arch}");
        bool fits = target.Suffix switch
        {
            'a' => gpu == target,
            'f' => gpu.Number >= target.Number && Family(gpu.Number) == Family(target.Number),
            _ => gpu.Number >= target.Number,
        };
        if (!fits || gpu.Number < 75) throw Error(module.TargetPosition, "target", $".target {target} cannot be assembled for {arch}");
    }

    static int Family(int number) => number == 101 ? 11 : number / 10;

    void ModuleEnd()
    {
        long constants = 0;
        foreach (Variable v in module.Variables.Where(v => v.Space == Space.Const && v.Linkage != Linkage.Extern)) constants = checked(constants + Math.Min(v.Bytes, 1L << 40));
        if (constants > 65536) throw Error(module.Variables.Last(v => v.Space == Space.Const).Position, "declaration", $"{constants} bytes of .const, 65536 are the most");
        foreach (Function f in module.Functions)
        {
            if (f.Body != null || defined.ContainsKey(f.Name) || f.Linkage is Linkage.Extern) continue;
            if (module.Aliases.Exists(a => a.Name == f.Name)) continue;
            throw Error(f.Position, "declaration", $"'{f.Name}' is declared but not defined, and not .extern");
        }
        foreach (Alias alias in module.Aliases)
        {
            Need(alias.Position, new(63, 30, false, 0, 0, 0, 0), ".alias");
            if (global.Find(alias.Name) is not Function || !defined.ContainsKey(alias.Target)) throw Error(alias.Position, "symbol", $"no functions '{alias.Name}' and '{alias.Target}'");
        }
    }

    void Need(Position at, Gate gate, string what)
    {
        if (!gate.Admits(version, target)) throw Error(at, "target", $"{what} {gate.Describe(version, target)}");
    }

    PtxException Error(Position at, string rule, string message) => new(file, at.Line, at.Column, rule, message);
}
