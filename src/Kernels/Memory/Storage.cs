namespace Tessera;

/// <summary>A block of device memory that several views may share. It goes back to its pool when the last <see cref="Lease"/> is released.</summary>
public sealed class Storage
{
    readonly MemoryPool pool;
    readonly Block block;
    DerivedForms? forms;
    int leases;

    internal Storage(MemoryPool pool, Block block)
    {
        (this.pool, this.block, Pointer, Bytes) = (pool, block, block.Pointer, block.Used);
    }

    /// <summary>The device whose memory this is.</summary>
    public Device Device => pool.Device;

    /// <summary>Bytes asked for.</summary>
    public long Bytes { get; }

    /// <summary>Counts writes; automatic differentiation compares it to notice a saved tensor that was changed in place.</summary>
    public int Version { get; private set; }

    /// <summary>True once the memory went back to the pool.</summary>
    public bool IsReleased => Volatile.Read(ref leases) == 0;

    /// <summary>True where more than one lease holds this memory.</summary>
    public bool IsShared => Volatile.Read(ref leases) > 1;

    /// <summary>Address in the device's memory; host memory on the CPU. 64-byte aligned.</summary>
    internal nint Pointer { get; }

    /// <summary>Where this thread's writes in place are collected while work is recorded that will do them again.</summary>
    [ThreadStatic]
    internal static HashSet<Storage>? Written;

    /// <summary>Notes a write in place.</summary>
    public void Touch()
    {
        Version++;
        Written?.Add(this);
    }

    /// <summary>One more user of this memory.</summary>
    public Lease Rent()
    {
        Interlocked.Increment(ref leases);
        return new Lease(this);
    }

    /// <summary>What kernels made of the content to read it faster.</summary>
    internal DerivedForms Forms => Volatile.Read(ref forms) ?? Interlocked.CompareExchange(ref forms, new DerivedForms(this, pool), null) ?? forms!;

    internal void Release(bool finalizing)
    {
        if (Interlocked.Decrement(ref leases) != 0) return;
        Volatile.Read(ref forms)?.Close();
        pool.Return(block, finalizing);
    }
}

/// <summary>One use of a storage, released exactly once: by a tensor's Dispose, by the end of its scope, or by the tensor's finalizer.</summary>
public sealed class Lease : IDisposable
{
    Storage? storage;

    internal Lease(Storage storage) => this.storage = storage;

    /// <summary>True once released.</summary>
    public bool IsReleased => Volatile.Read(ref storage) is null;

    /// <summary>Gives the use back; further calls do nothing.</summary>
    public void Dispose() => Release(finalizing: false);

    /// <summary>Gives the use back; <paramref name="finalizing"/> says that only the garbage collector noticed it was due.</summary>
    public void Release(bool finalizing) => Interlocked.Exchange(ref storage, null)?.Release(finalizing);
}
