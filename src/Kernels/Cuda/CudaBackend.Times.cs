using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <content>The time of each kernel, where somebody asks: see <see cref="KernelTimes"/>.</content>
internal sealed unsafe partial class CudaBackend
{
    KernelClock? clock;

    /// <inheritdoc cref="KernelTimes.Of"/>
    public IReadOnlyList<KernelTime> Time(Action work)
    {
        using KernelClock mine = new(this);
        if (Interlocked.CompareExchange(ref clock, mine, null) is not null)
            throw new DeviceException($"KernelTimes.Of: {Driver.Name} is being measured already: got a second measurement, expected one at a time.");
        try
        {
            work();
            return mine.Times;
        }
        finally
        {
            clock = null;
        }
    }

    /// <summary>Two events, and what was measured between them.</summary>
    sealed class KernelClock : IDisposable
    {
        readonly CudaBackend backend;
        readonly nint start, end;
        readonly Dictionary<string, (int Launches, double Milliseconds)> sums = new(StringComparer.Ordinal);

        public KernelClock(CudaBackend backend)
        {
            this.backend = backend;
            backend.Check(backend.Driver.EventCreate(timing: true, out start), "cuEventCreate");
            backend.Check(backend.Driver.EventCreate(timing: true, out end), "cuEventCreate");
        }

        public IReadOnlyList<KernelTime> Times => [.. sums.Select(s => new KernelTime(s.Key, s.Value.Launches, s.Value.Milliseconds))
            .OrderByDescending(t => t.Milliseconds).ThenBy(t => t.Kernel, StringComparer.Ordinal)];

        public CudaResult Start() => backend.Driver.EventRecord(start, backend.stream);

        public CudaResult Stop(string kernel)
        {
            var result = backend.Driver.EventRecord(end, backend.stream);
            if (result == CudaResult.Success) result = backend.Driver.EventSynchronize(end);
            if (result != CudaResult.Success) return result;
            backend.Check(backend.Driver.EventElapsedTime(start, end, out float milliseconds), "cuEventElapsedTime");
            lock (sums)
            {
                ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(sums, kernel, out _);
                sum = (sum.Launches + 1, sum.Milliseconds + milliseconds);
            }
            return result;
        }

        public void Dispose()
        {
            backend.Driver.EventDestroy(start);
            backend.Driver.EventDestroy(end);
        }
    }
}
