using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>An algorithm as cuBLASLt hands it around (<c>cublasLtMatmulAlgo_t</c>).</summary>
internal unsafe struct BlasLtAlgorithm
{
    public fixed ulong Data[8];
}

/// <summary>A proposal (<c>cublasLtMatmulHeuristicResult_t</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BlasLtFound
{
    public BlasLtAlgorithm Algorithm;
    public nuint Workspace;
    public int State;
    public float Waves;
    public int Reserved0, Reserved1, Reserved2, Reserved3;
}

internal sealed unsafe partial class CudaBlasLt
{
    /// <summary>Functions by their exported names; all have the same parameters in CUDA 11, 12 and 13.</summary>
    internal readonly struct LtFunctions(VendorLibrary l)
    {
        public readonly delegate* unmanaged<nint*, int> cublasLtCreate = (delegate* unmanaged<nint*, int>)l.Export("cublasLtCreate");
        public readonly delegate* unmanaged<nint, int> cublasLtDestroy = (delegate* unmanaged<nint, int>)l.Export("cublasLtDestroy");
        public readonly delegate* unmanaged<nuint> cublasLtGetVersion = (delegate* unmanaged<nuint>)l.Export("cublasLtGetVersion");
        public readonly delegate* unmanaged<nint*, BlasComputeType, CudaDataType, int> cublasLtMatmulDescCreate
            = (delegate* unmanaged<nint*, BlasComputeType, CudaDataType, int>)l.Export("cublasLtMatmulDescCreate");
        public readonly delegate* unmanaged<nint, int> cublasLtMatmulDescDestroy = (delegate* unmanaged<nint, int>)l.Export("cublasLtMatmulDescDestroy");
        public readonly delegate* unmanaged<nint, BlasLtMatmulAttribute, void*, nuint, int> cublasLtMatmulDescSetAttribute
            = (delegate* unmanaged<nint, BlasLtMatmulAttribute, void*, nuint, int>)l.Export("cublasLtMatmulDescSetAttribute");
        public readonly delegate* unmanaged<nint*, CudaDataType, nuint, nuint, nint, int> cublasLtMatrixLayoutCreate
            = (delegate* unmanaged<nint*, CudaDataType, nuint, nuint, nint, int>)l.Export("cublasLtMatrixLayoutCreate");
        public readonly delegate* unmanaged<nint, int> cublasLtMatrixLayoutDestroy = (delegate* unmanaged<nint, int>)l.Export("cublasLtMatrixLayoutDestroy");
        public readonly delegate* unmanaged<nint, BlasLtLayoutAttribute, void*, nuint, int> cublasLtMatrixLayoutSetAttribute
            = (delegate* unmanaged<nint, BlasLtLayoutAttribute, void*, nuint, int>)l.Export("cublasLtMatrixLayoutSetAttribute");
        public readonly delegate* unmanaged<nint*, int> cublasLtMatmulPreferenceCreate = (delegate* unmanaged<nint*, int>)l.Export("cublasLtMatmulPreferenceCreate");
        public readonly delegate* unmanaged<nint, int> cublasLtMatmulPreferenceDestroy = (delegate* unmanaged<nint, int>)l.Export("cublasLtMatmulPreferenceDestroy");
        public readonly delegate* unmanaged<nint, BlasLtPreference, void*, nuint, int> cublasLtMatmulPreferenceSetAttribute
            = (delegate* unmanaged<nint, BlasLtPreference, void*, nuint, int>)l.Export("cublasLtMatmulPreferenceSetAttribute");
        public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, BlasLtFound*, int*, int> cublasLtMatmulAlgoGetHeuristic
            = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, BlasLtFound*, int*, int>)l.Export("cublasLtMatmulAlgoGetHeuristic");
        public readonly delegate* unmanaged<nint, nint, float*, nint, nint, nint, nint, float*, nint, nint, nint, nint, BlasLtAlgorithm*, nint, nuint, nint, int>
            cublasLtMatmul = (delegate* unmanaged<nint, nint, float*, nint, nint, nint, nint, float*, nint, nint, nint, nint, BlasLtAlgorithm*, nint, nuint,
                nint, int>)l.Export("cublasLtMatmul");
    }
}
