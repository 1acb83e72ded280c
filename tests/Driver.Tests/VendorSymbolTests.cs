using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>The functions of NVIDIA's libraries as they are bound: names, parameters and numbers against the recorded headers and libraries.</summary>
public sealed class VendorSymbolTests
{
    static readonly Type[] tables = [typeof(CudaDNNContext.Functions), typeof(CudaDNNContext.LayerFunctions), typeof(CudaBlasLt.LtFunctions), typeof(Nccl.NcclFunctions)];

    static readonly (Type Type, string Enum, string Prefix)[] enums =
    [
        (typeof(DnnTensorFormat), "cudnnTensorFormat_t", "CUDNN_TENSOR_"),
        (typeof(DnnBatchNormMode), "cudnnBatchNormMode_t", "CUDNN_BATCHNORM_"),
        (typeof(DnnPoolingMode), "cudnnPoolingMode_t", "CUDNN_POOLING_"),
        (typeof(DnnNanPropagation), "cudnnNanPropagation_t", "CUDNN_"),
        (typeof(DnnSoftmaxAlgorithm), "cudnnSoftmaxAlgorithm_t", "CUDNN_SOFTMAX_"),
        (typeof(DnnSoftmaxMode), "cudnnSoftmaxMode_t", "CUDNN_SOFTMAX_MODE_"),
        (typeof(CudaDataType), "cudaDataType_t", "CUDA_"),
        (typeof(BlasComputeType), "cublasComputeType_t", "CUBLAS_"),
        (typeof(BlasLtEpilogue), "cublasLtEpilogue_t", "CUBLASLT_EPILOGUE_"),
        (typeof(BlasLtMatmulAttribute), "cublasLtMatmulDescAttributes_t", "CUBLASLT_MATMUL_DESC_"),
        (typeof(BlasLtLayoutAttribute), "cublasLtMatrixLayoutAttribute_t", "CUBLASLT_MATRIX_LAYOUT_"),
        (typeof(BlasLtPreference), "cublasLtMatmulPreferenceAttributes_t", "CUBLASLT_MATMUL_PREF_"),
        (typeof(BlasLtReductionScheme), "cublasLtReductionScheme_t", "CUBLASLT_REDUCTION_SCHEME_"),
        (typeof(NcclDataType), "ncclDataType_t", "nccl"),
        (typeof(NcclRedOp), "ncclRedOp_t", "nccl"),
        (typeof(NcclResult), "ncclResult_t", "nccl"),
    ];

    static IEnumerable<TestCaseData> Functions() => tables.SelectMany(t => t.GetFields().Select(f => new TestCaseData(f).SetArgDisplayNames(f.Name)));

    static IEnumerable<TestCaseData> Members() => enums.SelectMany(e => Enum.GetNames(e.Type).Select(m => new TestCaseData(e.Type, m).SetArgDisplayNames($"{e.Type.Name}.{m}")));

    [Test]
    public void EveryTableHasFunctions() => Assert.That(tables.Select(t => t.GetFields().Length), Is.EqualTo(new[] { 19, 10, 14, 18 }));

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
    public void AMemberHasTheHeadersNumber(Type type, string member)
    {
        var (_, name, prefix) = enums.Single(e => e.Type == type);
        string plain = (prefix + member).Replace("_", "", StringComparison.Ordinal);
        var recorded = RecordedSymbols.Enum(name).Single(m => m.Key.Replace("_", "", StringComparison.Ordinal).Equals(plain, StringComparison.OrdinalIgnoreCase));
        Assert.That(Convert.ToInt64(Enum.Parse(type, member)), Is.EqualTo(recorded.Value), recorded.Key);
    }

    [Test]
    public void StructuresHaveTheHeadersSize()
    {
        Assert.That(Unsafe.SizeOf<BlasLtAlgorithm>(), Is.EqualTo(RecordedSymbols.SizeOf("cublasLtMatmulAlgo_t")));
        Assert.That(Marshal.SizeOf<BlasLtFound>(), Is.EqualTo(RecordedSymbols.SizeOf("cublasLtMatmulHeuristicResult_t")));
        Assert.That((int)Marshal.OffsetOf<BlasLtFound>(nameof(BlasLtFound.Workspace)), Is.EqualTo(64));
        Assert.That((int)Marshal.OffsetOf<BlasLtFound>(nameof(BlasLtFound.State)), Is.EqualTo(72));
        Assert.That(Unsafe.SizeOf<NcclUniqueId>(), Is.EqualTo(RecordedSymbols.SizeOf("ncclUniqueId")));
    }

    [TestCase("unsigned long", typeof(int))]
    [TestCase("double", typeof(float))]
    [TestCase("const void *", typeof(int))]
    [TestCase("cudnnPoolingMode_t", typeof(DnnSoftmaxMode))]
    [TestCase("ncclUniqueId", typeof(nint))]
    [TestCase("int", typeof(nint))]
    public void AnotherTypeDoesNotFit(string c, Type type) => Assert.That(Fits(c, type), Is.False);

    /// <summary>Whether a C# type is passed as a C type of a 64-bit Linux is.</summary>
    static bool Fits(string c, Type type)
    {
        type = type.UnderlyingSystemType;
        if (c.Contains('*', StringComparison.Ordinal) || c.EndsWith("[]", StringComparison.Ordinal)) return type == typeof(nint) || type.IsPointer;
        c = c.Replace("const ", "", StringComparison.Ordinal).Replace("enum ", "", StringComparison.Ordinal).Trim();
        if (RecordedSymbols.IsEnum(c)) return type.IsEnum ? enums.Any(e => e.Type == type && e.Enum == c) : type == typeof(int);
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
}
