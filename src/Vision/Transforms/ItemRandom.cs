namespace Tessera.Vision;

/// <summary>
/// The random numbers of one item in one epoch. They depend on (seed, epoch, item) and the transform's place in the list alone,
/// never on threads or on what other items drew; a second object of the same three repeats them.
/// </summary>
/// <param name="stream">The item's own stream.</param>
public sealed class ItemRandom(Philox stream)
{
    readonly Philox philox = stream;
    (uint X, uint Y, uint Z, uint W) words;
    ulong block;
    int used = 4;

    /// <summary>The numbers of one item in one epoch.</summary>
    /// <param name="seed">Of the whole run.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="item">The item's index in its set, from 0.</param>
    public ItemRandom(ulong seed, int epoch, int item) : this(new Philox(seed).At((uint)epoch, (uint)item)) { }

    /// <summary>Numbers for one-off use without randomness, such as validation.</summary>
    public static ItemRandom Fixed => new(0, 0, 0);

    /// <summary>Starts the sub-stream of transform number <paramref name="k"/>.</summary>
    internal void Begin(int k) => (block, used) = ((ulong)k << 32, 4);

    /// <summary>The stream and its next block, where no numbers of a block are left; else null.</summary>
    internal (Philox Stream, ulong Block)? Next => used == 4 ? (philox, block) : null;

    /// <summary>32 random bits.</summary>
    public uint NextUInt32()
    {
        if (used == 4)
        {
            words = philox.Block(block++);
            used = 0;
        }
        return used++ switch { 0 => words.X, 1 => words.Y, 2 => words.Z, _ => words.W };
    }

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double NextDouble()
    {
        var high = (ulong)NextUInt32() << 21;
        return (high ^ (NextUInt32() >> 11)) * (1.0 / (1UL << 53));
    }

    /// <summary>Uniform in 0..n-1.</summary>
    public int NextInt(int n) => (int)(NextUInt32() * (ulong)n >> 32);

    /// <summary>True with probability <paramref name="p"/>.</summary>
    public bool Coin(double p) => NextDouble() < p;
}
