namespace Tessera.Vision;

/// <summary>Pictures of numbers.</summary>
static class Pictures
{
    /// <summary>Elements [H, W, C] in [0, 1], clamped; one channel becomes grey, of others the first three count.</summary>
    public static Image Of(ReadOnlySpan<float> hwc, int height, int width)
    {
        int channels = hwc.Length / (height * width);
        var rgb = Image.NewBuffer(width, height);
        for (int i = 0; i < height * width; i++)
            for (int c = 0; c < Image.Channels; c++)
                rgb[(i * Image.Channels) + c] = ToByte(hwc[(i * channels) + Math.Min(c, channels - 1)]);
        return Image.Own(rgb, width, height);
    }

    /// <summary>Signed elements [H, W, C]: grey is 0, the largest magnitude is black or full colour.</summary>
    public static Image OfSigned(ReadOnlySpan<float> hwc, int height, int width)
    {
        float max = 0;
        foreach (float v in hwc) max = Math.Max(max, Math.Abs(v));
        float[] x = new float[hwc.Length];
        for (int i = 0; i < x.Length; i++) x[i] = max == 0 ? 0.5f : 0.5f + (hwc[i] / (2 * max));
        return Of(x, height, width);
    }

    static byte ToByte(float v) => float.IsNaN(v) ? (byte)0 : (byte)MathF.Round(255 * Math.Clamp(v, 0, 1));
}
