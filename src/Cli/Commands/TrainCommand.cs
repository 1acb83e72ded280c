using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Tessera.NN;
using Tessera.Vision;
using Architecture = Tessera.Vision.Architecture;

namespace Tessera.Cli;

/// <summary><c>tessera train</c>: fine-tunes a pretrained network on a folder of photos; without arguments, on the photos of the repository.</summary>
static class TrainCommand
{
    const string Examples = """
        Without arguments: the photos in assets/pets, with the network in assets/models.
        Classes come from sub-folders (one a class, or train/ and valid/ with one a class), from file names such as Bengal_12.jpg,
        from --regex, or from --csv.

        Examples:
          tessera train
          tessera train photos/ --weights resnet34.onnx --epochs 4 --unfreeze-epochs 2
          tessera train photos/ --regex "/([^/]+)_\d+.jpg$" --size 224 --bs 32 --lr "slice(3e-3)"
          tessera train photos/ --csv labels.csv --out pets.safetensors
        """;

    static readonly Argument<string?> folder = Options.Path<string?>("data", "Folder of photos.", ArgumentArity.ZeroOrOne);
    static readonly Option<string?> regex = new("--regex") { Description = "Pattern whose first group in a photo's path is its class." };
    static readonly Option<string?> csv = new("--csv") { Description = "Table with a header row: file and class." };
    static readonly Option<string> fileColumn = new("--file-column") { Description = "Header or number of the file column.", DefaultValueFactory = _ => "0" };
    static readonly Option<string> labelColumn = new("--label-column") { Description = "Header or number of the class column.", DefaultValueFactory = _ => "1" };
    static readonly Option<string?> arch = new("--arch") { Description = "resnet34, squeezenet1_1, vgg16_bn, densenet121, mobilenet_v3_large, efficientnet_b0, convnext_tiny ...; by default what the weights are." };
    static readonly Option<string?> weights = new("--weights") { Description = "Pretrained weights: .onnx, .onnx.gz or .safetensors." };
    static readonly Option<bool> recreateBn = new("--recreate-bn") { Description = "Measure folded batch norms on the photos and put them back." };
    static readonly Option<string?> bn = BatchNorms();
    static readonly Option<int> epochs = Options.Number("--epochs", "Epochs with the body frozen.", 0, 4);
    static readonly Option<int> unfreezeEpochs = Options.Number("--unfreeze-epochs", "Epochs afterwards with all layers trained.", 0, 1);
    static readonly Option<string> lr = new("--lr") { Description = "Largest rate of the frozen epochs: a number, slice(last) or slice(first,last).", DefaultValueFactory = _ => "slice(3e-3)" };
    static readonly Option<string?> unfreezeLr = new("--unfreeze-lr") { Description = "The same for the unfrozen epochs (slice(1e-6,1e-4); slice(1e-5,3e-4) for the photos of the repository)." };
    static readonly Option<int?> size = Options.Number<int?>("--size", "Side of a photo in pixels (224; 160 for the photos of the repository).", 1, null);
    static readonly Option<int> batchSize = Options.Number("--bs", "Photos a batch.", 1, 16);
    static readonly Option<ulong> seed = new("--seed") { Description = "Fixes split, order, transforms and start weights.", DefaultValueFactory = _ => 42 };
    static readonly Option<double?> valid = new("--valid") { Description = "Share of the photos held back for validation (0.2; the folder valid/ where there is one)." };
    static readonly Option<int?> workers = Options.Number<int?>("--workers", "Threads that decode and transform photos; 0: none beside the main one.", 0, null);
    static readonly Option<string> device = Options.Device();
    static readonly Option<string> output = new("--out") { Description = "Where the trained model goes.", DefaultValueFactory = _ => "model.safetensors" };

    public static Command Create(TextWriter writer)
    {
        var command = new ExampleCommand("train", "Fine-tune a pretrained network on photos.", Examples)
        {
            folder, regex, csv, fileColumn, labelColumn, arch, weights, recreateBn, bn, epochs, unfreezeEpochs, lr, unfreezeLr, size, batchSize, seed, valid, workers, device, output,
        };
        command.SetAction(parsed => Run(parsed, writer));
        return command;
    }

