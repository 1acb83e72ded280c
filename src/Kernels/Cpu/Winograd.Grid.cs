namespace Tessera.Cpu;

internal static unsafe partial class Winograd
{
    /// <summary>Tiles over a batch of images, counted image by image.</summary>
    /// <param name="tile">Results of a tile in each direction: 4 or 2.</param>
    /// <param name="n">Images.</param>
    /// <param name="h">Rows of results of an image.</param>
    /// <param name="w">Columns of results of an image.</param>
    public readonly struct Grid(int tile, int n, int h, int w)
    {
        readonly int perRow = (w + tile - 1) / tile, perColumn = (h + tile - 1) / tile;

        /// <summary>Number of tiles.</summary>
        public int Count => n * perRow * perColumn;

        /// <summary>Products per result, relative to the 9 of a direct convolution.</summary>
        public double Cost => (tile + 2.0) * (tile + 2) * perRow * perColumn / (9.0 * h * w);

        /// <summary>Image of tile <paramref name="t"/>, and row and column of its first result.</summary>
        public (int N, int Y, int X) this[int t] => (t / (perRow * perColumn), t / perRow % perColumn * tile, t % perRow * tile);

        /// <summary>
        /// Address of the size x size pixels that begin <paramref name="dy"/>, <paramref name="dx"/> from the results of tile <paramref name="t"/>,
        /// <paramref name="row"/> floats from one row to the next: in the image, or where they reach over its border a copy with zeros.
        /// </summary>
        public float* Pixels(Image image, int t, int size, int dy, int dx, float* copy, out nint row)
        {
            var (n, y0, x0) = this[t];
            (y0, x0) = (y0 + dy, x0 + dx);
            int C = image.C, first = Math.Clamp(-x0, 0, size), end = Math.Clamp(image.W - x0, first, size);
            row = (nint)image.W * C;
            if (y0 >= 0 && y0 + size <= image.H && end - first == size) return image.At(n, y0, x0);
            row = (nint)size * C;
            for (int i = 0; i < size; i++)
            {
                float* to = copy + (i * row);
                int have = (uint)(y0 + i) < (uint)image.H ? end - first : 0;
                new Span<float>(to, first * C).Clear();
                if (have > 0) Panels.Copy(image.At(n, y0 + i, x0 + first), to + (first * C), have * C);
                new Span<float>(to + ((first + have) * C), (size - first - have) * C).Clear();
            }
            return copy;
        }

        /// <summary>Asks for the pixels of a tile that the tile to its left has not read.</summary>
        public void Prefetch(Image image, int t, int size, int dy, int dx)
        {
            if (t >= Count) return;
            var (n, y, x) = this[t];
            int y0 = Math.Max(y + dy, 0), y1 = Math.Min(y + dy + size, image.H), x0 = Math.Max(x + dx + (x > 0 ? size - tile : 0), 0), x1 = Math.Min(x + dx + size, image.W);
            for (int i = y0; i < y1; i++)
            {
                float* p = image.At(n, i, x0);
                for (int j = 0; j < (x1 - x0) * image.C; j += 16) Lanes.Prefetch(p + j);
            }
        }
    }
}
