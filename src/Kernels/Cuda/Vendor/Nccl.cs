using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>Element types (<c>ncclDataType_t</c>).</summary>
internal enum NcclDataType
{
    Uint8 = 1,
    Int32 = 2,
    Int64 = 4,
    Float16 = 6,
    Float32 = 7,
    Bfloat16 = 9,
}

/// <summary>What becomes of the numbers of all ranks (<c>ncclRedOp_t</c>).</summary>
internal enum NcclRedOp
{
    Sum = 0,
    Prod = 1,
    Max = 2,
    Min = 3,
    Avg = 4,
}

/// <summary>Outcome of a call (<c>ncclResult_t</c>).</summary>
internal enum NcclResult
{
    Success = 0,
    UnhandledCudaError = 1,
    SystemError = 2,
    InternalError = 3,
    InvalidArgument = 4,
    InvalidUsage = 5,
    RemoteError = 6,
    InProgress = 7,
}

/// <summary>What the ranks of a communicator find one another by (<c>ncclUniqueId</c>); passed by value.</summary>
internal unsafe struct NcclUniqueId
{
    public fixed byte Data[128];
}

/// <summary>
/// NCCL, which adds up gradients of several GPUs: found, and its functions bound. Nothing in Tessera trains on several GPUs yet. NVIDIA has it for Linux alone.
/// </summary>
internal sealed unsafe class Nccl
{
    /// <summary>The environment variable that turns it on or off, or names its file.</summary>
    public const string Variable = "TESSERA_NCCL";

    /// <summary>Where it is looked for.</summary>
    public static readonly VendorSearch Search = new("NCCL", Variable, ["libnccl.so.2"], ["nccl/lib"], new Version(2, 10), new Version(3, 0));

    Nccl(VendorLibrary library)
    {
        Path = library.Path;
        Functions = new NcclFunctions(library);
        int version;
        Check(Functions.ncclGetVersion(&version), "ncclGetVersion");
        Version = Search.Check(VendorSearch.VersionOf(version, 10000), Path);
    }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>Its version.</summary>
    public Version Version { get; }

    /// <summary>What it offers.</summary>
    public NcclFunctions Functions { get; }

    /// <summary>NCCL, or why there is none.</summary>
    /// <exception cref="DeviceException">It was asked for, and there is none of use.</exception>
    public static Nccl? TryOpen(string? search, out string whyNot)
        => Search.Open(OperatingSystem.IsWindows() ? search ?? "NVIDIA has none for Windows" : search, l => new Nccl(l), out whyNot);

    /// <summary>Throws where a call failed.</summary>
    /// <exception cref="CudaException">With the library's own words.</exception>
    public void Check(NcclResult result, string call)
    {
        if (result != NcclResult.Success) throw new CudaException(call, (int)result, $"nccl{result}", Marshal.PtrToStringUTF8(Functions.ncclGetErrorString(result)) ?? "reported by NCCL");
    }

    /// <summary>Functions by their exported names.</summary>
    internal readonly struct NcclFunctions(VendorLibrary l)
    {
        public readonly delegate* unmanaged<int*, NcclResult> ncclGetVersion = (delegate* unmanaged<int*, NcclResult>)l.Export("ncclGetVersion");
        public readonly delegate* unmanaged<NcclUniqueId*, NcclResult> ncclGetUniqueId = (delegate* unmanaged<NcclUniqueId*, NcclResult>)l.Export("ncclGetUniqueId");
        public readonly delegate* unmanaged<NcclResult, nint> ncclGetErrorString = (delegate* unmanaged<NcclResult, nint>)l.Export("ncclGetErrorString");
        public readonly delegate* unmanaged<nint*, int, NcclUniqueId, int, NcclResult> ncclCommInitRank = (delegate* unmanaged<nint*, int, NcclUniqueId, int, NcclResult>)l.Export("ncclCommInitRank");
        public readonly delegate* unmanaged<nint*, int, int*, NcclResult> ncclCommInitAll = (delegate* unmanaged<nint*, int, int*, NcclResult>)l.Export("ncclCommInitAll");
        public readonly delegate* unmanaged<nint, NcclResult> ncclCommDestroy = (delegate* unmanaged<nint, NcclResult>)l.Export("ncclCommDestroy");
        public readonly delegate* unmanaged<nint, NcclResult> ncclCommAbort = (delegate* unmanaged<nint, NcclResult>)l.Export("ncclCommAbort");
        public readonly delegate* unmanaged<nint, NcclResult*, NcclResult> ncclCommGetAsyncError = (delegate* unmanaged<nint, NcclResult*, NcclResult>)l.Export("ncclCommGetAsyncError");
        public readonly delegate* unmanaged<nint, int*, NcclResult> ncclCommCount = (delegate* unmanaged<nint, int*, NcclResult>)l.Export("ncclCommCount");
        public readonly delegate* unmanaged<nint, int*, NcclResult> ncclCommCuDevice = (delegate* unmanaged<nint, int*, NcclResult>)l.Export("ncclCommCuDevice");
        public readonly delegate* unmanaged<nint, int*, NcclResult> ncclCommUserRank = (delegate* unmanaged<nint, int*, NcclResult>)l.Export("ncclCommUserRank");
        public readonly delegate* unmanaged<nint, nint, nuint, NcclDataType, NcclRedOp, nint, nint, NcclResult> ncclAllReduce
            = (delegate* unmanaged<nint, nint, nuint, NcclDataType, NcclRedOp, nint, nint, NcclResult>)l.Export("ncclAllReduce");
        public readonly delegate* unmanaged<nint, nint, nuint, NcclDataType, int, nint, nint, NcclResult> ncclBroadcast
            = (delegate* unmanaged<nint, nint, nuint, NcclDataType, int, nint, nint, NcclResult>)l.Export("ncclBroadcast");
        public readonly delegate* unmanaged<nint, nint, nuint, NcclDataType, NcclRedOp, int, nint, nint, NcclResult> ncclReduce
            = (delegate* unmanaged<nint, nint, nuint, NcclDataType, NcclRedOp, int, nint, nint, NcclResult>)l.Export("ncclReduce");
        public readonly delegate* unmanaged<nint, nint, nuint, NcclDataType, nint, nint, NcclResult> ncclAllGather
            = (delegate* unmanaged<nint, nint, nuint, NcclDataType, nint, nint, NcclResult>)l.Export("ncclAllGather");
        public readonly delegate* unmanaged<nint, nint, nuint, NcclDataType, NcclRedOp, nint, nint, NcclResult> ncclReduceScatter
            = (delegate* unmanaged<nint, nint, nuint, NcclDataType, NcclRedOp, nint, nint, NcclResult>)l.Export("ncclReduceScatter");
        public readonly delegate* unmanaged<NcclResult> ncclGroupStart = (delegate* unmanaged<NcclResult>)l.Export("ncclGroupStart");
        public readonly delegate* unmanaged<NcclResult> ncclGroupEnd = (delegate* unmanaged<NcclResult>)l.Export("ncclGroupEnd");
    }
}
