using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Tessera.Vision;

/// <summary>How <see cref="Image.Resize"/> weighs the source pixels around a target pixel at distance x (in source pixels, or target pixels when shrinking).</summary>
public enum ResizeFilter
{
    /// <summary>The one pixel under the target's centre; aliases when shrinking.</summary>
    Nearest,

    /// <summary>1 for |x| &lt;= 1/2: the mean of the area covered.</summary>
    Box,

    /// <summary>1-|x|.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -1/2.</summary>
    Bicubic,

    /// <summary>sinc(x) sinc(x/3).</summary>
    Lanczos,
}

/// <summary>
/// Separable resampling in 22-bit fixed point, horizontal then vertical, the image between the passes rounded to bytes:
/// the arithmetic of Pillow's resize, so that pictures prepared by either are equal.
/// </summary>
static class Resampler
{
    const int Bits = 22;

    public static Image Resize(Image x, int height, int width, ResizeFilter filter)
    {
        var rgb = Image.NewBuffer(width, height);
        if (filter == ResizeFilter.Nearest)
            Nearest(x, rgb, height, width);
        else
            Vertical(Horizontal(x, new Taps(x.Width, width, filter)), rgb, new Taps(x.Height, height, filter));
        return Image.Own(rgb, width, height);
    }

    static void Nearest(Image x, Span<byte> y, int height, int width)
    {
        var (sy, sx) = ((double)x.Height / height, (double)x.Width / width);
        var to = 0;
        for (var r = 0; r < height; r++)
        {
            var row = x.Row(Math.Min((int)((r + 0.5) * sy), x.Height - 1));
            for (var c = 0; c < width; c++, to += 3)
                row.Slice(3 * Math.Min((int)((c + 0.5) * sx), x.Width - 1), 3).CopyTo(y[to..]);
        }
    }

    /// <summary>[H, W, 3] to [H, out, 3].</summary>
    static Image Horizontal(Image x, Taps taps)
    {
        if (taps.Identity)
            return x;
        var y = Image.Own(Image.NewBuffer(taps.Out, x.Height), taps.Out, x.Height);
        var to = 0;
        for (var r = 0; r < x.Height; r++)
        {
            for (var c = 0; c < taps.Out; c++, to += 3)
            {
                var sum = Vector128.Create(Half);
                var from = 3 * (r * x.Width + taps.Start(c));
                foreach (var w in taps.Weights(c))
                {
                    sum += Pixel(x.Buffer, from) * w;
                    from += 3;
                }
                Store(y.Buffer, to, sum);
            }
        }
        return y;
    }

    /// <summary>Red, green, blue, and the byte behind them.</summary>
    static Vector128<int> Pixel(byte[] px, int at)
    {
        var rgbx = Vector128.CreateScalarUnsafe(BinaryPrimitives.ReadUInt32LittleEndian(px.AsSpan(at))).AsByte();
        return Vector128.WidenLower(Vector128.WidenLower(rgbx)).AsInt32();
    }

    /// <summary>Four sums as bytes; the fourth is overwritten by the next pixel, or is a spare one.</summary>
    static void Store(byte[] px, int at, Vector128<int> sums)
    {
        var bytes = Vector128.Min(Vector128.Max(sums >> Bits, Vector128<int>.Zero), Vector128.Create(255));
        var packed = Vector128.Shuffle(bytes.AsByte(), Vector128.Create((byte)0, 4, 8, 12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255));
        BinaryPrimitives.WriteUInt32LittleEndian(px.AsSpan(at), packed.AsUInt32().ToScalar());
    }

    /// <summary>[H, W, 3] to [out, W, 3].</summary>
    static void Vertical(Image x, byte[] y, Taps taps)
    {
        var length = x.Width * Image.Channels;
        for (var r = 0; r < taps.Out; r++)
        {
            var w = taps.Weights(r);
            var (from, to) = (taps.Start(r) * length, r * length);
            var i = 0;
            for (; i <= length - 16; i += 16)
            {
                var sum = Vector512.Create(Half);
                for (var k = 0; k < w.Length; k++)
                {
                    var bytes = Vector128.Create<byte>(x.Buffer.AsSpan(from + k * length + i, 16));
                    sum += Vector512.WidenLower(Vector256.WidenLower(bytes.ToVector256Unsafe()).ToVector512Unsafe()).AsInt32() * w[k];
                }
                var clamped = Vector512.Min(Vector512.Max(sum >> Bits, Vector512<int>.Zero), Vector512.Create(255)).AsUInt32();
                var narrow = Vector256.Narrow(clamped.GetLower(), clamped.GetUpper());
                Vector128.Narrow(narrow.GetLower(), narrow.GetUpper()).CopyTo(y.AsSpan(to + i, 16));
            }
            for (; i < length; i++)
            {
                var sum = Half;
                for (var k = 0; k < w.Length; k++)
                    sum += w[k] * x.Buffer[from + k * length + i];
                y[to + i] = (byte)Math.Clamp(sum >> Bits, 0, 255);
            }
        }
    }

    const int Half = 1 << (Bits - 1);

    /// <summary>Which source pixels, and with which weights (summing to 2^22), make each of the target's pixels along one side.</summary>
    sealed class Taps
    {
        readonly int size;
        readonly int[] starts, counts, weights;

        public Taps(int from, int to, ResizeFilter filter)
        {
            (Out, Identity) = (to, from == to);
            var scale = (double)from / to;
            var stretch = Math.Max(scale, 1);
            var support = Support(filter) * stretch;
            size = (int)Math.Ceiling(support) * 2 + 1;
            (starts, counts, weights) = (new int[to], new int[to], new int[to * size]);
            Span<double> w = new double[size];
            for (var o = 0; o < to; o++)
            {
                var centre = (o + 0.5) * scale;
                starts[o] = Math.Max((int)(centre - support + 0.5), 0);
                counts[o] = Math.Min((int)(centre + support + 0.5), from) - starts[o];
                var sum = 0.0;
                for (var k = 0; k < counts[o]; k++)
                    sum += w[k] = Weight(filter, (starts[o] + k - centre + 0.5) / stretch);
                for (var k = 0; k < counts[o]; k++)
                    weights[o * size + k] = (int)Math.Round(w[k] / sum * (1 << Bits), MidpointRounding.AwayFromZero);
            }
        }

        public int Out { get; }

        public bool Identity { get; }

        public int Start(int o) => starts[o];

        public ReadOnlySpan<int> Weights(int o) => weights.AsSpan(o * size, counts[o]);
    }

    static double Support(ResizeFilter filter) => filter switch
    {
        ResizeFilter.Box => 0.5,
        ResizeFilter.Bilinear => 1,
        ResizeFilter.Bicubic => 2,
        _ => 3,
    };

    static double Weight(ResizeFilter filter, double x)
    {
        var t = Math.Abs(x);
        return filter switch
        {
            ResizeFilter.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
            ResizeFilter.Bilinear => Math.Max(1 - t, 0),
            ResizeFilter.Bicubic => t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0,
            _ => t < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        };
    }

    static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}
