namespace Tessera;

/// <summary>
/// A seeded source of random streams: each call to <see cref="Next"/> names a new Philox stream. Layers that draw (initialisation, dropout)
/// take theirs from <see cref="Default"/>, so <c>Generator.Seed(42)</c> makes a run repeatable.
/// </summary>
public sealed class Generator(ulong seed)
{
    ulong next;

    /// <summary>What layers draw from where no generator is given.</summary>
    public static Generator Default { get; private set; } = new(0);

    /// <summary>The seed.</summary>
    public ulong SeedValue { get; } = seed;

    /// <summary>How many streams were handed out; with the seed it is the generator's whole state.</summary>
    public ulong Position
    {
        get => next;
        set => next = value;
    }

    /// <summary>Starts the default generator again from a seed.</summary>
    public static void Seed(ulong seed) => Default = new Generator(seed);

    /// <summary>The next stream.</summary>
    public Philox Next() => new(SeedValue, Interlocked.Increment(ref next));
}
