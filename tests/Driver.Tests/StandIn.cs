using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>The library of <c>standin.c</c>, compiled against the recorded prototypes, and what it wrote down.</summary>
sealed unsafe class StandIn
{
    static readonly Lazy<StandIn> driver = new(() =>
    {
        var standIn = Compile();
        Environment.SetEnvironmentVariable("TESSERA_CUDA_LIBRARY", standIn.Path);
        Environment.SetEnvironmentVariable("TESSERA_KERNEL_CACHE", "off"); // its code is no GPU's
        return standIn;
    });

    readonly nint library;

    StandIn(string path)
    {
        Path = path;
        library = NativeLibrary.Load(path);
    }

    /// <summary>The one that this process uses as its driver.</summary>
    public static StandIn Driver => driver.Value;

    /// <summary>The library's file.</summary>
    public string Path { get; }

    /// <summary>The library's handle.</summary>
    public nint Library => library;

    /// <summary>The calls since the last <see cref="Clear"/>, such as <c>cuMemAlloc_v2(1024)</c>.</summary>
    public string[] Calls => Marshal.PtrToStringUTF8(Address("standin_log"))!.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Objects that were made and not given back.</summary>
    public int Live => *(int*)Address("standin_live");

    /// <summary>Sets one of the numbers: <c>version</c>, <c>devices</c>, <c>capability</c>.</summary>
    public int this[string name] { set => *(int*)Address("standin_" + name) = value; }

    /// <summary>Makes an entry point fail until the next call of this: none for the empty name.</summary>
    public void Fail(string entryPoint, CudaResult code = CudaResult.Success)
    {
        *(int*)Address("standin_failure") = (int)code;
        var name = new Span<byte>((byte*)Address("standin_failing"), 64);
        name.Clear();
        Encoding.ASCII.GetBytes(entryPoint, name);
    }

    /// <summary>Forgets the calls.</summary>
    public void Clear() => ((delegate* unmanaged<void>)Address("standin_clear"))();

    /// <summary>Compiles it, with <paramref name="define"/> defined; the test is skipped where there is no C compiler.</summary>
    public static StandIn Compile(string define = "COMPLETE")
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("the stand-in for the driver is built with a POSIX C compiler");
        string folder = Directory.CreateDirectory(System.IO.Path.Combine(AppContext.BaseDirectory, "standin-" + define)).FullName, path = System.IO.Path.Combine(folder, "libstandin.so");
        File.WriteAllText(System.IO.Path.Combine(folder, "prototypes.h"), Prototypes());
        string source = System.IO.Path.Combine(Testing.TestData.RepositoryRoot, "tests", "Driver.Tests", "standin.c");
        string compiler = Environment.GetEnvironmentVariable("CC") is { Length: > 0 } cc ? cc : "cc";
        string[] arguments = ["-std=gnu11", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-D" + define, "-I" + folder, "-o", path, source, "-lpthread"];
        try
        {
            using var process = Process.Start(new ProcessStartInfo(compiler, arguments) { RedirectStandardError = true })!;
            string errors = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.That(process.ExitCode, Is.Zero, errors);
        }
        catch (Win32Exception e)
        {
            Assert.Ignore($"no C compiler for the stand-in for the driver: {e.Message}");
        }
        return new StandIn(path);
    }

    /// <summary>The recorded prototypes of all entry points, and the enumerations they name, in C.</summary>
    static string Prototypes()
    {
        (string Symbol, IReadOnlyList<string> Parameters)[] prototypes = [.. LibCuda.EntryPoints.Select(s => (s, RecordedSymbols.OfDriver(s)!.Parameters))];
        var text = new StringBuilder();
        foreach (string name in prototypes.SelectMany(p => p.Parameters).Append("enum cudaError_enum").Select(t => t.TrimEnd('*', ' ')).Where(t => t.StartsWith("enum ", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal))
            text.AppendLine($"{name} {{ {string.Join(", ", RecordedSymbols.Enum(name[5..]).Select(m => $"{m.Key} = {m.Value}"))} }};");
        foreach (string name in prototypes.SelectMany(p => p.Parameters).Select(t => t.TrimEnd('*', ' ')).Where(t => t.StartsWith("struct ", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal))
            text.AppendLine($"{name};");
        foreach (var p in prototypes) text.AppendLine($"enum cudaError_enum {p.Symbol}({(p.Parameters.Count == 0 ? "void" : string.Join(", ", p.Parameters))});");
        return text.ToString();
    }

    nint Address(string symbol) => NativeLibrary.GetExport(library, symbol);
}
