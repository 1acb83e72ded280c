namespace Tessera.NN;

/// <summary>
/// Keeps a fit call in a file, so that the same call goes on after its process was killed: <c>learn.FitOneCycle(5, resume: "stage-1.run")</c>. Where the file is
/// there, the call continues behind the last step in it, with the same bits as if nothing had happened; where it holds the whole run, the call
/// takes over its end and trains nothing. Delete it to train anew.
/// <para>The file has weights and statistics, the optimizer's moments and rates, gradients that wait for a step, the random generator, the place in the epoch,
/// the recorder and what callbacks <see cref="Callback.Remember"/>; with a SHA-256, and replaced whole or not at all. The state is copied after a
/// step, written and flushed while the next batch is computed, and on the disk before the next step begins: with <see cref="Every"/> 1 a kill costs at most one step.</para>
/// </summary>
/// <param name="Path">The file.</param>
public sealed record RunFile(string Path)
{
    /// <summary>The largest state that is written after every step where nothing is said.</summary>
    internal const long SmallState = 16 << 20;

    /// <summary>Write after so many steps; null: after every step where the state is at most 16 MiB, else each <see cref="Interval"/>. The end of an epoch is written in any case.</summary>
    /// <exception cref="TesseraException">Less than 1.</exception>
    public int? Every
    {
        get;
        init => field = value is null or > 0 ? value : throw new TesseraException(FormattableString.Invariant($"RunFile: every: got {value} steps, expected at least 1."));
    }

    /// <summary>How long the work of a large model may at most be lost where <see cref="Every"/> is null. Default: 30 seconds.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A path is a file with the default settings.</summary>
    public static implicit operator RunFile(string path) => FromString(path);

    /// <summary>A file with the default settings.</summary>
    public static RunFile FromString(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new RunFile(path);
    }

    /// <summary>The file of one of several calls that belong together: <c>stage.run</c> becomes <c>stage.NAME.run</c>.</summary>
    internal RunFile Part(string name) => this with { Path = System.IO.Path.ChangeExtension(Path, name + System.IO.Path.GetExtension(Path)) };
}
