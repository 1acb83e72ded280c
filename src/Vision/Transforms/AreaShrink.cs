using System.Runtime.Intrinsics;

namespace Tessera.Vision;

/// <summary>Adaptive average pooling: target pixel o is the mean of source pixels floor(o in/out) to ceil((o+1) in/out) - 1 along each side.</summary>
static class AreaShrink
{
    /// <summary>[H, W] pixels to [h, w, 4] floats between 0 and 1.</summary>
    public static void Run<T>(T px, int H, int W, Span<float> y, int h, int w) where T : struct, IPixels
    {
        for (var r = 0; r < h; r++)
        {
            var (r0, r1) = Cover(r, H, h);
            for (var c = 0; c < w; c++)
            {
                var (c0, c1) = Cover(c, W, w);
                var sum = Vector128<float>.Zero;
                for (var i = r0; i < r1; i++)
                {
                    for (var j = c0; j < c1; j++)
                        sum += px.Load(i * W + j);
                }
                (sum * (1 / (T.One * (r1 - r0) * (c1 - c0)))).CopyTo(y.Slice(4 * (r * w + c), 4));
            }
        }
    }

    static (int From, int To) Cover(int o, int size, int shrunk) =>
        ((int)((long)o * size / shrunk), (int)(((o + 1L) * size + shrunk - 1) / shrunk));
}
