namespace Tessera.Cuda;

/// <summary>
/// Checks of indices by kernels, whose outcome the host reads with the next transfer or wait instead of stopping for each: an index outside is an
/// error of the first call that waits for the device then. Kernels never follow such an index. Calls may come from any thread.
/// </summary>
internal sealed unsafe class IndexChecks(CudaBackend backend, nint stream) : IDisposable
{
    /// <summary>Checks that may be open at once, and as many again in recorded work.</summary>
    public const int Most = 256;

    const int Bytes = 2 * sizeof(ulong);

    readonly Lock gate = new();
    readonly List<Func<long, ShapeException>> given = [];

    // The checks of recorded work have words of their own, behind the others, as long as the recording lives.
    readonly Func<long, ShapeException>?[] kept = new Func<long, ShapeException>?[Most];
    List<int>? recording;
    bool replayed;

    nint device;
    ulong* host;

    ICudaDriver Driver => backend.Driver;

    /// <summary>A check, until it is disposed: its launches stand between the two.</summary>
    /// <param name="error">The error for an index that is outside.</param>
    public Check Begin(Func<long, ShapeException> error)
    {
        var turn = gate.EnterScope();
        try
        {
            if (recording != null) return new Check(device + ((Most + Keep(error)) * Bytes), turn);
            if (given.Count == Most) Wait("cuStreamSynchronize after checks of indices");
            if (device == 0) Open();
        }
        catch
        {
            turn.Dispose();
            throw;
        }
        given.Add(error);
        return new Check(device + ((given.Count - 1) * Bytes), turn);
    }

    /// <summary>Checks from now on are part of a recording.</summary>
    public void StartRecording()
    {
        lock (gate) recording = [];
    }

    /// <summary>Ends it; gives the numbers of its checks, for <see cref="Forget"/> once the recording is no longer used.</summary>
    public int[] EndRecording()
    {
        lock (gate)
        {
            int[] numbers = [.. recording ?? []];
            recording = null;
            return numbers;
        }
    }

    public void Forget(int[] numbers)
    {
        lock (gate) foreach (int number in numbers) kept[number] = null;
    }

    /// <summary>A recording with checks was given to the device.</summary>
    public void Replayed() => replayed = true;

    int Keep(Func<long, ShapeException> error)
    {
        int number = Array.IndexOf(kept, null);
        if (number < 0 || device == 0) backend.RefuseInGraph(device == 0 ? "a check of indices" : $"more than {Most} checks of indices");
        kept[number] = error;
        recording!.Add(number);
        return number;
    }

    /// <summary>A check that is being given to the device; nobody else reads or gives checks meanwhile.</summary>
    public readonly ref struct Check(nint words, Lock.Scope turn)
    {
        readonly Lock.Scope turn = turn;

        /// <summary>Two words of device memory, all ones, in which kernels say what <c>index.ptx</c> does.</summary>
        public nint Words => words;

        public void Dispose() => turn.Dispose();
    }

    /// <summary>Waits for the stream.</summary>
    /// <exception cref="ShapeException">A kernel has met an index outside since the last wait.</exception>
    public void Wait(string call)
    {
        // Who waits without an open check keeps nobody from giving work.
        if (Volatile.Read(ref device) == 0 || !Read(call)) backend.Check(Driver.StreamSynchronize(stream), call);
    }

    /// <summary>Reads the outcomes, which waits; false where there are none.</summary>
    bool Read(string call)
    {
        lock (gate)
        {
            if (given.Count == 0 && !replayed) return false;
            int count = replayed ? 2 * Most : given.Count;
            backend.Check(Driver.MemcpyDtoHAsync((nint)host, device, count * Bytes, stream), "cuMemcpyDtoHAsync of checks");
            backend.Check(Driver.StreamSynchronize(stream), call);
            var first = First();
            given.Clear();
            replayed = false;
            if (first is null) return true;
            Clear();
            throw first;
        }
    }

    /// <summary>The error of the first check that found something.</summary>
    ShapeException? First()
    {
        for (int i = 0; i < given.Count; i++) if (Found(i) is long index) return given[i](index);
        for (int i = 0; replayed && i < Most; i++) if (Found(Most + i) is long index) return kept[i]?.Invoke(index);
        return null;
    }

    long? Found(int check) => host[2 * check] == ulong.MaxValue ? null : (long)((host[2 * check] << 32) | (uint)host[(2 * check) + 1]);

    void Open()
    {
        backend.Check(Driver.MemHostAlloc(2 * Most * Bytes, out nint words), "cuMemHostAlloc for checks of indices");
        backend.Check(Driver.MemAlloc(2 * Most * Bytes, out nint address), "cuMemAlloc for checks of indices");
        host = (ulong*)words;
        device = address;
        Clear();
    }

    void Clear() => backend.Check(Driver.MemsetD8Async(device, 0xFF, 2 * Most * Bytes, stream), "cuMemsetD8Async");

    public void Dispose()
    {
        if (device == 0) return;
        _ = Driver.StreamSynchronize(stream);
        _ = Driver.MemFreeHost((nint)host);
        _ = Driver.MemFree(device);
    }
}
