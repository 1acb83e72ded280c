using System.Diagnostics;

namespace Tessera.Cuda;

/// <content>
/// Streams, events and graphs. Work is done when it is given, or, where it is deferred, when somebody waits for it: then in the order of its stream,
/// and no further than what is waited for.
/// </content>
internal sealed unsafe partial class EmulatedCudaDriver
{
    readonly Lock turn = new();

    /// <summary>Whether the work of a stream is put off until somebody waits for it: as late as a GPU may do it, so that a missing wait shows.</summary>
    public bool Deferred { get; set; }

    sealed class Stream
    {
        /// <summary>While it is captured, work goes here instead of being done.</summary>
        public List<Func<CudaResult>>? Graph;

        /// <summary>What is put off.</summary>
        public readonly Queue<Func<CudaResult>> Later = new();
    }

    sealed class Event
    {
        public long At;

        /// <summary>How often it was recorded, how often that was reached, and where.</summary>
        public int Recorded, Reached;
        public Stream? Stream;
    }

    public CudaResult StreamCreate(out nint stream)
    {
        lock (gate) stream = Keep(new Stream());
        return CudaResult.Success;
    }

    public CudaResult StreamDestroy(nint stream) => Drop(stream);

    public CudaResult StreamSynchronize(nint stream)
        => Find<Stream>(stream) is not { } s ? CudaResult.Success : s.Graph is null ? CatchUp(s) : CudaResult.ErrorStreamCaptureUnsupported;

    public CudaResult StreamQuery(nint stream)
    {
        lock (turn) return Find<Stream>(stream) is { Later.Count: > 0 } ? CudaResult.ErrorNotReady : CudaResult.Success;
    }

    public CudaResult StreamWaitEvent(nint stream, nint @event)
    {
        if (Find<Event>(@event) is not { } e) return CudaResult.ErrorInvalidHandle;
        int recorded = e.Recorded;
        return Order(stream, () => CatchUp(e, recorded));
    }

    public CudaResult StreamBeginCapture(nint stream)
    {
        if (Find<Stream>(stream) is not { } s) return CudaResult.ErrorInvalidHandle;
        if (s.Graph is not null) return Refused(CudaResult.ErrorInvalidValue, "the stream is being captured");
        s.Graph = [];
        return CudaResult.Success;
    }

    public CudaResult StreamEndCapture(nint stream, out nint graph)
    {
        graph = 0;
        if (Find<Stream>(stream) is not { Graph: { } work } s) return Refused(CudaResult.ErrorInvalidValue, "the stream is not being captured");
        s.Graph = null;
        lock (gate) graph = Keep(work);
        return CudaResult.Success;
    }

    public CudaResult GraphInstantiate(nint graph, out nint executable)
    {
        executable = 0;
        if (Find<List<Func<CudaResult>>>(graph) is not { } work) return CudaResult.ErrorInvalidHandle;
        lock (gate) executable = Keep(work.ToArray());
        return CudaResult.Success;
    }

    public CudaResult GraphLaunch(nint executable, nint stream)
    {
        if (Find<Func<CudaResult>[]>(executable) is not { } work) return CudaResult.ErrorInvalidHandle;
        foreach (var node in work)
            if (Order(stream, node) is var result and not CudaResult.Success) return result;
        return CudaResult.Success;
    }

    public CudaResult GraphExecDestroy(nint executable) => Drop(executable);

    public CudaResult GraphDestroy(nint graph) => Drop(graph);

    public CudaResult EventCreate(bool timing, out nint @event)
    {
        lock (gate) @event = Keep(new Event());
        return CudaResult.Success;
    }

    public CudaResult EventDestroy(nint @event) => Drop(@event);

    public CudaResult EventRecord(nint @event, nint stream)
    {
        if (Find<Event>(@event) is not { } e) return CudaResult.ErrorInvalidHandle;
        int recorded = ++e.Recorded;
        e.Stream = Find<Stream>(stream);
        return Order(stream, () =>
        {
            (e.At, e.Reached) = (Stopwatch.GetTimestamp(), recorded);
            return CudaResult.Success;
        });
    }

    public CudaResult EventQuery(nint @event)
        => Find<Event>(@event) is not { } e ? CudaResult.ErrorInvalidHandle : Deferred && e.Reached < e.Recorded ? CudaResult.ErrorNotReady : CudaResult.Success;

    public CudaResult EventSynchronize(nint @event) => Find<Event>(@event) is { } e ? CatchUp(e, e.Recorded) : CudaResult.ErrorInvalidHandle;

    public CudaResult EventElapsedTime(nint start, nint end, out float milliseconds)
    {
        milliseconds = 0;
        if (Find<Event>(start) is not { At: > 0 } a || Find<Event>(end) is not { At: > 0 } b) return CudaResult.ErrorInvalidHandle;
        milliseconds = (float)Stopwatch.GetElapsedTime(a.At, b.At).TotalMilliseconds;
        return CudaResult.Success;
    }

    public CudaResult CtxSynchronize()
    {
        Stream[] streams;
        lock (gate) streams = [.. handles.Values.OfType<Stream>()];
        foreach (var s in streams)
            if (CatchUp(s) is var result and not CudaResult.Success) return result;
        return CudaResult.Success;
    }

    /// <summary>Work of a stream: into its graph, done later, or done.</summary>
    CudaResult Order(nint stream, Func<CudaResult> work)
    {
        if (stream == 0 || Find<Stream>(stream) is not { } s) return work();
        if (s.Graph is { } graph) graph.Add(work);
        else if (!Deferred) return work();
        else
            lock (turn) s.Later.Enqueue(work);
        return CudaResult.Success;
    }

    CudaResult Order(nint stream, Action work) => Order(stream, () =>
    {
        work();
        return CudaResult.Success;
    });

    /// <summary>Does what an event that was recorded <paramref name="recorded"/> times waits for.</summary>
    CudaResult CatchUp(Event e, int recorded) => Deferred && e.Stream is { } s ? CatchUp(s, () => e.Reached >= recorded) : CudaResult.Success;

    /// <summary>Does what a stream has put off, up to where <paramref name="enough"/> says so.</summary>
    CudaResult CatchUp(Stream s, Func<bool>? enough = null)
    {
        if (!Deferred) return CudaResult.Success;
        lock (turn)
            while (enough?.Invoke() != true && s.Later.TryDequeue(out var work))
                if (work() is var result and not CudaResult.Success) return result;
        return CudaResult.Success;
    }
}
