namespace Tessera.Cuda;

/// <summary>
/// A dense [N, C, H, W] whose channels can be read four at a time: 16-byte aligned, with a multiple of four channels in each group. The tensor itself where
/// it is so already, else a copy with zeros behind the channels of each group.
/// </summary>
internal readonly struct Quads : IDisposable
{
    readonly Temporary copy;
    readonly bool copied;

    public Quads(Backend backend, View x, int groups)
    {
        int channels = x.Shape[1] / groups, padded = RoundUp(channels);
        View = x;
        if (padded == channels && ImplicitGemm.Address(x) % 16 == 0) return;
        copied = true;
        copy = new Temporary(x.Storage.Device, Layout.ChannelsLast([x.Shape[0], groups * padded, x.Shape[2], x.Shape[3]]));
        View = copy.View;
        if (padded != channels) backend.Fill(View, 0);
        backend.Copy(Grouped(x, groups, channels), Grouped(View, groups, channels));
    }

    /// <summary>The tensor, with its additional channels.</summary>
    public View View { get; }

    /// <summary>The next multiple of four.</summary>
    public static int RoundUp(int channels) => (channels + 3) & ~3;

    /// <summary>The first channels of each group of a dense [N, C, H, W], as [N, H, W, groups, channels].</summary>
    public static View Grouped(View x, int groups, int channels)
    {
        var s = x.Layout.Strides;
        return x.As(new Layout([x.Shape[0], x.Shape[2], x.Shape[3], groups, channels], [s[0], s[2], s[3], x.Shape[1] / groups, 1], x.Layout.Offset));
    }

    /// <summary>Gives the copy back, where there is one.</summary>
    public void Dispose()
    {
        if (copied) copy.Dispose();
    }
}
