using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>
/// cuDNN's handle, and its functions under the names that users of ManagedCuda know: one method a function, on float32 at addresses of the device. A method gives false where cuDNN has no way
/// for such operands, and throws where the call failed. Two calls must not overlap: <see cref="CudnnLayers"/> sees to that.
/// </summary>
internal sealed unsafe partial class CudaDNNContext : IDisposable
{
    /// <summary>The environment variable that turns it on or off, or names its file.</summary>
    public const string Variable = "TESSERA_CUDNN";

    /// <summary>Where it is looked for.</summary>
    public static readonly VendorSearch Search = new("cuDNN", Variable,
        OperatingSystem.IsWindows() ? ["cudnn64_9.dll", "cudnn64_8.dll"] : ["libcudnn.so.9", "libcudnn.so.8"], ["cudnn/lib", "cudnn/bin"], new Version(8, 9), new Version(10, 0));

    readonly Functions f;
    readonly nint handle;

    CudaDNNContext(VendorLibrary library, nint stream)
    {
        Path = library.Path;
        f = new Functions(library);
        Version = Search.Check(VendorSearch.VersionOf((long)f.cudnnGetVersion(), 90000), Path);
        handle = Create(f.cudnnCreate, "cudnnCreate");
        try
        {
            SetStream(stream);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Its file.</summary>
    public string Path { get; }

    /// <summary>Its version.</summary>
    public Version Version { get; }

    /// <summary>Its functions.</summary>
    internal ref readonly Functions F => ref f;

    /// <summary>cuDNN for a stream of the current context, or why there is none.</summary>
    /// <exception cref="DeviceException">It was asked for, and there is none of use.</exception>
    public static CudaDNNContext? TryOpen(nint stream, string? search, out string whyNot) => Search.Open(search, l => new CudaDNNContext(l, stream), out whyNot);

    /// <summary>The stream that all further calls go to.</summary>
    public void SetStream(nint stream) => Check(f.cudnnSetStream(handle, stream), "cudnnSetStream");

    public void Dispose() => _ = f.cudnnDestroy(handle);

    /// <summary>What a function has made.</summary>
    internal nint Create(delegate* unmanaged<nint*, int> create, string call)
    {
        nint made;
        Check(create(&made), call);
        return made;
    }

    /// <summary>Throws where a call failed, with what describes its operands.</summary>
    internal void Check(int status, string call, params ReadOnlySpan<Descriptor> operands)
    {
        if (status == 0) return;
        string of = operands.Length == 0 ? call : $"{call}({string.Join("; ", operands.ToArray().AsEnumerable())})", meaning = Marshal.PtrToStringUTF8(f.cudnnGetErrorString(status)) ?? "";
        throw new CudaException(of, status, meaning, "reported by cuDNN");
    }

    /// <summary>Whether cuDNN has a way for a call; throws where it failed. cuDNN 8 has one number for what it has no way for, cuDNN 9 a thousand.</summary>
    bool IsSupported(int status, string call, params ReadOnlySpan<Descriptor> operands)
    {
        if (status is 9 or (>= 3000 and < 4000)) return false;
        Check(status, call, operands);
        return true;
    }
}
