namespace Tessera.Cuda;

internal sealed unsafe partial class CudaBackend
{
    volatile bool recording;

    // While work is recorded, and while the numbers of an optimizer's step are written anew without launching it.
    StepRates? rates;
    bool writesRatesOnly;

    /// <summary>Whether the work being recorded has drawn random numbers that no replay moves on.</summary>
    bool drewRandom;

    /// <summary>Throws while a graph is recorded.</summary>
    public void RefuseInGraph(string call) => Check(recording ? CudaResult.ErrorStreamCaptureUnsupported : CudaResult.Success, call);

    /// <summary>Records what <paramref name="work"/> gives the stream, instead of running it.</summary>
    public RecordedWork Record(Action work, StepRates numbers)
    {
        HashSet<Storage> written = [];
        Check(Driver.StreamBeginCapture(stream), "cuStreamBeginCapture");
        nint graph;
        CudaResult ended;
        (recording, rates, drewRandom, Storage.Written) = (true, numbers, false, written);
        checks.StartRecording();
        int[] looks = [];
        bool done = false;
        try
        {
            work();
            done = true;
        }
        finally
        {
            (recording, rates, Storage.Written) = (false, null, null);
            looks = checks.EndRecording();
            if (!done) checks.Forget(looks);
            // Also after an exception: else the stream would record for ever.
            ended = Driver.StreamEndCapture(stream, out graph);
        }
        Check(ended, "cuStreamEndCapture");
        var result = Driver.GraphInstantiate(graph, out nint executable);
        Driver.GraphDestroy(graph);
        Check(result, "cuGraphInstantiate");
        numbers.Close();
        numbers.Send();
        return new RecordedWork(this, executable, numbers, looks, [.. written]) { DrawsTheSame = drewRandom };
    }

    /// <summary>Takes the numbers of optimizer steps, which are not done now, and the streams of dropout for the next replay.</summary>
    internal void Rewrite(StepRates numbers, Action steps, StreamMove streams)
    {
        (rates, writesRatesOnly) = (numbers, true);
        try
        {
            numbers.Start(streams);
            steps();
        }
        finally
        {
            (rates, writesRatesOnly) = (null, false);
        }
        numbers.Send();
    }

    internal void Replay(nint executable, bool looks)
    {
        Check(Driver.GraphLaunch(executable, stream), "cuGraphLaunch");
        if (looks) checks.Replayed();
    }

    internal void End(nint executable, int[] looks)
    {
        try
        {
            Synchronize();
        }
        finally
        {
            checks.Forget(looks);
            Driver.GraphExecDestroy(executable);
        }
    }
}

/// <summary>A recorded stretch of a stream, ready to run; <paramref name="written"/> is the memory that it writes in place, <paramref name="looks"/> its checks of indices.</summary>
internal sealed class RecordedWork(CudaBackend backend, nint executable, StepRates numbers, int[] looks, Storage[] written) : IDisposable
{
    bool disposed;

    /// <summary>Whether it holds random numbers, beside those of dropout, that each replay draws again.</summary>
    public bool DrawsTheSame { get; init; }

    /// <summary>The streams that its dropout draws from.</summary>
    public IReadOnlyCollection<Philox> Streams => numbers.Streams;

    /// <summary>Gives it to the stream once more, after taking the numbers of these optimizer steps, if any; <paramref name="streams"/>: what dropout draws from then.</summary>
    public void Replay(Action? steps = null, StreamMove streams = default)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        if (steps != null) backend.Rewrite(numbers, steps, streams);
        backend.Replay(executable, looks.Length > 0);
        foreach (Storage storage in written) storage.Touch();
    }

    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        backend.End(executable, looks);
        numbers.Dispose();
    }
}
