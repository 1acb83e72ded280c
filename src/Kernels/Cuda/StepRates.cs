using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>How far the random streams of a replay are from those recorded: the seed is changed by xor, the stream's number by adding.</summary>
internal readonly record struct StreamMove(ulong Change, ulong Further);

/// <summary>
/// The numbers of the optimizer's launches in recorded work, such as learning rates and Adam's corrections: a row for each launch, in memory of the
/// device. The recorded kernels read them there, so a replay goes on with the numbers of its own step. The first row says where dropout has got to.
/// </summary>
internal sealed class StepRates : IDisposable
{
    const int Words = 8, Most = 512;

    readonly Storage storage;
    readonly Lease lease;
    readonly float[] rows = new float[Words * (Most + 1)];
    readonly (int Chunks, int States)[] launches = new (int, int)[Most];
    int recorded, next;

    public StepRates(Device device) => (storage, lease) = device.Memory.Rent(sizeof(float) * Words * (Most + 1));

    /// <summary>The streams that recorded dropout draws from.</summary>
    public HashSet<Philox> Streams { get; } = [];

    /// <summary>Notes a stream; returns the address of how far a replay's is from it, a <see cref="StreamMove"/>.</summary>
    public nint Draw(Philox random)
    {
        Streams.Add(random);
        return storage.Pointer;
    }

    /// <summary>Puts a launch's numbers, at most 8, into the next row; returns its address.</summary>
    /// <exception cref="TesseraException">It is not the launch that was recorded here.</exception>
    public nint Put(ReadOnlySpan<float> numbers, in StepList list)
    {
        if (next == Most) throw new TesseraException($"DeviceGraph: launches of optimizer steps: got more than {Most}, expected fewer. Hint: use fewer groups of parameters.");
        var launch = (list.Chunks, list.States);
        if (next < recorded && launches[next] != launch)
            throw new TesseraException("DeviceGraph.Replay: an optimizer's step: got another one than was recorded, expected the same parameters with the same moments. "
                + "Hint: a momentum that becomes 0, or was 0, is another step; record again.");
        launches[next] = launch;
        numbers.CopyTo(rows.AsSpan(++next * Words));
        return storage.Pointer + (nint)(next * Words * sizeof(float));
    }

    /// <summary>Everything is recorded.</summary>
    public void Close() => recorded = next;

    /// <summary>From now on rows are written anew, from the first one on.</summary>
    public void Start(StreamMove streams)
    {
        next = 0;
        MemoryMarshal.Write(MemoryMarshal.AsBytes(rows.AsSpan()), streams);
    }

    /// <summary>Sends the rows, for all work given to the device from now on.</summary>
    public void Send()
    {
        if (next != recorded)
            throw new TesseraException($"DeviceGraph.Replay: launches of the optimizer's step: got {next}, expected the {recorded} that were recorded. "
                + "Hint: parameters, groups and gradients must stay those of the recording; record again after changing them.");
        storage.Device.Backend.Upload(MemoryMarshal.AsBytes(rows.AsSpan(0, (recorded + 1) * Words)), storage);
    }

    public void Dispose() => lease.Dispose();
}
