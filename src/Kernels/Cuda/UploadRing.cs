namespace Tessera.Cuda;

/// <summary>
/// Uploads that nobody waits for. Bytes are copied into page-locked memory of the host, a stream of its own brings them to a buffer on the device while
/// kernels run, and the stream of the kernels moves them to their place in the order of its work. Both buffers are used as one ring; only who
/// needs more of it than is free waits. Calls may come from any thread.
/// </summary>
internal sealed unsafe class UploadRing(CudaBackend backend, nint kernels) : IDisposable
{
    /// <summary>Bytes of the ring: a batch of 100 photos of 224 x 224 is on its way while the one before is learned from.</summary>
    public const int Size = 64 << 20;

    /// <summary>Bytes of a piece: its transfer runs while the next one is copied.</summary>
    const int Piece = 4 << 20;

    const int Most = 64, Alignment = 256;

    readonly Lock gate = new();
    readonly Queue<InFlight> inFlight = new();
    readonly Stack<(nint Arrived, nint Moved)> events = new();
    nint copies, host, device;
    int next;

    /// <summary>Bytes <paramref name="Start"/>..<paramref name="End"/> of the ring, in use until the kernels' stream has moved them.</summary>
    readonly record struct InFlight(int Start, int End, (nint Arrived, nint Moved) Events);

    ICudaDriver Driver => backend.Driver;

    /// <summary>Bytes to an address of the device, after all work given to the kernels' stream and before all that will be. The source may be written at once.</summary>
    public void Send(ReadOnlySpan<byte> source, nint target)
    {
        backend.RefuseInGraph("an upload");
        lock (gate)
        {
            if (host == 0) Open();
            for (int done = 0; done < source.Length; done += Piece)
                SendPiece(source.Slice(done, Math.Min(Piece, source.Length - done)), target + done);
        }
    }

    void SendPiece(ReadOnlySpan<byte> bytes, nint target)
    {
        int at = Reserve(bytes.Length);
        bytes.CopyTo(new Span<byte>((void*)(host + at), bytes.Length));
        var (arrived, moved) = Events();
        inFlight.Enqueue(new InFlight(at, at + bytes.Length, (arrived, moved)));
        Check(Driver.MemcpyHtoDAsync(device + at, host + at, bytes.Length, copies), "cuMemcpyHtoDAsync");
        Check(Driver.EventRecord(arrived, copies), "cuEventRecord");
        Check(Driver.StreamWaitEvent(kernels, arrived), "cuStreamWaitEvent");
        Check(Driver.MemcpyDtoDAsync(target, device + at, bytes.Length, kernels), "cuMemcpyDtoDAsync of an upload");
        Check(Driver.EventRecord(moved, kernels), "cuEventRecord");
    }

    /// <summary>The start of so many bytes of the ring that nothing uses, after waiting for what did.</summary>
    int Reserve(int bytes)
    {
        int start = next + bytes <= Size ? next : 0;
        while (inFlight.Count == Most || inFlight.Any(f => f.Start < start + bytes && start < f.End))
        {
            var oldest = inFlight.Dequeue();
            Check(Driver.EventSynchronize(oldest.Events.Moved), "cuEventSynchronize before an upload");
            events.Push(oldest.Events);
        }
        next = (start + bytes + Alignment - 1) / Alignment * Alignment;
        return start;
    }

    (nint Arrived, nint Moved) Events()
    {
        if (events.TryPop(out var spare)) return spare;
        Check(Driver.EventCreate(timing: false, out nint arrived), "cuEventCreate");
        Check(Driver.EventCreate(timing: false, out nint moved), "cuEventCreate");
        return (arrived, moved);
    }

    void Open()
    {
        try
        {
            Check(Driver.StreamCreate(out copies), "cuStreamCreate");
            Check(Driver.MemAlloc(Size, out device), "cuMemAlloc for uploads");
            Check(Driver.MemHostAlloc(Size, out host), "cuMemHostAlloc for uploads");
        }
        catch (CudaException)
        {
            // The next upload tries again.
            Close();
            throw;
        }
    }

    void Check(CudaResult result, string call) => backend.Check(result, call);

    public void Dispose()
    {
        if (copies == 0) return;
        foreach (var f in inFlight) events.Push(f.Events);
        _ = Driver.StreamSynchronize(kernels);
        _ = Driver.StreamSynchronize(copies);
        foreach (var (arrived, moved) in events)
        {
            _ = Driver.EventDestroy(arrived);
            _ = Driver.EventDestroy(moved);
        }
        Close();
    }

    void Close()
    {
        if (host != 0) _ = Driver.MemFreeHost(host);
        if (device != 0) _ = Driver.MemFree(device);
        if (copies != 0) _ = Driver.StreamDestroy(copies);
        (host, device, copies) = (0, 0, 0);
    }
}
