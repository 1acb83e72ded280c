using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Tessera.Cuda;

/// <summary>The PTX texts of Tessera, embedded in this assembly: <c>src/Kernels/Ptx</c>. What several of them share stands in a file <c>*.inc</c>, which they include.</summary>
internal static partial class PtxLibrary
{
    static readonly ConcurrentDictionary<string, string> texts = new(StringComparer.Ordinal);

    /// <summary>All files, such as <c>unary.ptx</c>.</summary>
    public static IReadOnlyList<string> Files { get; } =
        [.. typeof(PtxLibrary).Assembly.GetManifestResourceNames().Where(n => n.EndsWith(".ptx", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    /// <summary>The text of a file, such as <c>unary.ptx</c>, with that of the files it includes in place of the lines that say so.</summary>
    public static string Text(string file) => texts.GetOrAdd(file, static name => Expand(Read(name), Read));

    /// <summary>A text with those it includes in place of the lines <c>#include "name"</c>; a line stays as it is where there is none of that name.</summary>
    public static string Expand(string text, Func<string, string?> read) => Include().Replace(text, m => read(m.Groups[1].Value) ?? m.Value);

    [GeneratedRegex("""^#include "(\w+\.\w+)"\r?\n""", RegexOptions.Multiline)]
    private static partial Regex Include();

    static string Read(string name)
    {
        using var stream = typeof(PtxLibrary).Assembly.GetManifestResourceStream(name)
            ?? throw new TesseraException($"PtxLibrary: no such kernel file: got '{name}', expected one of {string.Join(", ", Files)}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    /// <summary>Adds a text that was made from a file's, which <see cref="Text"/> gives for its name from then on. Returns the name.</summary>
    public static string Add(string name, string text)
    {
        texts[name] = text;
        return name;
    }
}

/// <summary>A kernel that a driver has loaded.</summary>
/// <param name="Name">Its entry, for messages.</param>
/// <param name="Function">The driver's handle.</param>
internal sealed record Kernel(string Name, nint Function);

/// <summary>
/// The kernels of one device, compiled on first use and kept: one module for each PTX text, one function for each entry. With <paramref name="files"/> what
/// was compiled is kept on disk too.
/// </summary>
internal sealed class KernelCache(ICudaDriver driver, KernelFiles? files = null) : IDisposable
{
    readonly Lock gate = new();
    readonly ConcurrentDictionary<(string Text, string Entry), Kernel> kernels = new();
    readonly Dictionary<string, nint> modules = [];

    /// <summary>An entry of an embedded file.</summary>
    public Kernel Get(string file, string entry) => kernels.TryGetValue((file, entry), out var kernel) ? kernel : Add(file, entry, file, static f => PtxLibrary.Text(f));

    /// <summary>An entry of a text that is written on first use: <paramref name="key"/> stands for the text.</summary>
    public Kernel Get<TState>(string key, string entry, TState state, Func<TState, string> text)
        => kernels.TryGetValue((key, entry), out var kernel) ? kernel : Add(key, entry, state, text);

    Kernel Add<TState>(string key, string entry, TState state, Func<TState, string> text)
    {
        lock (gate)
        {
            if (kernels.TryGetValue((key, entry), out var known)) return known;
            if (!modules.TryGetValue(key, out nint module))
            {
                module = Load(key, text(state));
                modules.Add(key, module);
            }
            var found = driver.ModuleGetFunction(module, entry, out nint function);
            if (found != CudaResult.Success) throw Failed($"cuModuleGetFunction('{entry}' of '{key}')", found, "");
            return kernels[(key, entry)] = new Kernel(entry, function);
        }
    }

    nint Load(string key, string text)
    {
        if (FromFile(text) is var kept and not 0) return kept;
        var result = driver.ModuleLoadData(text, out nint module, out string log);
        return result == CudaResult.Success ? module : throw Failed($"cuModuleLoadDataEx('{key}')", result, log);
    }

    /// <summary>The module of a text whose code is on disk, or can be compiled and put there; else 0.</summary>
    nint FromFile(string text)
    {
        if (files is null) return 0;
        if (files.Read(text) is { } kept && driver.ModuleLoadCode(kept, out nint module) == CudaResult.Success) return module;
        if (driver.Compile(text, out byte[] code) != CudaResult.Success || driver.ModuleLoadCode(code, out module) != CudaResult.Success) return 0;
        files.Write(text, code);
        return module;
    }

    CudaException Failed(string call, CudaResult result, string log) => driver.Failed(call, result, log.Length > 0 ? $"; the compiler says: {log.Trim()}" : "");

    public void Dispose()
    {
        foreach (nint module in modules.Values) driver.ModuleUnload(module);
        modules.Clear();
        kernels.Clear();
    }
}
