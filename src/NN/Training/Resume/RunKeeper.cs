using System.Diagnostics;
using System.Globalization;

namespace Tessera.NN;

/// <summary>Writes a run into its <see cref="RunFile"/> after all other callbacks, and reads it back.</summary>
sealed class RunKeeper : Callback
{
    const string SamePart = "same";
    readonly RunFile file;
    readonly Learner learner;
    readonly string call, content;
    readonly IReadOnlyDictionary<string, string> identity;
    readonly Dictionary<string, Tensor> copies = new(StringComparer.Ordinal);
    readonly Stopwatch sinceWritten = Stopwatch.StartNew();
    RunState? stored;
    Task? writing;

    /// <param name="file">Where.</param>
    /// <param name="learner">Whose run.</param>
    /// <param name="call">What identifies the call, for people.</param>
    /// <param name="content">The optimizer and its parameters.</param>
    /// <param name="identity">What else must be as it was: see <see cref="RunIdentity"/>.</param>
    /// <exception cref="TesseraException">The file holds another run, or is damaged.</exception>
    public RunKeeper(RunFile file, Learner learner, string call, string content, IReadOnlyDictionary<string, string> identity)
    {
        (this.file, this.learner, this.call, this.content, this.identity) = (file, learner, call, content, identity);
        if (file.Path.Contains('\0', StringComparison.Ordinal))
            throw new TesseraException(
                $"Fit: resume: no name of a file: got {file.Path.Replace("\0", "\\0", StringComparison.Ordinal)}, expected a path without the character NUL. "
                    + "Hint: \"stage-1.run\" is one.");
        if (File.Exists(file.Path)) stored = RunState.Read(file.Path);
        if (stored?.Tensors.ContainsKey("run/call") == false)
            throw new DataException($"Fit: {file.Path} holds no run: got another kind of file, expected one that resume: wrote. Hint: name a new file; this one is as it was.");
        if (stored is not null) Check(stored);
        RemoveUnfinished();
    }

    public override int Order => int.MaxValue;

    /// <summary>Whether there is something to go on from.</summary>
    public bool Resumes => stored is not null;

    public override void TrainBegin(TrainingState s)
    {
        if (stored is null) return;
        Exchange(stored, s, 0, 0);
        if (s.Batch > 0) s.StopTraining = false; // the epoch in which it was asked for is not over
        bool complete = s.Epoch >= s.Epochs || s.StopTraining;
        learner.Display?.Line(complete
            ? $"{file.Path}: this run is complete, its end was loaded. Delete the file to train anew."
            : string.Create(CultureInfo.InvariantCulture, $"{file.Path}: goes on at epoch {s.Epoch}, batch {s.Batch}."));
        if (complete) Forget();
    }

    /// <summary>Within an epoch, what other callbacks did at its beginning had happened before.</summary>
    public override void EpochBegin(TrainingState s)
    {
        if (stored is null) return;
        if (stored.Part("run").Value("batch", 0L) > 0) Exchange(stored, s, 0, 0);
        Forget();
    }

    /// <summary>The state of the last step is on the disk before this one changes anything.</summary>
    public override void BackwardEnd(TrainingState s) => Wait();

    public override void BatchEnd(TrainingState s)
    {
        if (s.IsTraining && IsDue(s)) Write(s, s.Epoch, s.Batch + 1);
    }

    public override void EpochEnd(TrainingState s) => Write(s, s.Epoch + 1, 0);

    public override void TrainEnd(TrainingState s, Exception? error)
    {
        try
        {
            Wait();
        }
        catch (TesseraException) when (error is not null)
        {
            // The first error is the one worth reporting.
        }
        finally
        {
            foreach (var t in copies.Values) t.Dispose();
            Forget();
        }
    }

    bool IsDue(TrainingState s) => s.Iteration % file.Every == 0 && sinceWritten.Elapsed >= file.Interval;

