namespace Tessera;

/// <summary>
/// Counter-based random numbers (Philox4x32-10; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
/// A stream is named by a seed and a stream number; word i of a stream can be had directly, so any device and any number of threads draws the same.
/// </summary>
/// <param name="Seed">The user's seed: the key.</param>
/// <param name="Stream">Which stream of the seed: for example a step and a layer, or an epoch and an item.</param>
public readonly record struct Philox(ulong Seed, ulong Stream = 0)
{
    /// <summary>A stream of this seed for two coordinates, such as (epoch, item) or (step, layer).</summary>
    public Philox At(uint high, uint low) => this with { Stream = Mix(Stream) ^ (((ulong)high << 32) | low) };

    /// <summary>Four words of block <paramref name="block"/>.</summary>
    public (uint X, uint Y, uint Z, uint W) Block(ulong block)
    {
        uint x = (uint)block, y = (uint)(block >> 32), z = (uint)Stream, w = (uint)(Stream >> 32);
        uint k0 = (uint)Seed, k1 = (uint)(Seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong p0 = 0xD2511F53UL * x, p1 = 0xCD9E8D57UL * z;
            (x, y, z, w) = ((uint)(p1 >> 32) ^ y ^ k0, (uint)p1, (uint)(p0 >> 32) ^ w ^ k1, (uint)p0);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }
        return (x, y, z, w);
    }

    /// <summary>Word <paramref name="index"/> of the stream.</summary>
    public uint Word(ulong index)
    {
        var (x, y, z, w) = Block(index >> 2);
        return (index & 3) switch { 0 => x, 1 => y, 2 => z, _ => w };
    }

    /// <summary>A number in [0, 1) with 24 bits from word <paramref name="index"/>.</summary>
    public float Uniform(ulong index) => ToUniform(Word(index));

    /// <summary>A standard normal number from words 2·index and 2·index + 1.</summary>
    public float Normal(ulong index) => ToNormal(Word(2 * index), Word((2 * index) + 1));

    /// <summary>The 24 upper bits as a number in [0, 1).</summary>
    public static float ToUniform(uint word) => (word >> 8) * (1f / 16777216);

    /// <summary>Box-Muller: √(-2 ln u) · cos 2πv with u in (0, 1], computed in double precision.</summary>
    public static float ToNormal(uint a, uint b)
    {
        double u = (a + 1.0) / 4294967296.0, v = b / 4294967296.0;
        return (float)(Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * v));
    }

    /// <summary>A permutation of 0..n-1 (Fisher-Yates).</summary>
    public int[] Permutation(int n)
    {
        int[] order = [.. Enumerable.Range(0, n)];
        for (int i = n - 1; i > 0; i--)
        {
            int j = (int)(((ulong)Word((ulong)i) * (ulong)(i + 1)) >> 32);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    /// <summary>A step of SplitMix64, so that stream 0 does not become the small numbers a <c>Generator</c> counts up.</summary>
    static ulong Mix(ulong z)
    {
        z += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
