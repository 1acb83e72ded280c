using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>The functions of NVIDIA's libraries as they are bound: names, parameters and numbers against the recorded headers and libraries.</summary>
public sealed unsafe class VendorSymbolTests
{
    static readonly Type[] tables = [typeof(CudaBlas.BlasFunctions), typeof(CudaDNNContext.Functions), typeof(CudaBlasLt.LtFunctions), typeof(Nccl.NcclFunctions)];

    static readonly BoundEnum[] enums =
    [
        new(typeof(BlasMath), "cublasMath_t", "CUBLAS_"),
        new(typeof(CudnnDataType), "cudnnDataType_t", "CUDNN_DATA_"),
        new(typeof(CudnnConvolutionMode), "cudnnConvolutionMode_t", "CUDNN_"),
        new(typeof(CudnnMathType), "cudnnMathType_t", "CUDNN_"),
        new(typeof(CudnnTensorFormat), "cudnnTensorFormat_t", "CUDNN_TENSOR_"),
        new(typeof(CudnnBatchNormMode), "cudnnBatchNormMode_t", "CUDNN_BATCHNORM_"),
        new(typeof(CudnnPoolingMode), "cudnnPoolingMode_t", "CUDNN_POOLING_"),
        new(typeof(CudnnNanPropagation), "cudnnNanPropagation_t", "CUDNN_"),
        new(typeof(CudnnSoftmaxAlgorithm), "cudnnSoftmaxAlgorithm_t", "CUDNN_SOFTMAX_"),
        new(typeof(CudnnSoftmaxMode), "cudnnSoftmaxMode_t", "CUDNN_SOFTMAX_MODE_"),
        new(typeof(CudaDataType), "cudaDataType_t", "CUDA_"),
        new(typeof(BlasComputeType), "cublasComputeType_t", "CUBLAS_"),
        new(typeof(BlasLtEpilogue), "cublasLtEpilogue_t", "CUBLASLT_EPILOGUE_"),
        new(typeof(BlasLtMatmulAttribute), "cublasLtMatmulDescAttributes_t", "CUBLASLT_MATMUL_DESC_"),
        new(typeof(BlasLtLayoutAttribute), "cublasLtMatrixLayoutAttribute_t", "CUBLASLT_MATRIX_LAYOUT_"),
        new(typeof(BlasLtPreference), "cublasLtMatmulPreferenceAttributes_t", "CUBLASLT_MATMUL_PREF_"),
        new(typeof(BlasLtReductionScheme), "cublasLtReductionScheme_t", "CUBLASLT_REDUCTION_SCHEME_"),
        new(typeof(NcclDataType), "ncclDataType_t", "nccl"),
        new(typeof(NcclRedOp), "ncclRedOp_t", "nccl"),
        new(typeof(NcclResult), "ncclResult_t", "nccl"),
    ];

    static IEnumerable<TestCaseData> Functions() => tables.SelectMany(t => t.GetFields().Select(f => new TestCaseData(f).SetArgDisplayNames(f.Name)));

    static IEnumerable<TestCaseData> Members() => BoundEnum.Members(enums);

    [Test]
    public void EveryTableHasFunctions() => Assert.That(tables.Select(t => t.GetFields().Length), Is.EqualTo(new[] { 6, 33, 14, 18 }));

