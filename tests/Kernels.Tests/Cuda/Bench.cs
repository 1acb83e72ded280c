using System.Runtime.InteropServices;
using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>
/// An emulated GPU under every check: no races in shared or global memory, no reads of what nobody wrote, no barriers or warp instructions that a part
/// of a warp misses, and no access beside a tensor: each has an allocation of its own, of its size, which has no content at first.
/// </summary>
internal sealed class CheckedGpu : IDisposable
{
    public CheckedGpu()
    {
        Backend = new CudaBackend(new EmulatedCudaDriver
        {
            Checks = PtxChecks.All,
            ChecksContent = true,
            Reported = (entry, report) =>
            {
                Launched.Add(entry);
                Findings.AddRange(report.Findings.Select(f => f.ToString()));
            },
        });
        Device = new Device("checked", Backend, exact: true);
    }

    public CudaBackend Backend { get; }

    public Device Device { get; }

    /// <summary>The entries, in the order they were launched.</summary>
    public List<string> Launched { get; } = [];

    /// <summary>What was found.</summary>
    public List<string> Findings { get; } = [];

    public void Dispose() => Backend.Dispose();
}

/// <summary>What a case works with: a device's operations and views in its memory.</summary>
internal sealed class Bench(Device device) : IDisposable
{
    readonly List<Lease> leases = [];
    readonly List<View> views = [];
    ulong seed;

    public CudaBackend Gpu { get; } = (CudaBackend)device.Backend;

    /// <summary>A dense view without content.</summary>
    public View Empty(Shape shape, DType type = DType.Float32)
    {
        var (storage, lease) = device.Memory.Rent(Math.Max(1, shape.Count) * type.Size());
        leases.Add(lease);
        var view = new View(storage, type, Layout.Dense(shape));
        views.Add(view);
        if (Cleared) Gpu.Upload(new byte[Math.Max(1, shape.Count) * type.Size()], storage);
        return view;
    }

    /// <summary>Whether views start as zeros.</summary>
    public bool Cleared { get; init; }

    /// <summary>The bytes of every view, in the order they were made.</summary>
    public byte[][] Contents() => [.. views.Select(v =>
    {
        byte[] content = new byte[v.Count * v.DType.Size()];
        Gpu.Download(v.Storage, content);
        return content;
    })];

    public View Normal(params int[] shape) => Of(new Shape(shape), Arrays.Normal(new Shape(shape).Count, ++seed));

    /// <summary>Dense numbers that begin at no multiple of 16 bytes and end with their memory.</summary>
    public View Late(params int[] shape)
    {
        var dense = Layout.Dense(new Shape(shape));
        return Normal((int)dense.Count + 1).As(new Layout(dense.Shape, dense.Strides, 1));
    }

    public View Positive(params int[] shape) => Of(new Shape(shape), [.. Arrays.Normal(new Shape(shape).Count, ++seed).Select(v => 0.1f + (v * v))]);

    /// <summary>Numbers of any type, cast on the device.</summary>
    public View Numbers(DType type, params int[] shape)
    {
        View y = Empty(new Shape(shape), type);
        Gpu.Copy(Normal(shape), y);
        return y;
    }

    public View Indices(int below, params int[] shape) => Of<long>(new Shape(shape), [.. Enumerable.Range(0, (int)new Shape(shape).Count).Select(i => (long)(i * 7 % below))], DType.Int64);

    public View Of<T>(Shape shape, T[] values, DType type = DType.Float32) where T : unmanaged
    {
        var view = Empty(shape, type);
        Gpu.Upload(MemoryMarshal.AsBytes(values.AsSpan()), view.Storage, view.Layout.Offset * type.Size());
        return view;
    }

    public void Dispose() => leases.ForEach(l => l.Dispose());
}
