using System.Diagnostics;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>A run that was interrupted goes on with the same bits.</summary>
[NonParallelizable]
public sealed class ResumeTests
{
    const int Kills = 4;

    [Test]
    public void AKilledProcessLosesAtMostOneStepAndNoBit()
    {
        using var folder = new TemporaryFolder();
        string run = folder.File("stage.run"), losses = folder.File("losses.txt");
        List<string> expected = [];
        var unbroken = KilledRun.Learner();
        KilledRun.Train(unbroken, null, (epoch, batch, loss) => expected.Add(KilledRun.Line(epoch, batch, loss).TrimEnd()));
        string end = $"end {string.Join(' ', KilledRun.Bits(unbroken))}";

        List<string> all = [];
        Random random = new(7);
        for (int kill = 0; kill < 40; kill++)
        {
            File.WriteAllText(losses, "");
            using var process = Start(run, losses);
            bool ended = kill >= Kills && process.WaitForExit(60_000);
            if (!ended) KillAfter(process, losses, 1 + random.Next(10), TimeSpan.FromMilliseconds(random.Next(8)));
            string[] lines = [.. Read(losses).Split('\n')[..^1]]; // the last is empty, or cut off
            if (all.Count > 0 && lines.Length > 0 && !lines[0].StartsWith("end", StringComparison.Ordinal))
                Assert.That(expected.IndexOf(lines[0]), Is.InRange(expected.IndexOf(all[^1]), expected.IndexOf(all[^1]) + 1), "the first step after a kill: the lost one, or the next");
            all.AddRange(lines);
            Assert.That(Directory.GetFiles(folder.Path, "*.tmp"), Has.Length.LessThanOrEqualTo(1), "what a kill left behind is removed at the next start");
            if (ended) break;
        }
        Assert.That(all[^1], Is.EqualTo(end), "weights, statistics and validation losses");
        Assert.That(all[..^1].Distinct(), Is.EqualTo(expected), "each step's loss, those done again too");
        Assert.That(all, Has.Count.GreaterThan(Kills + 1));
    }

    [TestCase("batch_begin", 0, 3), TestCase("step_end", 1, 0), TestCase("batch_end", 1, 11), TestCase("valid batch_begin", 1, 1), TestCase("epoch_end", 2, 3), TestCase("train_end", 4, 3)]
    public void AnInterruptedRunGoesOnWithTheSameBits(string at, int epoch, int batch)
    {
        using TemporaryFolder folder = new(), other = new();
        var expected = Interrupted(folder, null, "", 0, 0);
        foreach (string place in new[] { at, "" })
        {
            var learn = Interrupted(other, other.File("stage.run"), place, epoch, batch);
            if (place.Length > 0) continue;
            Assert.That(KilledRun.Bits(learn), Is.EqualTo(KilledRun.Bits(expected)));
            Assert.That(learn.Recorder.BatchLosses, Is.EqualTo(expected.Recorder.BatchLosses));
            Assert.That(learn.Recorder.Losses, Is.EqualTo(expected.Recorder.Losses));
            Assert.That(learn.Recorder.Lrs, Is.EqualTo(expected.Recorder.Lrs));
            Assert.That(learn.Recorder.Momenta, Is.EqualTo(expected.Recorder.Momenta));
            Assert.That(learn.Recorder.BatchCounts, Is.EqualTo(expected.Recorder.BatchCounts));
            Assert.That(learn.Recorder.MetricValues, Is.EqualTo(expected.Recorder.MetricValues));
            Assert.That(learn.Optimizer!.Groups.Select(g => g.Lr), Is.EqualTo(expected.Optimizer!.Groups.Select(g => g.Lr)));
            Assert.That(learn.EpochsTrained, Is.EqualTo(expected.EpochsTrained));
            Assert.That(Rows(other), Is.EqualTo(Rows(folder)), "the table as a file");
        }
    }

