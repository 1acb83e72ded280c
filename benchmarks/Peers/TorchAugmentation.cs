using SkiaSharp;

namespace Tessera.Benchmarks;

/// <summary>
/// The kind of changes of <c>Transforms.Default()</c>, as one drawing by Skia: random crop of the photo scaled to its shorter side, flip, warp, rotation,
/// zoom, brightness and contrast, with the same ranges and probabilities.
/// </summary>
static class TorchAugmentation
{
    const float Warp = 0.2f, Degrees = 10, Zoom = 1.1f, Lighting = 0.2f;
    const double Often = 0.75;

    /// <summary>Draws a photo into a square.</summary>
    public static void Draw(SKBitmap photo, SKCanvas canvas, int side, Random r)
    {
        using var paint = new SKPaint { ColorFilter = Light(r) };
        using var image = SKImage.FromBitmap(photo);
        canvas.SetMatrix(Matrix(photo.Width, photo.Height, side, r));
        canvas.DrawImage(image, 0, 0, new SKSamplingOptions(SKFilterMode.Linear), paint);
    }

    static SKMatrix Matrix(int width, int height, int side, Random r)
    {
        float half = side / 2f, scale = (float)side / Math.Min(width, height);
        float slackX = (width * scale) - side, slackY = (height * scale) - side;
        var m = SKMatrix.CreateScale(scale, scale).PostConcat(SKMatrix.CreateTranslation(-slackX * r.NextSingle(), -slackY * r.NextSingle()));
        if (r.NextDouble() < 0.5) m = m.PostConcat(SKMatrix.CreateScale(-1, 1, half, half));
        if (r.NextDouble() < Often) m = m.PostConcat(Perspective(Between(r, -Warp, Warp) / side, Between(r, -Warp, Warp) / side, half));
        if (r.NextDouble() < Often) m = m.PostConcat(SKMatrix.CreateRotationDegrees(Between(r, -Degrees, Degrees), half, half));
        if (r.NextDouble() < Often)
        {
            float zoom = Between(r, 1, Zoom);
            m = m.PostConcat(SKMatrix.CreateScale(zoom, zoom, side * r.NextSingle(), side * r.NextSingle()));
        }
        return m;
    }

    static SKMatrix Perspective(float x, float y, float centre) => SKMatrix.CreateTranslation(-centre, -centre)
        .PostConcat(new SKMatrix(1, 0, 0, 0, 1, 0, x, y, 1))
        .PostConcat(SKMatrix.CreateTranslation(centre, centre));

    // contrast · (colour - 1/2) + 1/2 + brightness
    static SKColorFilter? Light(Random r)
    {
        bool bright = r.NextDouble() < Often, contrasty = r.NextDouble() < Often;
        if (!bright && !contrasty) return null;
        float shift = bright ? Between(r, -Lighting / 2, Lighting / 2) : 0, scale = contrasty ? Between(r, 1 - Lighting, 1 / (1 - Lighting)) : 1;
        float offset = (0.5f * (1 - scale)) + shift;
        return SKColorFilter.CreateColorMatrix(
        [
            scale, 0, 0, 0, offset,
            0, scale, 0, 0, offset,
            0, 0, scale, 0, offset,
            0, 0, 0, 1, 0,
        ]);
    }

    static float Between(Random r, float low, float high) => low + ((high - low) * r.NextSingle());
}
