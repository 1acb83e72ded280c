namespace Tessera.Benchmarks;

/// <summary>Something to measure, which gives one row of the table or several.</summary>
/// <param name="Name">What <c>--work</c> and the table call it; also the name of its first row.</param>
/// <param name="Measure">Does it.</param>
sealed record Work(string Name, Func<Bench, IEnumerable<Row>> Measure)
{
    /// <summary>All of them, in the order of the table.</summary>
    public static IReadOnlyList<Work> All { get; } =
    [
        .. GemmWorks.All, .. ConvWorks.All, .. InferenceWorks.All, .. TrainingWorks.All, .. ProcessWorks.All, .. LessonWorks.All, .. PhotoWorks.All, .. InterpretWorks.All, .. PassWorks.All, .. LayerWorks.All, .. EmulatorWorks.All,
    ];

    /// <summary>The work of a name, or those whose names begin with it; all for null.</summary>
    public static IReadOnlyList<Work> Named(string? name)
    {
        if (name is null) return All;
        Work[] exact = [.. All.Where(w => w.Name == name)];
        return exact.Length > 0 ? exact : [.. All.Where(w => w.Name.StartsWith(name, StringComparison.Ordinal))];
    }
}
