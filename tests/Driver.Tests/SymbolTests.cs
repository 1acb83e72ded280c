using System.Reflection;
using System.Runtime.InteropServices;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Names, parameters and numbers of the driver's interface, against the recorded header and library.</summary>
public sealed class SymbolTests
{
    static readonly BoundEnum[] enums =
    [
        new(typeof(CudaResult), "cudaError_enum", "CUDA_"),
        new(typeof(CudaDeviceAttribute), "CUdevice_attribute_enum", "CU_DEVICE_ATTRIBUTE_"),
        new(typeof(CudaFunctionAttribute), "CUfunction_attribute_enum", "CU_FUNC_ATTRIBUTE_"),
        new(typeof(CudaJitOption), "CUjit_option_enum", "CU_JIT_"),
        new(typeof(CudaJitInputType), "CUjitInputType_enum", "CU_JIT_INPUT_"),
        new(typeof(CudaStreamFlags), "CUstream_flags_enum", "CU_STREAM_"),
        new(typeof(CudaEventFlags), "CUevent_flags_enum", "CU_EVENT_"),
        new(typeof(CudaCaptureMode), "CUstreamCaptureMode_enum", "CU_STREAM_CAPTURE_MODE_"),
    ];

    static IEnumerable<string> EntryPoints => LibCuda.EntryPoints;

    static IEnumerable<TestCaseData> Members() => BoundEnum.Members(enums);

    [Test]
    public void EveryDeclarationIsAnEntryPoint()
    {
        string[] declared = [.. typeof(LibCuda).GetMethods(BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static)
            .Where(m => m.GetCustomAttribute<LibraryImportAttribute>() is not null || m.Attributes.HasFlag(MethodAttributes.PinvokeImpl))
            .Select(m => m.Name).Where(n => !n.Contains('<'))];
        Assert.That(declared, Has.Length.GreaterThan(45).And.EquivalentTo(EntryPoints));
    }

    [TestCaseSource(nameof(EntryPoints))]
    public void TheLibraryExportsIt(string symbol) => Assert.That(RecordedSymbols.Exported, Does.Contain(symbol));

    [TestCaseSource(nameof(EntryPoints))]
    public void ItsParametersAreTheHeaders(string symbol)
    {
        var method = typeof(LibCuda).GetMethod(symbol)!;
        var prototype = RecordedSymbols.OfDriver(symbol);
        Assert.That(prototype, Is.Not.Null, "recorded");
        Assert.That(prototype!.Result, Is.EqualTo("enum cudaError_enum"));
        Type[] types = [.. method.GetParameters().Select(p => p.ParameterType)];
        Assert.That(types, Has.Length.EqualTo(prototype.Parameters.Count));
        Assert.That(method.ReturnType, Is.EqualTo(typeof(CudaResult)));
        for (int i = 0; i < types.Length; i++) Assert.That(Fits(prototype.Parameters[i], types[i]), $"parameter {i}: {prototype.Parameters[i]}, {types[i]}");
    }

    [TestCaseSource(nameof(Members))]
    public void AMemberHasTheHeadersNumber(object bound, string member) => ((BoundEnum)bound).AssertNumber(member);

    [TestCase("unsigned long", typeof(uint))]
    [TestCase("int *", typeof(int))]
    [TestCase("struct CUctx_st **", typeof(nint))]
    [TestCase("enum CUdevice_attribute_enum", typeof(CudaFunctionAttribute))]
    public void AnotherTypeDoesNotFit(string c, Type type) => Assert.That(Fits(c, type), Is.False);

    /// <summary>Whether a C# type is a C type of a 64-bit system.</summary>
    static bool Fits(string c, Type type)
    {
        c = c.Replace("const ", "", StringComparison.Ordinal).Trim();
        if (c.EndsWith('*'))
        {
            string target = c[..^1].Trim();
            if (target.StartsWith("struct ", StringComparison.Ordinal) && !target.EndsWith('*')) return type == typeof(nint);
            return (type.IsByRef || type.IsPointer) && Fits(target, type.GetElementType()!);
        }
        if (c.StartsWith("enum ", StringComparison.Ordinal)) return enums.Any(e => e.Type == type && "enum " + e.Name == c);
        return c switch
        {
            "void" => type == typeof(void),
            "char" or "unsigned char" => type == typeof(byte),
            "int" => type == typeof(int),
            "unsigned int" => type == typeof(uint) || type == typeof(CudaStreamFlags) || type == typeof(CudaEventFlags),
            "unsigned long" => type == typeof(nuint),
            "unsigned long long" => type == typeof(nint) || type == typeof(ulong),
            "float" => type == typeof(float),
            _ => false,
        };
    }
}
