using System.Runtime.InteropServices;

namespace Tessera.Emulator;

/// <summary>A verified module in the memory of a device: its global variables, its layout of shared memory, its decoded functions.</summary>
sealed unsafe class Image
{
    const int mostShared = 232448;

    /// <summary>Bytes that the variables of a module may have in global and constant memory.</summary>
    const long mostVariables = 256 << 20;

    readonly Dictionary<Variable, ulong> addresses = [];
    readonly Dictionary<(Function, Function Entry, Numerics), Code> codes = [];

    public Image(Module module, string file, DeviceMemory memory)
    {
        (Module, File, Memory) = (module, file, memory);
        foreach (Variable v in module.Variables) Global.Replace(v.Name, v);
        Variable[] variables = [.. module.Variables.Concat(module.Functions.SelectMany(f => f.Body ?? []).OfType<Variable>()).Where(v => v.Space is Space.Global or Space.Const)];
        CheckSizes(variables);
        foreach (Variable v in variables) addresses[v] = memory.Allocate(SizeOf(v), $"variable '{v.Name}'", v.Alignment, constant: v.Space == Space.Const).Start;
        foreach (Function f in module.Functions.OrderBy(f => f.Body != null)) Global.Replace(f.Name, f);
        foreach (Variable v in variables) if (v.Initial is Initial initial && addresses.TryGetValue(v, out ulong at)) Fill(v, initial, (byte*)at, 0);
    }

    public Module Module { get; }

    public string File { get; }

    public DeviceMemory Memory { get; }

    public Scope Global { get; } = new(null);

    /// <summary>Warp instructions of the last launch.</summary>
    public long LastSteps { get; private set; }

    /// <summary>All decoded operations; <see cref="Op.Site"/> is the index.</summary>
    public List<Op> Sites { get; } = [];

    public int Add(Op op)
    {
        Sites.Add(op);
        return Sites.Count - 1;
    }

    public ulong AddressOf(Variable v) => addresses[v];

    /// <summary>Whether an address lies in a variable of constant memory.</summary>
    public bool IsConstant(ulong at) => addresses.Any(a => a.Key.Space == Space.Const && at >= a.Value && at - a.Value < (ulong)Math.Max(a.Key.Bytes, 1));

    /// <summary>The address of a function with a body: no memory lies there.</summary>
    public ulong AddressOf(Function f) => 0xF000_0000_0000_0000 + (16 * (ulong)(Module.Functions.IndexOf(f) + 1));

    /// <summary>The definition of a function that may have been declared before, or stand for another; null where there is none.</summary>
    public Function? Body(Function f)
    {
        string name = Module.Aliases.Find(a => a.Name == f.Name) is { Target: string target } ? target : f.Name;
        return Module.Functions.Find(g => g.Name == name && g.Body != null);
    }

    /// <exception cref="PtxException">The variables are too large; nothing was allocated.</exception>
    void CheckSizes(Variable[] variables)
    {
        long bytes = 0;
        foreach (Variable v in variables)
        {
            if (SizeOf(v) > mostVariables - bytes) throw new PtxException(File, v.Position.Line, v.Position.Column, "memory",
                $"'{v.Name}' has {SizeOf(v)} bytes: the variables of a module have {mostVariables} at most. "
                    + "Hint: hand larger memory to the kernel as a buffer");
            bytes += SizeOf(v);
        }
    }

    static long SizeOf(Variable v) => v.Sizes is [-1, ..] ? Elements(v) * ElementBytes(v) : v.Bytes;

    static long Elements(Variable v) => v.Initial?.Elements?.Length ?? 0;

    static int ElementBytes(Variable v) => Math.Max(1, v.Type.Bits() / 8) * v.Vector;

    /// <summary>Writes an initial value; lists go row by row.</summary>
    void Fill(Variable v, Initial initial, byte* at, int depth)
    {
        if (initial.Elements is Initial[] elements)
        {
            long step = Math.Max(1, v.Type.Bits() / 8) * (depth < v.Sizes.Length ? v.Vector : 1);
            for (int k = depth + 1; k < v.Sizes.Length; k++) step *= v.Sizes[k];
            for (int k = 0; k < elements.Length; k++) Fill(v, elements[k], at + (k * step), depth + 1);
            return;
        }
        ulong bits = initial.Symbol.Length == 0 ? Constants.Bits(v.Type, initial.Constant)
            : unchecked((Global.Find(initial.Symbol) switch { Variable target => AddressOf(target), Function f => AddressOf(Body(f) ?? f), _ => 0 }) + (ulong)initial.Constant.Bits);
        if (initial.Mask != 0) bits = (bits & (ulong)initial.Mask) >> System.Numerics.BitOperations.TrailingZeroCount(initial.Mask);
        Buffer.MemoryCopy(&bits, at, 8, Math.Min(8, Math.Max(1, v.Type.Bits() / 8)));
    }

    /// <summary>The decoded function; decoding happens once for each kernel that calls it, whose shared variables lie elsewhere, and each choice of numerics.</summary>
    public Code CodeOf(Function f, SharedLayout shared, Numerics numerics)
    {
        lock (codes)
        {
            if (codes.TryGetValue((f, shared.Entry, numerics), out Code? code)) return code;
            return codes[(f, shared.Entry, numerics)] = new Decoder(this, f, shared, numerics).Decode();
        }
    }

