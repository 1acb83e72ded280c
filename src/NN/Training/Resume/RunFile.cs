namespace Tessera.NN;

/// <summary>
/// Keeps a fit call in a file, so that the same call goes on after its process was killed: <c>learn.FitOneCycle(5, resume: "stage-1.run")</c>. Where the file is
/// there, the call continues behind the last step in it, with the same bits as if nothing had happened; where it holds the whole run, the call
/// takes over its end and trains nothing. Delete it to train anew.
/// <para>The file has weights and statistics, the optimizer's moments and rates, gradients that wait for a step, the random generator, the place in the epoch,
/// the recorder and what callbacks <see cref="Callback.Remember"/>; with a SHA-256, and replaced whole or not at all. After every step the state is copied; a thread
/// writes the copy and has it flushed to the disk while the next batch runs forward and backward, and the next step waits until it is there: so a kill at any moment
/// costs at most one step, of any model. Where a write takes longer than a step, training runs at the speed of the disk: <see cref="Every"/> and
/// <see cref="Interval"/> write less often, and lose as much more.</para>
/// </summary>
/// <param name="Path">The file.</param>
public sealed record RunFile(string Path)
{
    /// <summary>Write after so many steps; a kill costs at most as many. The end of an epoch is written in any case. Default: 1.</summary>
    /// <exception cref="TesseraException">Less than 1.</exception>
    public int Every
    {
        get;
        init => field = value > 0 ? value : throw new TesseraException(FormattableString.Invariant($"RunFile: every: got {value} steps, expected at least 1."));
    } = 1;

    /// <summary>Of the steps of <see cref="Every"/>, leave out those less than this after the latest write; a kill costs at most this much time more. Default: none is left out.</summary>
    /// <exception cref="TesseraException">Negative.</exception>
    public TimeSpan Interval
    {
        get;
        init => field = value >= TimeSpan.Zero ? value : throw new TesseraException(FormattableString.Invariant($"RunFile: interval: got {value}, expected at least 0."));
    }

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
