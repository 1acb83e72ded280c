namespace Tessera.Cuda;

/// <summary>
/// A dense [N, C, H, W] whose channels can be read four at a time: 16-byte aligned, with a multiple of four channels in each group. The tensor itself where
/// it is so already, else a copy with zeros behind the channels of each group.
/// </summary>
internal readonly struct Quads : IDisposable
{
    readonly Temporary copy;
    readonly bool copied;

    public Quads(CudaBackend backend, View x, int groups)
    {
        int channels = x.Shape[1] / groups, padded = RoundUp(channels);
        View = x;
        if (padded == channels && x.Address % 16 == 0) return;
        copied = true;
        copy = new Temporary(x.Storage.Device, Layout.ChannelsLast([x.Shape[0], groups * padded, x.Shape[2], x.Shape[3]]));
        View = copy.View;
        backend.CopyPadded(x, View, channels);
    }

    /// <summary>The tensor, with its additional channels.</summary>
    public View View { get; }

    /// <summary>The next multiple of four.</summary>
    public static int RoundUp(int channels) => (channels + 3) & ~3;

    /// <summary>Gives the copy back, where there is one.</summary>
    public void Dispose()
    {
        if (copied) copy.Dispose();
    }
}