    /// <summary>Runs a kernel over a grid; <paramref name="parameters"/> are the bytes of each parameter.</summary>
    /// <returns>What it came to.</returns>
    public PtxReport Run(string entry, PtxLaunch launch, byte[][] parameters)
    {
        Function f = LaunchRules.Check(Module, File, entry, launch, parameters);
        SharedLayout layout = new(this, f);
        if (launch.SharedBytes < 0 || layout.Bytes + (long)launch.SharedBytes > mostShared)
            throw LaunchRules.Broken(File, f, $"{layout.Bytes} + {launch.SharedBytes} bytes of shared memory, {mostShared} are the most");
        Code code = CodeOf(f, layout, new(launch.Approximation, launch.Contraction));
        int bytes = f.Parameters.Select(p => code.ParameterOffsets[p] + (int)p.Bytes).Append(0).Max();
        Allocation buffer = Memory.Allocate(bytes, "the parameters", constant: true);
        try
        {
            return Start(launch, f, code, layout, buffer, parameters);
        }
        finally
        {
            Memory.Free(buffer);
        }
    }

    PtxReport Start(PtxLaunch launch, Function f, Code code, SharedLayout layout, Allocation buffer, byte[][] parameters)
    {
        for (int i = 0; i < parameters.Length; i++) Marshal.Copy(parameters[i], 0, (nint)buffer.Start + code.ParameterOffsets[f.Parameters[i]], parameters[i].Length);
        (code.SharedBytes, code.Layout) = (layout.Bytes, layout);
        Launch run = new()
        {
            Code = code,
            File = File,
            Memory = Memory,
            Grid = LaunchRules.GridOf(f, launch),
            Cluster = LaunchRules.ClusterOf(f, launch),
            HasClusters = LaunchRules.HasClusters(f, launch),
            Block = launch.Block,
            DynamicShared = launch.SharedBytes,
            Printed = launch.Print,
            Parameters = buffer.Start,
            Seed = launch.Seed,
            StepLimit = launch.StepLimit,
            Watch = launch.Watch,
            Checks = launch.Checks,
            Counts = launch.Count,
        };
        run.Run(launch.Watch != null ? 1 : launch.Threads > 0 ? launch.Threads : CpuThreads.Count);
        if (!launch.Checks.HasFlag(PtxChecks.Uninitialized)) Memory.DefineAll();
        LastSteps = run.Steps;
        return new(run.Findings.All, run.Findings.Failure, run.Counters());
    }
}

/// <summary>Where the shared variables of a kernel and of all it may call lie; dynamic memory comes last.</summary>
sealed class SharedLayout
{
    readonly Dictionary<Variable, int> offsets = [];

    public SharedLayout(Image image, Function entry)
    {
        Entry = entry;
        long bytes = 0;
        foreach (Variable v in image.Module.Functions.Where(f => f == entry || !f.IsEntry).SelectMany(f => f.Body ?? []).OfType<Variable>()
            .Concat(image.Module.Variables).Where(v => v.Space == Space.Shared && v.Linkage != Linkage.Extern))
        {
            if (v.Position != default && image.Module.Variables.Contains(v) && !Mentions(image.Module, v.Name)) continue;
            bytes = bytes + v.Alignment - 1 & -v.Alignment;
            offsets[v] = (int)bytes;
            bytes = Math.Min(bytes + v.Bytes, int.MaxValue / 2);
        }
        int align = image.Module.Variables.Where(v => v.Space == Space.Shared && v.Linkage == Linkage.Extern).Select(v => v.Alignment).Append(1).Max();
        Bytes = (int)(bytes + align - 1 & -align);
    }

    /// <summary>The kernel.</summary>
    public Function Entry { get; }

    /// <summary>Bytes of static shared memory; the dynamic memory starts there.</summary>
    public int Bytes { get; }

    /// <summary>A place in shared memory as its variable's: <c>shared variable 'tile' + 64 of 1024</c>.</summary>
    public string NameOf(int offset)
    {
        if (offset >= Bytes) return $"dynamic shared memory + {offset - Bytes}";
        foreach (var (v, start) in offsets)
            if (offset >= start && offset < start + v.Bytes) return $"shared variable '{v.Name}' + {offset - start} of {v.Bytes}";
        return $"shared memory + {offset}";
    }

    public int OffsetOf(Variable v) => offsets.TryGetValue(v, out int at) ? at : Bytes;

    static bool Mentions(Module module, string name) => module.Functions.Any(f => (f.Body ?? []).OfType<Instruction>().Any(i => Array.Exists(i.Operands, o =>
        o is NameOperand n && n.Name == name || o is AddressOperand a && a.Name == name)));
}

/// <summary>The bits that a constant of the text has in a type.</summary>
static class Constants
{
    public static ulong Bits(PtxType type, Constant value) => type switch
    {
        PtxType.F32 when value.Kind == ConstantKind.HexSingle => (ulong)value.Bits,
        PtxType.F32 => BitConverter.SingleToUInt32Bits((float)value.Double),
        PtxType.F64 when value.Kind == ConstantKind.HexDouble => (ulong)value.Bits,
        PtxType.F64 => BitConverter.DoubleToUInt64Bits(value.Double),
        PtxType.Pred => value.Bits != 0 ? uint.MaxValue : 0u,
        _ when type.Bits() >= 64 => (ulong)value.Bits,
        _ => (ulong)value.Bits & ((1ul << type.Bits()) - 1),
    };
}
