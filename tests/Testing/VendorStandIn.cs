using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Tessera.Testing;

/// <summary>
/// A library in the place of cuBLAS, cuBLASLt, cuDNN and NCCL, compiled from <c>tests/Kernels.Tests/Cuda/vendor.c</c>. It checks what it gets, computes plain
/// results on the emulator's memory, and aborts where a prototype or a value is wrong.
/// </summary>
public static class VendorStandIn
{
    static readonly string[] variables = ["TESSERA_CUBLAS", "TESSERA_CUBLASLT", "TESSERA_CUDNN", "TESSERA_NCCL"];
    static readonly Lazy<(string Path, string? WhyNot)> library = new(Compile);

    /// <summary>Its file; the test is skipped where there is no C compiler.</summary>
    public static string Path
    {
        get
        {
            if (library.Value.WhyNot is { } reason) Assert.Ignore(reason);
            return library.Value.Path;
        }
    }

    /// <summary>How often one of its counters was raised: <c>layer_calls</c> of cuDNN's layers, <c>lt_calls</c> of cuBLASLt's products, <c>live_descriptors</c> and <c>live_handles</c> that were made and not destroyed.</summary>
    public static int Count(string counter) => Marshal.ReadInt32(NativeLibrary.GetExport(NativeLibrary.Load(Path), counter));

    /// <summary>How often a function of cuDNN that computes or searches was called, by its exported name.</summary>
    public static int Calls(string function) => Marshal.GetDelegateForFunctionPointer<CallsOf>(NativeLibrary.GetExport(NativeLibrary.Load(Path), "calls"))(function);

    /// <summary>Sets one of its numbers: <c>cublas_version</c>, <c>cudnn_version</c>.</summary>
    public static void Set(string number, int value) => Marshal.WriteInt32(NativeLibrary.GetExport(NativeLibrary.Load(Path), number), value);

    /// <summary>Names it as all of the four, or of those that are named, until <see cref="Forget"/>.</summary>
    public static void Name(params string[] which)
    {
        foreach (string variable in which is [] ? variables : which) Environment.SetEnvironmentVariable(variable, Path);
    }

    /// <summary>The variables are as they were.</summary>
    public static void Forget()
    {
        foreach (string variable in variables) Environment.SetEnvironmentVariable(variable, null);
    }

    [UnmanagedFunctionPointer(CallingConvention.Cdecl, BestFitMapping = false, ThrowOnUnmappableChar = true, CharSet = CharSet.Ansi)]
    delegate int CallsOf(string function);

    static (string, string?) Compile()
    {
        string folder = Directory.CreateDirectory(System.IO.Path.Combine(AppContext.BaseDirectory, "vendor")).FullName, path = System.IO.Path.Combine(folder, "vendor.so");
        string source = System.IO.Path.Combine(TestData.RepositoryRoot, "tests", "Kernels.Tests", "Cuda", "vendor.c");
        try
        {
            using var compiler = Process.Start(new ProcessStartInfo("cc", ["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", source, "-o", path, "-lm"]) { RedirectStandardError = true })!;
            string said = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            Assert.That(compiler.ExitCode, Is.Zero, said);
            return (path, null);
        }
        catch (Win32Exception)
        {
            return ("", "no C compiler (cc) on this machine");
        }
    }
}