    void Write(TrainingState s, int epoch, int batch)
    {
        Wait();
        using (Scope.Begin())
        using (Autograd.NoGrad())
        {
            var state = RunState.ToWrite();
            state.Part("run").Text("call", call);
            state.Part("run").Text("content", content);
            foreach (var (part, what) in identity) state.Part(SamePart).Text(part, what);
            Exchange(state, s, epoch, batch);
            Copy(state.Tensors);
        }
        Dictionary<string, Tensor> snapshot = new(copies, StringComparer.Ordinal);
        writing = Task.Run(() => Safetensors.Write(file.Path, snapshot));
        sinceWritten.Restart();
    }

    void Exchange(RunState state, TrainingState s, int epoch, int batch)
    {
        s.Remember(state.Part("run"), epoch, batch);
        learner.Remember(state, this);
    }

    /// <summary>Copies on the host that no later step changes; their memory is used again.</summary>
    void Copy(IReadOnlyDictionary<string, Tensor> state)
    {
        foreach (var gone in copies.Keys.Where(name => !state.ContainsKey(name)).ToList())
            if (copies.Remove(gone, out var tensor)) tensor.Dispose();
        foreach (var (name, tensor) in state)
        {
            if (copies.TryGetValue(name, out var copy) && copy.Shape == tensor.Shape)
            {
                copy.CopyFrom(tensor);
                continue;
            }
            copy?.Dispose();
            copies[name] = Scope.Keep(tensor.Device == Device.Cpu ? tensor.Clone() : tensor.To(Device.Cpu));
        }
    }

    void Wait()
    {
        var task = writing;
        writing = null;
        task?.GetAwaiter().GetResult();
    }

    void Forget()
    {
        stored?.Release();
        stored = null;
    }

    void Check(RunState state)
    {
        var run = state.Part("run");
        string? otherCall = run.Text("call", null), otherContent = run.Text("content", null);
        if (otherCall != call)
            throw new TesseraException($"Fit: {file.Path} holds another run: got {otherCall}; expected {call}. Hint: call as before to continue it, or name another file.");
        if (otherContent != content)
            throw new TesseraException(
                $"Fit: {file.Path} holds a run of another optimizer, other layer groups or another freezing: got {Short(otherContent)}, "
                    + $"expected {Short(content)}. Hint: make the learner as before to continue it, or name another file.");
        CheckIdentity(state);
    }

    void CheckIdentity(RunState state)
    {
        string[] parts = [.. state.Entries(SamePart).Keys];
        if (parts.Length == 0)
        {
            learner.Display?.Line($"{file.Path}: written by an older Tessera: whether photos, classes, transforms, callbacks and frozen weights are those of the run cannot be checked.");
            return;
        }
        var same = parts.ToDictionary(part => part, part => state.Part(SamePart).Text(part, null) ?? "", StringComparer.Ordinal);
        string[] differing = [.. identity.Keys.Union(parts, StringComparer.Ordinal).Where(part => same.GetValueOrDefault(part) != identity.GetValueOrDefault(part))];
        if (differing.Length == 0) return;
        var differences = differing.Select(part => Difference(part, same.GetValueOrDefault(part) ?? "none", identity.GetValueOrDefault(part) ?? "none"));
        throw new TesseraException($"Fit: {file.Path} holds another run: {string.Join("; ", differences)}. Hint: call as before to continue it, or name another file.");
    }

    /// <summary>What a part was and is, from a little before the place where they part.</summary>
    static string Difference(string part, string was, string now)
    {
        int from = Math.Max(0, was.Zip(now).TakeWhile(c => c.First == c.Second).Count() - 20);
        return $"{part}: got {Cut(was)}, expected {Cut(now)}";

        string Cut(string text) => from >= text.Length ? Short(text) : (from > 0 ? "..." : "") + Short(text[from..]);
    }

    /// <summary>What a process left behind that was killed while it wrote.</summary>
    void RemoveUnfinished()
    {
        string path = Path.GetFullPath(file.Path), folder = Path.GetDirectoryName(path)!;
        if (!Directory.Exists(folder)) return;
        foreach (string left in Directory.EnumerateFiles(folder, Path.GetFileName(path) + ".*.tmp")) File.Delete(left);
    }

    static string Short(string? text) => text is { Length: > 80 } ? text[..80] + "..." : text ?? "";
}
