using static Tessera.Cuda.LibCuda;

namespace Tessera.Cuda;

/// <summary>Streams, graphs and events.</summary>
internal sealed unsafe partial class NativeCudaDriver
{
    public CudaResult StreamCreate(out nint stream)
    {
        MakeCurrent();
        return cuStreamCreate(out stream, CudaStreamFlags.NonBlocking);
    }

    public CudaResult StreamDestroy(nint stream)
    {
        MakeCurrent();
        return cuStreamDestroy_v2(stream);
    }

    public CudaResult StreamSynchronize(nint stream)
    {
        MakeCurrent();
        return cuStreamSynchronize(stream);
    }

    public CudaResult StreamQuery(nint stream)
    {
        MakeCurrent();
        return cuStreamQuery(stream);
    }

    public CudaResult StreamWaitEvent(nint stream, nint @event)
    {
        MakeCurrent();
        return cuStreamWaitEvent(stream, @event, 0);
    }

    public CudaResult StreamBeginCapture(nint stream)
    {
        MakeCurrent();
        // Relaxed: what is recorded may take memory and load kernels, as it does when it runs.
        return cuStreamBeginCapture_v2(stream, CudaCaptureMode.Relaxed);
    }

    public CudaResult StreamEndCapture(nint stream, out nint graph)
    {
        MakeCurrent();
        return cuStreamEndCapture(stream, out graph);
    }

    public CudaResult GraphInstantiate(nint graph, out nint executable)
    {
        MakeCurrent();
        return cuGraphInstantiateWithFlags(out executable, graph, 0);
    }

    public CudaResult GraphLaunch(nint executable, nint stream)
    {
        MakeCurrent();
        return cuGraphLaunch(executable, stream);
    }

    public CudaResult GraphExecDestroy(nint executable)
    {
        MakeCurrent();
        return cuGraphExecDestroy(executable);
    }

    public CudaResult GraphDestroy(nint graph)
    {
        MakeCurrent();
        return cuGraphDestroy(graph);
    }

    public CudaResult EventCreate(bool timing, out nint @event)
    {
        MakeCurrent();
        return cuEventCreate(out @event, timing ? CudaEventFlags.Default : CudaEventFlags.DisableTiming);
    }

    public CudaResult EventDestroy(nint @event)
    {
        MakeCurrent();
        return cuEventDestroy_v2(@event);
    }

    public CudaResult EventRecord(nint @event, nint stream)
    {
        MakeCurrent();
        return cuEventRecord(@event, stream);
    }

    public CudaResult EventQuery(nint @event)
    {
        MakeCurrent();
        return cuEventQuery(@event);
    }

    public CudaResult EventSynchronize(nint @event)
    {
        MakeCurrent();
        return cuEventSynchronize(@event);
    }

    public CudaResult EventElapsedTime(nint start, nint end, out float milliseconds)
    {
        MakeCurrent();
        return cuEventElapsedTime(out milliseconds, start, end);
    }
}