    /// <summary>Whatever of the assembly holds a pointer to a native function is one of the tables, so that no function is left out.</summary>
    [Test]
    public void NoFunctionIsBoundElsewhere()
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        Type[] holders = [.. typeof(CudaBlas).Assembly.GetTypes().Where(t => t.GetFields(all).Any(f => f.FieldType.IsUnmanagedFunctionPointer))];
        Assert.That(holders, Is.EquivalentTo(tables));
        string[] imports = [.. typeof(CudaBlas).Assembly.GetTypes().Where(t => t != typeof(LibCuda))
            .SelectMany(t => t.GetMethods(all).Where(m => m.GetCustomAttribute<LibraryImportAttribute>() is not null || m.Attributes.HasFlag(MethodAttributes.PinvokeImpl)).Select(m => $"{t.Name}.{m.Name}"))];
        Assert.That(imports.Where(m => !m.Contains('<', StringComparison.Ordinal)).Distinct(), Is.SubsetOf((string[])["HugePages.Advise"]), "the C library's own");
    }

    /// <summary>An address is asked for by its name in one place: the field of the same name and the same type, as the text has it.</summary>
    [Test]
    public void AFunctionIsFoundUnderItsFieldsName()
    {
        string folder = Path.Combine(Testing.TestData.RepositoryRoot, "src", "Kernels", "Cuda");
        string[] lines = [.. Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories).SelectMany(Statements).Where(l => l.Contains(".Export(\"", StringComparison.Ordinal))];
        Assert.That(lines, Has.Length.EqualTo(tables.Sum(t => t.GetFields().Length)));
        Assert.That(lines, Has.All.Match(@"^public readonly (delegate\* unmanaged<[^>]+>) (\w+) = \(\1\)l\.Export\(""\2""\);$"));
    }

    /// <summary>The statements of a file, each on one line.</summary>
    static IEnumerable<string> Statements(string file) => Regex.Replace(File.ReadAllText(file), @"\s+", " ").Split("; ").SelectMany(s => s.Split("{ ")).Select(s => s.Trim() + ";");

    [Test]
    public void OperationsHaveTheHeadersNumbers()
    {
        var recorded = RecordedSymbols.Enum("cublasOperation_t");
        Assert.That(((int)Operation.NonTranspose, (int)Operation.Transpose), Is.EqualTo(((int)recorded["CUBLAS_OP_N"], (int)recorded["CUBLAS_OP_T"])));
        Assert.That(RecordedSymbols.Enum("cublasStatus_t")["CUBLAS_STATUS_NOT_SUPPORTED"], Is.EqualTo(CudaBlas.NotSupported));
    }

    [TestCaseSource(nameof(Functions))]
    public void AFunctionIsTheLibrarys(FieldInfo field)
    {
        var prototype = RecordedSymbols.Of(field.Name);
        Assert.That(prototype, Is.Not.Null, "recorded");
        Assert.That(prototype!.IsExported, "exported");
        var type = field.FieldType;
        Assert.That(type.IsUnmanagedFunctionPointer);
        Type[] parameters = type.GetFunctionPointerParameterTypes();
        Assert.That(parameters, Has.Length.EqualTo(prototype.Parameters.Count));
        Assert.That(Fits(prototype.Result, type.GetFunctionPointerReturnType()), $"result: {prototype.Result}, {type.GetFunctionPointerReturnType()}");
        for (int i = 0; i < parameters.Length; i++) Assert.That(Fits(prototype.Parameters[i], parameters[i]), $"parameter {i}: {prototype.Parameters[i]}, {parameters[i]}");
    }

    [TestCaseSource(nameof(Members))]
    public void AMemberHasTheHeadersNumber(object bound, string member) => ((BoundEnum)bound).AssertNumber(member);

    [Test]
    public void StructuresHaveTheHeadersSize()
    {
        Assert.That(Unsafe.SizeOf<BlasLtAlgorithm>(), Is.EqualTo(RecordedSymbols.SizeOf("cublasLtMatmulAlgo_t")));
        Assert.That(Marshal.SizeOf<BlasLtFound>(), Is.EqualTo(RecordedSymbols.SizeOf("cublasLtMatmulHeuristicResult_t")));
        Assert.That((int)Marshal.OffsetOf<BlasLtFound>(nameof(BlasLtFound.Workspace)), Is.EqualTo(64));
        Assert.That((int)Marshal.OffsetOf<BlasLtFound>(nameof(BlasLtFound.State)), Is.EqualTo(72));
        Assert.That(Unsafe.SizeOf<NcclUniqueId>(), Is.EqualTo(RecordedSymbols.SizeOf("ncclUniqueId")));
    }

    /// <summary>One structure stands for the three that the searches of the three convolutions fill.</summary>
    [TestCase("Fwd"), TestCase("BwdData"), TestCase("BwdFilter")]
    public void WhatASearchTellsHasTheHeadersLayout(string pass)
    {
        string structure = $"cudnnConvolution{pass}AlgoPerf_t";
        Assert.That(Marshal.SizeOf<CudnnConvolutionAlgoPerf>(), Is.EqualTo(RecordedSymbols.SizeOf(structure)));
        string[] names = ["Algo", "Status", "Time", "Memory", "Determinism", "MathType", "Reserved0"];
        Assert.That(names.Select(n => (int)Marshal.OffsetOf<CudnnConvolutionAlgoPerf>(n)), Is.EqualTo(RecordedSymbols.Fields(structure).Select(f => f.Offset)));
        Assert.That(RecordedSymbols.Fields(structure).Select(f => f.Name), Is.EqualTo((string[])["algo", "status", "time", "memory", "determinism", "mathType", "reserved"]));
    }

    [TestCase("int *", typeof(nint))]
    [TestCase("int *", typeof(float*))]
    [TestCase("int *", typeof(long*))]
    [TestCase("struct cudnnTensorStruct **", typeof(nint))]
    [TestCase("struct cudnnTensorStruct *const", typeof(nint*))]
    [TestCase("struct cudnnConvolutionFwdAlgoPerfStruct *", typeof(nint))]
    [TestCase("struct cudnnConvolutionFwdAlgoPerfStruct *", typeof(BlasLtFound*))]
    [TestCase("cublasLtMatmulHeuristicResult_t[]", typeof(CudnnConvolutionAlgoPerf*))]
    [TestCase("const float *", typeof(double*))]
    [TestCase("const void *", typeof(int*))]
    [TestCase("unsigned long", typeof(int))]
    [TestCase("double", typeof(float))]
    [TestCase("const void *", typeof(int))]
    [TestCase("cudnnPoolingMode_t", typeof(CudnnSoftmaxMode))]
    [TestCase("ncclUniqueId", typeof(nint))]
    [TestCase("int", typeof(nint))]
    public void AnotherTypeDoesNotFit(string c, Type type) => Assert.That(Fits(c, type), Is.False);

    /// <summary>Whether a C# type is passed as a C type of a 64-bit Linux is.</summary>
    static bool Fits(string c, Type type)
    {
        type = type.UnderlyingSystemType;
        c = Unqualified(c);
        if (c.EndsWith('*')) return FitsPointer(Unqualified(c[..^1]), type);
        if (RecordedSymbols.IsEnum(c)) return type.IsEnum ? enums.Any(e => e.Type == type && e.Name == c) : type == typeof(int);
        if (RecordedSymbols.SizeOf(c) is { } size) return type.IsValueType && !type.IsPrimitive && Marshal.SizeOf(type) == size;
        return c switch
        {
            "int" => type == typeof(int),
            "unsigned int" => type == typeof(uint),
            "unsigned long" => type == typeof(nuint),
            "long" => type == typeof(nint),
            "long long" => type == typeof(long),
            "float" => type == typeof(float),
            "double" => type == typeof(double),
            "void" => type == typeof(void),
            _ => false,
        };
    }

    /// <summary>Whether a C# type is passed as a pointer to a C type is: an address of the device or of what only the library knows as a number, anything else with its type.</summary>
    static bool FitsPointer(string c, Type type)
    {
        bool known = RecordedSymbols.SizeOf(c) is not null && !c.EndsWith("Opaque_t", StringComparison.Ordinal), isVoid = c == "void";
        if (type == typeof(nint)) return isVoid || c is "char" or "float" || (!known && !c.EndsWith('*') && (c.StartsWith("struct ", StringComparison.Ordinal) || c.EndsWith("Opaque_t", StringComparison.Ordinal)));
        if (!type.IsPointer) return false;
        Type of = type.GetElementType()!;
        // Factors and attributes have the type that other arguments say.
        return isVoid ? of == typeof(void) || of == typeof(float) : Fits(c, of);
    }

    /// <summary>A C type without what changes nothing in how it is passed.</summary>
    static string Unqualified(string c)
    {
        c = c.Replace("[]", " *", StringComparison.Ordinal).Replace("const ", "", StringComparison.Ordinal).Replace("enum ", "", StringComparison.Ordinal).Trim();
        if (c.EndsWith("*const", StringComparison.Ordinal)) c = c[..^5];
        // A structure that the headers name twice.
        return c.EndsWith("AlgoPerfStruct", StringComparison.Ordinal) ? c["struct ".Length..^"Struct".Length] + "_t" : c;
    }
}
