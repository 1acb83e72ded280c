namespace Tessera.NN;

/// <summary>A column of the table: the most memory of a device that was in use at once during the epoch, in MiB.</summary>
/// <param name="device">Which device; null for the default one.</param>
public sealed class PeakMemory(Device? device = null) : Metric("peak_mem")
{
    readonly MemoryPool memory = (device ?? Device.Default).Memory;

    /// <inheritdoc/>
    public override double Value => memory.Peak / (double)(1 << 20);

    /// <inheritdoc/>
    public override void Reset() => memory.ResetPeak();

    /// <inheritdoc/>
    public override void Update(Tensor output, Tensor target) { }
}
