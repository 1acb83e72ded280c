using System.Collections.Concurrent;

namespace Tessera.Vision;

/// <summary>Decoded photos for later epochs: first come, first kept, until the budget of bytes is spent. Nothing is put out again, so nothing is decoded in vain.</summary>
sealed class DecodedPhotos(long budget)
{
    readonly ConcurrentDictionary<string, Image> photos = new(StringComparer.Ordinal);
    long left = budget;

    /// <summary>Photos kept.</summary>
    public int Count => photos.Count;

    /// <summary>The photo of a file, where it was kept.</summary>
    public Image? Find(string path) => photos.GetValueOrDefault(path);

    /// <summary>Keeps a copy where the budget allows.</summary>
    public void Keep(string path, Image image)
    {
        long bytes = image.Pixels.Length;
        if (Interlocked.Add(ref left, -bytes) < 0 || !photos.TryAdd(path, new Image(image.Width, image.Height, image.Pixels)))
            Interlocked.Add(ref left, bytes);
    }
}