    /// <summary>Trains with callbacks that remember much; at the named place the process is as good as gone.</summary>
    static Learner Interrupted(TemporaryFolder folder, string? run, string at, int epoch, int batch)
    {
        var learn = KilledRun.Learner();
        var gone = new Probe
        {
            At = 90,
            Event = (e, s) =>
            {
                if ((s.IsTraining ? e : e.EndsWith("end", StringComparison.Ordinal) && !e.StartsWith("batch", StringComparison.Ordinal) ? e : $"valid {e}") == at && s.Epoch == epoch && s.Batch == batch)
                    throw new InvalidOperationException("gone");
            }
        };
        Callback[] callbacks = [new GradientAccumulation(5), new CsvLogger(folder.File("table.csv")), new ReduceLrOnPlateau("error_rate", minDelta: 1, minLr: 1e-9),
            new EarlyStop("error_rate", minDelta: 1, patience: 2), new Checkpoint(folder.File("best.safetensors")), new NanStop(),
            new Mixup(), new Ema(0.9), new ActivationStats(), gone];
        void Fit() => learn.Fit(6, 0.02, callbacks: callbacks, resume: run is null ? null : new RunFile(run) { Every = 1 });
        if (at.Length > 0) Assert.That(Fit, Throws.InvalidOperationException.With.Message.EqualTo("gone"));
        else Fit();
        return learn;
    }

    /// <summary>The rows without their times.</summary>
    static IEnumerable<string> Rows(TemporaryFolder folder) => File.ReadLines(folder.File("table.csv")).Select(l => l[..l.LastIndexOf(',')]);

    [Test]
    public void ACompleteRunIsTakenOverWithoutTraining()
    {
        using var folder = new TemporaryFolder();
        var (first, second) = (Toy.Learner(), Toy.Learner());
        first.FitFlatCosine(2, resume: folder.File("a/stage.run"));
        var shown = new Shown();
        second.Display = shown;
        second.FitFlatCosine(2, resume: folder.File("a/stage.run"));
        Assert.That(Toy.State(second.Model), Is.EqualTo(Toy.State(first.Model)));
        Assert.That(second.Recorder.BatchLosses, Is.EqualTo(first.Recorder.BatchLosses));
        Assert.That(shown.Reports, Is.Empty);
        Assert.That(shown.Lines, Has.One.Contains("this run is complete, its end was loaded. Delete the file to train anew."));
    }

    [Test]
    public void CancellationIsAnInterruptionToo()
    {
        using var folder = new TemporaryFolder();
        var expected = Toy.Learner();
        expected.Fit(2);
        using var cancel = new CancellationTokenSource();
        var learn = Toy.Learner();
        void Stop(string e, TrainingState s)
        {
            if (e is "step_end" && s.Iteration == 4) cancel.Cancel();
        }
        Assert.That(() => learn.Fit(2, callbacks: [new Probe { Event = Stop }], resume: folder.File("r"), cancellation: cancel.Token), Throws.TypeOf<TrainingCancelledException>());
        var again = Toy.Learner();
        again.Fit(2, callbacks: [new Probe()], resume: folder.File("r"), cancellation: CancellationToken.None);
        Assert.That(again.Recorder.BatchLosses, Is.EqualTo(expected.Recorder.BatchLosses));
    }

    [Test]
    public void AnotherRunIsAnError()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("stage.run");
        Toy.Learner().FitOneCycle(1, resume: file);
        Assert.That(() => Toy.Learner().FitOneCycle(2, resume: file), Throws.TypeOf<TesseraException>().With.Message.Contains("holds another run: got one cycle over 6 batches").And.Message.Contains("expected one cycle over 12 batches"));
        Assert.That(() => Toy.Learner().Freeze().FitOneCycle(1, resume: file), Throws.TypeOf<TesseraException>().With.Message.Contains("another freezing"));
        Assert.That(() => Toy.Learner(Toy.Data(seed: 6)).FitOneCycle(1, resume: file), Throws.TypeOf<TesseraException>().With.Message.Contains("seed 6"));
        Assert.That(() => Toy.Learner().FitOneCycle(1, callbacks: [new NanStop()], resume: file), Throws.TypeOf<TesseraException>().With.Message.Contains("holds another run: callbacks: got none, expected NanStop. Hint: call as before"));
        Assert.That(() => Of(new CrossEntropyLoss(labelSmoothing: 0.1)).FitOneCycle(1, resume: file), Throws.TypeOf<TesseraException>().With.Message.Contains("loss: got CrossEntropyLoss, expected CrossEntropyLoss, label smoothing 0.1."));
        Assert.That(() => Of(new CrossEntropyLoss(), beta2: 0.9).FitOneCycle(1, resume: file), Throws.TypeOf<TesseraException>().With.Message.Contains("optimizer: got Adam, beta2 0.99").And.Message.Contains("expected Adam, beta2 0.9,"));
        var other = new DataBunch(new DataLoader(Toy.Points(50, 3), 8, shuffle: true, dropLast: true, seed: 5, workers: 0), new DataLoader(Toy.Points(21, 2), 8, workers: 0));
        Assert.That(() => Toy.Learner(other).FitOneCycle(1, resume: file), Throws.TypeOf<TesseraException>().With.Message.Contains("another run: training items: got SHA-256 "));

