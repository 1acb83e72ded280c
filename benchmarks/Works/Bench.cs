namespace Tessera.Benchmarks;

/// <summary>What a work is given: how to sample, and how large.</summary>
/// <param name="Sampling">How long, how often.</param>
/// <param name="Machine">The peaks of this run.</param>
/// <param name="Size">Sizes.</param>
/// <param name="Photos">A folder of photos; null for those of the repository.</param>
sealed record Bench(Sampling Sampling, Machine Machine, BenchSize Size, string? Photos);

/// <summary>How large the work is: as the table says, or tiny, to see that it works.</summary>
/// <param name="Batch">Photos a batch.</param>
/// <param name="Side">Side of a photo.</param>
/// <param name="Width">Channels of the networks' stem.</param>
/// <param name="Divisor">What sizes of matrices and channels are divided by.</param>
sealed record BenchSize(int Batch, int Side, int Width, int Divisor)
{
    public static BenchSize Full { get; } = new(16, 224, 64, 1);

    public static BenchSize Tiny { get; } = new(2, 64, 8, 8);

    /// <summary>True for the tiny sizes.</summary>
    public bool IsTiny => Divisor > 1;
}