    static int Run(ParseResult args, TextWriter writer)
    {
        Device.Default = Device.Parse(args.GetValue(device)!);
        var (rate, unfrozenRate) = (LearningRate.Parse(args.GetValue(lr)!), LearningRate.Parse(UnfrozenRate(args)));
        string model = args.GetValue(output)!;
        CheckWritable(model);
        var data = Data(args);
        foreach (string warning in data.Warnings) writer.WriteLine($"warning: {warning}");
        var learn = ImageLearner.Create(data, Network(args), new ImageLearnerOptions { RecreateBatchNorms = args.GetValue(recreateBn), LiveBatchNorms = IsLive(args) }, Metrics.ErrorRate);
        learn.Display = TrainingDisplays.For(writer);
        learn.Callbacks.Add(new ExportEachEpoch(learn, model));
        PrintHead(args, data, learn, writer);

        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
        try
        {
            if (args.GetValue(epochs) is var frozen and > 0) learn.FitOneCycle(frozen, rate, cancellation: stop.Token);
            if (args.GetValue(unfreezeEpochs) is var unfrozen and > 0)
            {
                writer.WriteLine("All layers from here on:");
                learn.Unfreeze().FitOneCycle(unfrozen, unfrozenRate, cancellation: stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            throw new TesseraException(learn.EpochsTrained > 0
                ? $"train: stopped after {learn.EpochsTrained} epochs: the model of the last finished epoch is in {model}."
                : "train: stopped before the first epoch was finished: no model was saved.");
        }
        if (learn.EpochsTrained == 0) learn.Export(model);
        PrintEnd(data, learn, model, writer, stop.Token);
        return Tool.Success;

        void Cancel(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    /// <summary>What would fail only when the first epoch is over fails at once.</summary>
    static void CheckWritable(string model)
    {
        try
        {
            if (Directory.Exists(model)) throw new IOException("it is a folder");
            string folder = Path.GetDirectoryName(Path.GetFullPath(model)) ?? "/";
            while (!Path.Exists(folder)) folder = Path.GetDirectoryName(folder)!;
            using var probe = new FileStream(Path.Combine(folder, $".{Guid.NewGuid():N}.tmp"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new TesseraException($"--out: {model} could not be written: {e.Message.TrimEnd('.')}. Hint: name a file in a folder you may write to.", e);
        }
    }

    static ImageDataBunch Data(ParseResult args)
    {
        var options = new ImageDataOptions { Seed = args.GetValue(seed), ValidFraction = args.GetValue(valid), Workers = args.GetValue(workers) };
        var (transforms, bs) = (Transforms.Default(), args.GetValue(batchSize));
        string? path = args.GetValue(folder);
        ImageSize side = args.GetValue(size) ?? (OwnPhotos(args) ? 224 : 160);
        if (args.GetValue(csv) is { } table)
            return ImageDataBunch.FromCsv(table, path, args.GetValue(fileColumn)!, args.GetValue(labelColumn)!, transforms: transforms, size: side, batchSize: bs, options: options).Normalize(ImageNet.Stats);
        path ??= Assets.Find("pets/images", "give a folder of photos: tessera train photos/");
        string? pattern = args.GetValue(regex);
        var data = pattern is null && HasClassFolders(path)
            ? ImageDataBunch.FromFolder(path, transforms: transforms, size: side, batchSize: bs, options: options)
            : ImageDataBunch.FromNameRegex(path, pattern ?? NamePattern(path), transforms, side, bs, options);
        return data.Normalize(ImageNet.Stats);
    }

    /// <summary>The class is what stands before the last underscore and number, as in Bengal_12.jpg.</summary>
    static string NamePattern(string path)
    {
        const string pattern = @"/([^/]+)_\d+\.[^./]+$";
        return Array.Find(ImageFiles.In(path, recurse: true), photo => !Regex.IsMatch("/" + Path.GetFileName(photo), pattern)) is not { } odd
            ? pattern
            : throw new DataException($"{odd}: the name does not match class_number, as Bengal_12.jpg does. Hint: give --regex or --csv, or put the photos into one sub-folder a class.");
    }

    /// <summary>False where the photos of the repository are trained on: they are small and few.</summary>
    static bool OwnPhotos(ParseResult args) => args.GetValue(folder) is not null || args.GetValue(csv) is not null;

    static bool IsLive(ParseResult args) => args.GetValue(bn) is { } chosen ? chosen == "live" : OwnPhotos(args);

    static string UnfrozenRate(ParseResult args) => args.GetValue(unfreezeLr) ?? (OwnPhotos(args) ? "slice(1e-6,1e-4)" : "slice(1e-5,3e-4)");

    static Option<string?> BatchNorms()
    {
        var option = new Option<string?>("--bn") { Description = "live: the body's batch norms follow the photos; frozen: they stay as they came, better for a few hundred photos (live; frozen for the photos of the repository)." };
        option.AcceptOnlyFromAmong("live", "frozen");
        return option;
    }

    static bool HasClassFolders(string path) => Directory.Exists(path) && ImageFiles.In(path).Length == 0;

    static Architecture Network(ParseResult args)
    {
        string? name = args.GetValue(arch), file = args.GetValue(weights);
        if (name is null) return Architecture.FromOnnx(file ?? Assets.Find("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx", "give pretrained weights: --weights resnet34.onnx"));
        string known = name.ToLowerInvariant();
        return Architecture.Names.Contains(known, StringComparer.Ordinal)
            ? Architecture.Named(known, file)
            : throw new TesseraException($"--arch: unknown network: got '{name}', expected one of {string.Join(", ", Architecture.Names)}.");
    }

    static void PrintHead(ParseResult args, ImageDataBunch data, ImageLearner learn, TextWriter writer)
    {
        writer.WriteLine($"photos   {data.TrainSet.Count} for training, {data.ValidSet?.Count ?? 0} for validation, {data.Classes.Count} classes: {Shortened(data.Classes)}");
        writer.WriteLine($"network  {learn.Report}");
        writer.WriteLine($"device   {Device.Default}, {CpuThreads.Count} threads");
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"recipe   {data.Size.Height} px, batches of {data.Train.BatchSize}, {args.GetValue(epochs)} epochs frozen at {args.GetValue(lr)}, {args.GetValue(unfreezeEpochs)} unfrozen at {UnfrozenRate(args)}, batch norms {(IsLive(args) ? "live" : "frozen")}, seed {args.GetValue(seed)}"));
        writer.WriteLine();
    }

    static void PrintEnd(ImageDataBunch data, ImageLearner learn, string model, TextWriter writer, CancellationToken cancellation)
    {
        writer.WriteLine();
        if (data.ValidSet is { } set)
        {
            double error = (learn.Recorder.MetricValues is [.., { } last] ? last : learn.Validate(cancellation: cancellation).Metrics)[0];
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"error rate {error:0.0000} ({Math.Round(error * set.Count)} of {set.Count} validation photos wrong)"));
        }
        writer.WriteLine($"model saved: {Path.GetFullPath(model)}");
        writer.WriteLine();
        writer.WriteLine("Next (in a clone, tessera is: dotnet run -c Release --project src/Cli --):");
        writer.WriteLine($"  tessera predict {model} {Path.GetRelativePath(Environment.CurrentDirectory, (data.ValidSet ?? data.TrainSet).Items[0].Path)}");
        writer.WriteLine($"  tessera inspect {model}");
        writer.WriteLine("  tessera train --help");
    }

    static string Shortened(IReadOnlyList<string> classes) => string.Join(", ", classes.Take(8)) + (classes.Count > 8 ? ", ..." : "");

    /// <summary>Writes the model after every epoch, so that stopping loses at most the running one.</summary>
    sealed class ExportEachEpoch(ImageLearner learn, string path) : Callback
    {
        public override int Order => 100;

        public override void EpochEnd(TrainingState s) => learn.Export(path);
    }
}
