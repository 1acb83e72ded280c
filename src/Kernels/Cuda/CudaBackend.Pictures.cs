using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <content>Photos to pictures: all photos of a batch go up as bytes, with a record each; one kernel does the rest. The bits are the CPU's.</content>
internal sealed unsafe partial class CudaBackend
{
    const string PicturesFile = "pictures.ptx";

    internal override void SamplePictures(Picture[] pictures, View y, ChannelScale scale)
    {
        if (y.Count == 0) return;
        ExpectFloat("SamplePictures", y);
        ExpectCountable(y);
        var records = new PictureSampling[pictures.Length];
        long bytes = 0;
        for (int p = 0; p < pictures.Length; p++)
        {
            records[p] = pictures[p].How with { Offset = bytes };
            bytes += Bytes(records[p]);
        }
        using var photos = new Temporary(y.Storage.Device, Layout.RowMajor([checked((int)bytes)]), DType.UInt8);
        using var items = new Temporary(y.Storage.Device, Layout.RowMajor([records.Length * sizeof(PictureSampling)]), DType.UInt8);
        for (int p = 0; p < pictures.Length; p++) Upload(pictures[p].Pixels.Span[..Bytes(records[p])], photos.View.Storage, records[p].Offset);
        Upload(MemoryMarshal.AsBytes(records.AsSpan()), items.View.Storage);
        var sizes = new PictureSizes((int)(y.Count / 3), y.Shape, scale);
        var kernel = PtxFormula.Kernel(Kernels, default(PictureLight), "light", PicturesFile, "sample_pictures", static _ => [new("light", v => Ops.Light(v[0], v[1], v[2]))]);
        Launch(kernel, BlocksFor(y.Count / 3), BlockSize, [y, photos.View, items.View, KernelArgument.Struct(ref sizes)]);

        static int Bytes(in PictureSampling how) => 3 * how.Height * how.Width;
    }

    internal override void NormalizeBytes(View x, View y, ChannelScale scale)
    {
        if (y.Count == 0) return;
        ExpectFloat("NormalizeBytes", y);
        ExpectCountable(y);
        var sizes = new PictureSizes((int)y.Count, y.Shape, scale);
        Launch(PicturesFile, "normalize_bytes", BlocksFor(y.Count), BlockSize, [y, x, KernelArgument.Struct(ref sizes)]);
    }

    /// <summary>What the kernels call "sizes".</summary>
    [StructLayout(LayoutKind.Sequential)]
    readonly struct PictureSizes(int count, Shape y, ChannelScale scale)
    {
        readonly int count = count, h = y[2], w = y[3];
        readonly float mean0 = scale.Mean.Span[0], mean1 = scale.Mean.Span[1], mean2 = scale.Mean.Span[2];
        readonly float std0 = scale.Std.Span[0], std1 = scale.Std.Span[1], std2 = scale.Std.Span[2];
    }

    /// <summary>Names the formula of the picture kernel; it has no parameters.</summary>
    readonly struct PictureLight;
}
