using System.Runtime.InteropServices;

namespace Tessera;

public abstract partial class Backend
{
    /// <summary>y [N, 3, h, w] ← a batch of photos of any sizes, each sampled once, lit, cropped and normalised. y dense, one picture an image of y.</summary>
    internal virtual void SamplePictures(Picture[] pictures, View y, ChannelScale scale)
    {
        if (y.Count == 0) return;
        int h = y.Shape[2], w = y.Shape[3], n = 0;
        float[] all = new float[y.Count];
        for (int p = 0; p < pictures.Length; p++)
        {
            var how = pictures[p].How;
            var sampler = new PictureSampler(pictures[p].Pixels.Span, how);
            for (int i = 0; i < h; i++)
                for (int j = 0; j < w; j++, n += 3)
                {
                    var pixel = all.AsSpan(n, 3);
                    bool light = sampler.At(i, j, pixel) && how.Lit != 0;
                    for (int k = 0; k < 3; k++)
                    {
                        float v = light ? (float)Ops.Light(Vec1.Create(pixel[k]), Vec1.Create(how.Scale), Vec1.Create(how.Shift)) : pixel[k];
                        pixel[k] = (v - scale.Mean.Span[k]) / scale.Std.Span[k];
                    }
                }
        }
        Upload(MemoryMarshal.AsBytes(all.AsSpan()), y.Storage, y.Layout.Offset * sizeof(float));
    }

    /// <summary>y [N, 3, h, w] ← (x/255 - mean)/std of bytes x [N, 3, h, w]; both dense.</summary>
    internal virtual void NormalizeBytes(View x, View y, ChannelScale scale)
    {
        Copy(x, y);
        for (int k = 0; k < 3; k++)
        {
            View channel = y.Slice(1, k, 1);
            Unary(new Ops.MulScalar(1f / 255), channel, channel);
            Unary(new Ops.Affine(1 / scale.Std.Span[k], -scale.Mean.Span[k] / scale.Std.Span[k]), channel, channel);
        }
    }
}
