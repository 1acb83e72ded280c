namespace Tessera;

/// <summary>All launches of one kernel in a piece of work.</summary>
/// <param name="Kernel">Its entry in the PTX text.</param>
/// <param name="Launches">How many.</param>
/// <param name="Milliseconds">Of the device, in all.</param>
public readonly record struct KernelTime(string Kernel, int Launches, double Milliseconds);

/// <summary>Where a device's time goes.</summary>
public static class KernelTimes
{
    /// <summary>
    /// Runs work and times every kernel it launches by events around it, the kernel of the most time first. Kernels run one at a time meanwhile, and a short
    /// one counts a few microseconds too much. Copies and calls of NVIDIA's libraries are not in it, nor what a <see cref="DeviceGraph"/> replays.
    /// </summary>
    /// <param name="device">A GPU. The emulator counts its own time, which says nothing of a GPU's.</param>
    /// <param name="work">Work for it; best run once before, so that its memory is there.</param>
    /// <exception cref="DeviceException">The device has no kernels, or is being measured already.</exception>
    /// <example><code>
    /// foreach (var (kernel, launches, ms) in KernelTimes.Of(device, () => step())) Console.WriteLine($"{ms,8:0.000} ms {launches,4} x {kernel}");
    /// </code></example>
    public static IReadOnlyList<KernelTime> Of(Device device, Action work)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(work);
        return device.Backend is Cuda.CudaBackend backend
            ? backend.Time(work)
            : throw new DeviceException($"KernelTimes.Of: the device launches no kernels: got {device}, expected a GPU such as cuda:0, or emulator.");
    }
}
