namespace Tessera;

/// <summary>
/// Work of a GPU that was recorded once and is given to it again as a whole (a CUDA graph): the same kernels on the same memory, without the
/// processor's share of the work. What it reads is read anew each time, so write new input into the tensors that the recorded work read:
/// <c>x.CopyFrom(photo); graph.Replay();</c>
/// </summary>
public sealed class DeviceGraph : IDisposable
{
    readonly Device device;
    readonly MemoryPool memory;
    readonly Cuda.RecordedWork work;

    DeviceGraph(Device device, MemoryPool memory, Cuda.RecordedWork work) => (this.device, this.memory, this.work) = (device, memory, work);

    /// <summary>
    /// Runs <paramref name="work"/> once, so that all kernels are compiled, then records it. What it allocates lies in memory of the graph's own, which
    /// each replay overwrites; what it reads from elsewhere must live as long as the graph.
    /// </summary>
    /// <param name="device">A GPU, or the emulator.</param>
    /// <param name="work">Only work of the device, the same each time: no element may be read on the host, nothing uploaded, and numbers that the host computes
    /// stay as they are now, but for those of optimizer steps (<see cref="Replay(Action)"/>).</param>
    /// <exception cref="DeviceException">The device cannot record.</exception>
    /// <exception cref="CudaException">The work does what cannot be recorded.</exception>
    public static DeviceGraph Record(Device device, Action work)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(work);
        if (device.Backend is not Cuda.CudaBackend backend)
            throw new DeviceException($"DeviceGraph.Record: the device cannot record work: got {device}, expected a GPU such as cuda:0, or emulator.");
        var memory = new MemoryPool(device, device.Memory.Budget - device.Memory.Live);
        using (device.Use(memory))
        {
            work();
            Cuda.StepRates numbers = new(device);
            try
            {
                return new DeviceGraph(device, memory, backend.Record(work, numbers));
            }
            catch
            {
                numbers.Dispose();
                throw;
            }
        }
    }

    /// <summary>Gives the device the recorded work; its results are there after whatever waits for the device, such as reading them.</summary>
    public void Replay() => work.Replay();

    /// <summary>
    /// The same with other numbers in the recorded steps of optimizers (<see cref="Backend.SgdSteps"/>, <see cref="Backend.AdamSteps"/>, <see cref="Backend.RmsPropSteps"/>): learning rates,
    /// momenta, corrections.
    /// </summary>
    /// <param name="steps">Asks the backend for the same steps of the same parameters in the same order; they are not done now, only their numbers are taken.</param>
    /// <exception cref="TesseraException">The steps are others than those recorded.</exception>
    public void Replay(Action steps)
    {
        ArgumentNullException.ThrowIfNull(steps);
        work.Replay(steps);
    }

    /// <summary>The same, with dropout that draws from streams so far from those recorded.</summary>
    internal void Replay(Action steps, Cuda.StreamMove streams) => work.Replay(steps, streams);

    /// <summary>Whether the recorded work draws random numbers; each replay draws the same ones.</summary>
    public bool DrawsRandom => DrawsTheSame || Streams.Count > 0;

    /// <summary>Whether it draws some that no replay can move on.</summary>
    internal bool DrawsTheSame => work.DrawsTheSame;

    /// <summary>The streams of its dropout, which a replay can move on.</summary>
    internal IReadOnlyCollection<Philox> Streams => work.Streams;

    /// <summary>Waits for the device and gives the graph's memory back.</summary>
    public void Dispose()
    {
        work.Dispose();
        memory.Trim();
        GC.KeepAlive(device);
    }
}