        static Learner Of(Loss loss, double beta2 = 0.99)
        {
            var learn = Toy.Learner();
            (learn.Loss, learn.OptimizerFactory) = (loss, groups => new Adam(groups, beta2, 1e-8, decoupledDecay: true));
            return learn;
        }
    }

    [Test]
    public void OtherFrozenWeightsAreAnotherRun()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("stage.run");
        Toy.Learner().Freeze().Fit(1, resume: file);
        byte[] bytes = File.ReadAllBytes(file);
        Assert.That(() => Toy.Learner(model: Toy.Model(seed: 2)).Freeze().Fit(1, resume: file), Throws.TypeOf<TesseraException>().With.Message.Contains("another run: frozen weights: got "));
        Assert.That(File.ReadAllBytes(file), Is.EqualTo(bytes));
        Assert.That(() => Toy.Learner().Freeze().Fit(1, resume: file), Throws.Nothing);
    }

    /// <summary>Callbacks that only look on come and go.</summary>
    [Test]
    public void WhoOnlyLooksOnMayJoinAndLeave()
    {
        using TemporaryFolder folder = new();
        var expected = Toy.Learner();
        expected.Fit(2);
        Callback[] one = [new CsvLogger(folder.File("a.csv")), new Look()], two = [new TensorBoard(folder.File("logs")), new ActivationStats()];
        Assert.That(() => Toy.Learner().Fit(2, callbacks: [.. one, new Kill()], resume: folder.File("r")), Throws.TypeOf<TimeoutException>());
        var again = Toy.Learner();
        again.Fit(2, callbacks: [.. two, new CsvLogger(folder.File("b.csv")), new CsvLogger(folder.File("c.csv"))], resume: folder.File("r"));
        Assert.That(again.Recorder.BatchLosses, Is.EqualTo(expected.Recorder.BatchLosses));
    }

    sealed class Look : Callback
    {
        public override bool IsObserver => true;
    }

    sealed class Kill : Callback
    {
        public override bool IsObserver => true;

        public override void StepEnd(TrainingState s)
        {
            if (s.Iteration == 4) throw new TimeoutException();
        }
    }

    [Test]
    public void AFileThatSaysLessIsReadWithAWord()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("stage.run");
        Toy.Learner().Fit(1, resume: file);
        Safetensors.Write(file, Safetensors.Read(file).Tensors.Where(t => !t.Key.StartsWith("same/", StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal));
        var shown = new Shown();
        var learn = Toy.Learner();
        learn.Display = shown;
        learn.Fit(1, resume: file);
        Assert.That(shown.Lines, Has.One.Contains("written by an older Tessera").And.One.Contains("this run is complete"));
    }

    [Test]
    public void ADamagedFileIsAnErrorAndStays()
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("stage.run");
        Toy.Learner().Fit(1, resume: file);
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^9] ^= 4;
        File.WriteAllBytes(file, bytes);
        Assert.That(() => Toy.Learner().Fit(1, resume: file), Throws.TypeOf<DataException>().With.Message.Contains("checksum"));
        Assert.That(File.ReadAllBytes(file), Is.EqualTo(bytes));
    }

    [Test]
    public void AFileThatCannotBeWrittenEndsTheRun()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "");
        Assert.That(() => Toy.Learner().Fit(1, resume: folder.File("file/stage.run")), Throws.TypeOf<TesseraException>().With.Message.Contains("could not be written"));
    }

    [TestCase(1, 7), TestCase(3, 3)]
    public void TheStateIsWrittenEveryNSteps(int every, int writes)
    {
        using var folder = new TemporaryFolder();
        string file = folder.File("stage.run");
        List<string> seen = [];
        var probe = new Probe
        {
            Event = (e, s) =>
            {
                if (e is "step_end" or "train_end" && File.Exists(file)) seen.Add(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))));
            }
        };
        Toy.Learner().Fit(1, callbacks: [probe], resume: new RunFile(file) { Every = every });
        seen.Add(Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file))));
        Assert.That(seen.Distinct().Count(), Is.InRange(writes - 1, writes), "six steps, and the end of the epoch; that of the last step may be replaced unseen");
        Assert.That(() => new RunFile(file) { Every = 0 }, Throws.TypeOf<TesseraException>());
        Assert.That(() => new RunFile(file) { Interval = TimeSpan.FromTicks(-1) }, Throws.TypeOf<TesseraException>());
        Assert.That(new RunFile(file), Is.EqualTo(new RunFile(file) { Every = 1, Interval = TimeSpan.Zero }), "the default is every step");
    }

    /// <summary>22 MB: a step's state is on the disk before the next step changes a weight.</summary>
    [Test]
    public void LargeStatesAreWrittenAfterEachStepToo()
    {
        using var folder = new TemporaryFolder();
        List<(long, long)> written = [], expected = [];
        Train(folder.File("r"), s =>
        {
            if (!File.Exists(folder.File("r"))) return;
            var run = RunState.Read(folder.File("r")).Part("run");
            written.Add((run.Value("epoch", 0L), run.Value("batch", 0L)));
            expected.Add((s.Epoch, s.Batch));
        });
        Assert.That(new FileInfo(folder.File("r")).Length, Is.GreaterThan(20e6));
        Assert.That(written, Is.EqualTo(expected).And.Count.EqualTo(3), "all steps but the first find the state before them");
    }

    [Test]
    public void AnIntervalLeavesStepsOut()
    {
        using var folder = new TemporaryFolder();
        List<bool> isWritten = [];
        Train(new RunFile(folder.File("r")) { Interval = TimeSpan.FromHours(1) }, s => isWritten.Add(File.Exists(folder.File("r"))));
        Assert.That(isWritten, Is.EqualTo(new[] { false, false, true, true }), "the end of an epoch is written");
    }

    /// <summary>Two epochs of two steps of a network whose state has 22 MB.</summary>
    static void Train(RunFile file, Action<TrainingState> stepped)
    {
        var model = new Sequential(new Linear(Toy.Features, 1 << 18), new AdaptiveMean());
        var learn = new Learner(Toy.Data(25, validItems: 0), model, new CrossEntropyLoss()) { Display = null };
        learn.Fit(2, callbacks: [new Probe
        {
            Event = (e, s) =>
            {
                if (e is "step_end") stepped(s);
            }
        }], resume: file);
    }

    /// <summary>Three numbers, whatever comes in.</summary>
    sealed class AdaptiveMean : Module
    {
        public override Tensor Forward(Tensor x) => x.Narrow(1, 0, 3);
    }

    static Process Start(string run, string losses)
    {
        ProcessStartInfo start = new("dotnet", ["exec", typeof(ResumeTests).Assembly.Location, run, losses]) { RedirectStandardError = true };
        return Process.Start(start)!;
    }

    /// <summary>A file that the process has open.</summary>
    static string Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd();
    }

    /// <summary>Waits for so many steps and a little longer, wherever the process is then, and kills it.</summary>
    static void KillAfter(Process process, string losses, int steps, TimeSpan delay)
    {
        var waited = Stopwatch.StartNew();
        while (!process.HasExited && waited.Elapsed < TimeSpan.FromSeconds(60) && Read(losses).Count(c => c == '\n') < steps) Thread.Sleep(1);
        Thread.Sleep(delay);
        process.Kill();
        process.WaitForExit();
    }
}
