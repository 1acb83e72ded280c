using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>The primary context of a GPU, which everything in the process shares: kept from construction on, given back once.</summary>
internal sealed class PrimaryContext : SafeHandle
{
    readonly int device;

    /// <exception cref="CudaException">The driver refuses it.</exception>
    public PrimaryContext(int device) : base(0, ownsHandle: true)
    {
        this.device = device;
        NativeCudaDriver.Check(LibCuda.cuDevicePrimaryCtxRetain(out nint context, device), "cuDevicePrimaryCtxRetain");
        SetHandle(context);
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Makes it the context of the calling thread.</summary>
    /// <exception cref="CudaException">The driver refuses it.</exception>
    public void MakeCurrent()
    {
        ObjectDisposedException.ThrowIf(IsClosed, this);
        NativeCudaDriver.Check(LibCuda.cuCtxSetCurrent(handle), "cuCtxSetCurrent");
    }

    protected override bool ReleaseHandle() => LibCuda.cuDevicePrimaryCtxRelease_v2(device) == CudaResult.Success;
}
