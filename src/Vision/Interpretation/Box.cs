namespace Tessera.Vision;

/// <summary>A rectangle of pixels.</summary>
readonly record struct Box(int Row, int Col, int Height, int Width)
{
    /// <summary>The smallest box around all elements above a ten-thousandth of the largest, which leaves out what is only rounding; the whole where all are 0.</summary>
    /// <param name="hwc">Elements in the order H, W, C; their magnitudes count.</param>
    /// <param name="shape">[C, H, W].</param>
    public static Box Around(float[] hwc, Shape shape)
    {
        var (channels, height, width) = (shape[0], shape[1], shape[2]);
        float[] magnitude = [.. hwc.Chunk(channels).Select(pixel => pixel.Max(Math.Abs))];
        float least = 1e-4f * magnitude.Max();
        int[] at = [.. Enumerable.Range(0, magnitude.Length).Where(i => magnitude[i] > least)];
        if (at.Length == 0) return new Box(0, 0, height, width);
        int top = at[0] / width, bottom = at[^1] / width, left = at.Min(i => i % width), right = at.Max(i => i % width);
        return new Box(top, left, bottom - top + 1, right - left + 1);
    }

    /// <summary>A box of the given size about the same centre, moved inside a picture [C, H, W] that it fits into.</summary>
    public Box Grown(int height, int width, Shape shape) => new(
        Math.Clamp(Row - ((height - Height) / 2), 0, shape[1] - height), Math.Clamp(Col - ((width - Width) / 2), 0, shape[2] - width), height, width);
}
