using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary>How <c>tessera train</c> trains: epochs, rates, and what happens beside the steps.</summary>
sealed class RecipeOptions
{
    readonly PhotoOptions photos;
    readonly Option<int> epochs = Options.Number("--epochs", "Epochs with the body frozen.", 0, 4);
    readonly Option<int> unfreezeEpochs = Options.Number("--unfreeze-epochs", "Epochs afterwards with all layers trained.", 0, 1);
    readonly Option<string> lr = new("--lr") { Description = "Largest rate of the frozen epochs: a number, slice(last) or slice(first,last).", DefaultValueFactory = _ => "slice(3e-3)" };
    readonly Option<string?> unfreezeLr = new("--unfreeze-lr") { Description = "The same for the unfrozen epochs (slice(1e-6,1e-4); slice(1e-5,3e-4) for the photos of the repository)." };
    readonly Option<int?> fineTune = Options.Number<int?>("--fine-tune", "Instead of all four above: one frozen epoch at a rate (--lr, 2e-3), then so many with all layers at half of it.", 1, null);
    readonly Option<double?> mixup = Optional("--mixup", "Train on weighted means of two photos; a usual strength is 0.4.");
    readonly Option<double?> cutmix = Optional("--cutmix", "Train on photos with a rectangle of another one; a usual strength is 1.");
    readonly Option<double?> ema = Optional("--ema", "Validate and save the moving average of the weights, such as 0.999: of about the last 1000 steps.");
    readonly Option<double?> clip = Optional("--clip", "Scale the gradients of a step so that their norm is at most this.");
    readonly Option<double> wd = new("--wd") { Description = "Weight decay of every step.", DefaultValueFactory = _ => 0.01 };
    readonly Option<int?> earlyStop = Options.Number<int?>("--early-stop", "End a stage when the validation loss has not fallen for more than so many epochs.", 0, null);
    readonly Option<bool> keepBest = new("--keep-best") { Description = "End each stage with the weights of its least validation loss, kept in a file .best.safetensors beside the model." };
    readonly Option<bool> fp16 = new("--fp16") { Description = "Mixed precision with float16: half the memory of activations, and tensor cores on a GPU; the loss is scaled." };
    readonly Option<bool> bf16 = new("--bf16") { Description = "Mixed precision with bfloat16, which has float32's range and 8 bits of mantissa." };
    readonly Option<string?> resume = new("--resume")
    {
        Description = "Keeps the run in this file (and one beside it for the frozen epochs), "
            + "after every step; where it is there already, goes on behind the last one.",
    };
    readonly Option<int> resumeEvery = Options.Number("--resume-every", "With --resume: write after so many steps. A kill costs as many; more are for large models on slow disks.", 1, 1);

    public RecipeOptions(PhotoOptions photos) => this.photos = photos;

    public void AddTo(Command command)
    {
        foreach (Option option in new Option[] { epochs, unfreezeEpochs, lr, unfreezeLr, fineTune, mixup, cutmix, ema, clip, wd, earlyStop, keepBest, fp16, bf16, resume, resumeEvery }) command.Add(option);
        command.Validators.Add(Check);
    }

    static Option<double?> Optional(string name, string description) => new(name) { Description = description };

    void Check(CommandResult result)
    {
        bool Given(Option option) => Options.IsGiven(result, option);
        if (Given(mixup) && Given(cutmix)) result.AddError("--mixup, --cutmix: got both, expected at most one of them.");
        if (Given(fp16) && Given(bf16)) result.AddError("--fp16, --bf16: got both, expected at most one of them.");
        if (Given(resumeEvery) && !Given(resume)) result.AddError("--resume-every: got no --resume, expected the file that is written so often.");
        if (Given(fineTune) && new Option[] { epochs, unfreezeEpochs, unfreezeLr }.FirstOrDefault(Given) is { } other)
            result.AddError($"--fine-tune, {other.Name}: got both, expected one of them: --fine-tune chooses epochs and rates itself.");
    }

    /// <summary>Where the run is kept; null for nowhere.</summary>
    public string? KeptIn(ParseResult args) => args.GetValue(resume);

    /// <summary>Gives a learner the precision, the weight decay and the folder that were asked for.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="learn">The learner.</param>
    /// <param name="model">The file of the trained model.</param>
    public void Prepare(ParseResult args, Learner learn, string model)
    {
        learn.Wd = args.GetValue(wd) is >= 0 and < double.PositiveInfinity and var decay ? decay
            : throw new TesseraException(FormattableString.Invariant($"--wd: got {args.GetValue(wd)}, expected a number of at least 0. Hint: 0.01 is usual."));
        learn.ModelFolder = Path.GetDirectoryName(Path.GetFullPath(model))!;
        if (args.GetValue(fp16)) learn.ToFp16();
        if (args.GetValue(bf16)) learn.ToBf16();
    }

