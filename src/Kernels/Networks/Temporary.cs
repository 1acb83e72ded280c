namespace Tessera;

/// <summary>Device memory for the length of one composed operation.</summary>
internal readonly struct Temporary : IDisposable
{
    readonly Lease lease;

    /// <summary>Undefined elements in the given layout, which starts at offset 0 and has no gaps.</summary>
    public Temporary(Device device, Layout layout, DType dtype = DType.Float32)
    {
        (var storage, lease) = device.Memory.Rent(layout.Count * dtype.Size());
        View = new View(storage, dtype, layout);
    }

    /// <summary>A dense temporary of the shape and device of <paramref name="x"/>.</summary>
    public Temporary(View x) : this(x.Storage.Device, Layout.Dense(x.Shape)) { }

    /// <summary>The elements.</summary>
    public View View { get; }

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => lease.Dispose();
}
