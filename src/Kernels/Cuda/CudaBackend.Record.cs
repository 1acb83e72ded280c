namespace Tessera.Cuda;

internal sealed unsafe partial class CudaBackend
{
    volatile bool recording;

    /// <summary>Throws while a graph is recorded.</summary>
    public void RefuseInGraph(string call) => Check(recording ? CudaResult.ErrorStreamCaptureUnsupported : CudaResult.Success, call);

    /// <summary>Records what <paramref name="work"/> gives the stream, instead of running it.</summary>
    public RecordedWork Record(Action work)
    {
        Check(Driver.StreamBeginCapture(stream), "cuStreamBeginCapture");
        nint graph;
        CudaResult ended;
        recording = true;
        try
        {
            work();
        }
        finally
        {
            recording = false;
            // Also after an exception: else the stream would record for ever.
            ended = Driver.StreamEndCapture(stream, out graph);
        }
        Check(ended, "cuStreamEndCapture");
        var result = Driver.GraphInstantiate(graph, out nint executable);
        Driver.GraphDestroy(graph);
        Check(result, "cuGraphInstantiate");
        return new RecordedWork(this, executable);
    }

    internal void Replay(nint executable) => Check(Driver.GraphLaunch(executable, stream), "cuGraphLaunch");
}

/// <summary>A recorded stretch of a stream, ready to run.</summary>
internal sealed class RecordedWork(CudaBackend backend, nint executable) : IDisposable
{
    bool disposed;

    /// <summary>Gives it to the stream once more.</summary>
    public void Replay()
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        backend.Replay(executable);
    }

    public void Dispose()
    {
        if (disposed) return;
        disposed = true;
        backend.Synchronize();
        backend.Driver.GraphExecDestroy(executable);
    }
}