    /// <summary>The stages, their rates and the precision, for a reader.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="frozen">Whether the first stage trains the head alone.</param>
    public string Describe(ParseResult args, bool frozen) => StagesInWords(args, frozen ? "frozen" : "with all layers") + (args.GetValue(fp16) ? ", float16" : args.GetValue(bf16) ? ", bfloat16" : "");

    string StagesInWords(ParseResult args, string first) => args.GetValue(fineTune) is { } n
        ? string.Create(CultureInfo.InvariantCulture, $"1 epoch {first} and {n} with all layers, fine-tuned at {FineTuneRate(args):0.######}")
        : $"{Epochs(args.GetValue(epochs))} {first} at {args.GetValue(lr)}, {args.GetValue(unfreezeEpochs)} unfrozen at {UnfrozenRate(args)}";

    static string Epochs(int n) => n == 1 ? "1 epoch" : string.Create(CultureInfo.InvariantCulture, $"{n} epochs");

    /// <summary>No epoch was asked for.</summary>
    public bool TrainsNothing(ParseResult args) => args.GetValue(fineTune) is null && args.GetValue(epochs) + args.GetValue(unfreezeEpochs) == 0;

    /// <summary>Tries that the files of <c>--resume</c> are runs where they are there, before a stage is trained.</summary>
    /// <exception cref="DataException">One holds something else.</exception>
    public void CheckRuns(ParseResult args)
    {
        if (KeptIn(args) is not { } kept) return;
        foreach (string file in new[] { FrozenPart(kept), kept }.Where(File.Exists))
            if (!Safetensors.ReadHeader(file).Tensors.ContainsKey("run/call"))
                throw new DataException($"--resume: {file} holds no run: got another kind of file, expected one that --resume wrote. Hint: name a new file; this one is as it was.");
    }

    /// <summary>What goes on beside the steps.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="model">The file of the trained model.</param>
    /// <exception cref="TesseraException">A number is out of its range.</exception>
    public IReadOnlyList<Callback> Callbacks(ParseResult args, string model)
    {
        List<Callback> callbacks = [];
        if (args.GetValue(mixup) is { } a) callbacks.Add(new Mixup(a));
        if (args.GetValue(cutmix) is { } b) callbacks.Add(new CutMix(b));
        if (args.GetValue(clip) is { } norm) callbacks.Add(new GradientClip(Positive("--clip", norm)));
        if (args.GetValue(ema) is { } decay)
            callbacks.Add(new Ema(decay is >= 0 and < 1 ? decay : throw new TesseraException(FormattableString.Invariant(
                $"--ema: got {decay}, expected at least 0 and below 1. Hint: 0.999 averages about the last 1000 steps."))));
        if (args.GetValue(keepBest)) callbacks.Add(new Checkpoint(Path.GetFileNameWithoutExtension(model) + ".best"));
        if (args.GetValue(earlyStop) is { } patience) callbacks.Add(new EarlyStop(patience: patience));
        return callbacks;
    }

    /// <summary>The stages of training, for a learner whose body is frozen.</summary>
    /// <exception cref="TesseraException">A rate cannot be read.</exception>
    public Action<ImageLearner, TextWriter, CancellationToken> Stages(ParseResult args)
    {
        RunFile? file = KeptIn(args) is { } kept ? new(kept) { Every = args.GetValue(resumeEvery) } : null, frozenFile = file is null ? null : file with { Path = FrozenPart(file.Path) };
        if (args.GetValue(fineTune) is { } n)
        {
            double rate = FineTuneRate(args);
            return (learn, _, stop) => learn.FineTune(n, rate, resume: file, cancellation: stop);
        }
        var (frozenRate, unfrozenRate) = (LearningRate.Parse(args.GetValue(lr)!), LearningRate.Parse(UnfrozenRate(args)));
        var (frozen, unfrozen) = (args.GetValue(epochs), args.GetValue(unfreezeEpochs));
        return (learn, writer, stop) =>
        {
            if (frozen > 0) learn.FitOneCycle(frozen, frozenRate, resume: frozenFile, cancellation: stop);
            if (unfrozen == 0) return;
            writer.WriteLine("All layers from here on:");
            learn.Unfreeze().FitOneCycle(unfrozen, unfrozenRate, resume: file, cancellation: stop);
        };
    }

    /// <summary><c>NAME.frozen.run</c> of <c>NAME.run</c>, as <see cref="Learner.FineTune"/> calls it too.</summary>
    static string FrozenPart(string path) => Path.ChangeExtension(path, "frozen" + Path.GetExtension(path));

    string UnfrozenRate(ParseResult args) => args.GetValue(unfreezeLr) ?? (photos.AreOwn(args) ? "slice(1e-6,1e-4)" : "slice(1e-5,3e-4)");

    double FineTuneRate(ParseResult args) => args.GetResult(lr) is { Implicit: false }
        ? Positive("--lr", LearningRate.Parse(args.GetValue(lr)!).Last)
        : 2e-3;

    static double Positive(string option, double value) => value > 0 && double.IsFinite(value) ? value
        : throw new TesseraException(FormattableString.Invariant($"{option}: got {value}, expected a positive number."));
}
