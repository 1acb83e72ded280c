namespace Tessera.Benchmarks;

/// <summary>Something to measure, which gives one row of the table or several.</summary>
/// <param name="Name">What <c>--work</c> and the table call it.</param>
/// <param name="Measure">Does it.</param>
sealed record Work(string Name, Func<Bench, IEnumerable<Row>> Measure)
{
    /// <summary>All of them, in the order of the table.</summary>
    public static IReadOnlyList<Work> All { get; } =
    [
        .. GemmWorks.All, .. ConvWorks.All, .. InferenceWorks.All, .. TrainingWorks.All,
    ];
}

/// <summary>What a work is given: how to sample, and how large.</summary>
/// <param name="Sampling">How long, how often.</param>
/// <param name="Machine">The peaks of this run.</param>
/// <param name="Size">Sizes.</param>
/// <param name="Photos">A folder of photos.</param>
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
