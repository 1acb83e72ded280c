using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>The functions of NVIDIA's libraries as they are bound: names, parameters and numbers against the recorded headers and libraries.</summary>
public sealed class VendorSymbolTests
{
    static readonly Type[] tables = [typeof(CudaDNNContext.Functions), typeof(CudaDNNContext.LayerFunctions), typeof(CudaBlasLt.LtFunctions), typeof(Nccl.NcclFunctions)];

    static readonly BoundEnum[] enums =
    [
        new(typeof(DnnTensorFormat), "cudnnTensorFormat_t", "CUDNN_TENSOR_"),
        new(typeof(DnnBatchNormMode), "cudnnBatchNormMode_t", "CUDNN_BATCHNORM_"),
        new(typeof(DnnPoolingMode), "cudnnPoolingMode_t", "CUDNN_POOLING_"),
        new(typeof(DnnNanPropagation), "cudnnNanPropagation_t", "CUDNN_"),
        new(typeof(DnnSoftmaxAlgorithm), "cudnnSoftmaxAlgorithm_t", "CUDNN_SOFTMAX_"),
        new(typeof(DnnSoftmaxMode), "cudnnSoftmaxMode_t", "CUDNN_SOFTMAX_MODE_"),
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
}
