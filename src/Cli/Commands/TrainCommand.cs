using System.CommandLine;
using System.Globalization;
using Tessera.NN;
using Tessera.Vision;

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
          tessera train photos/ --arch efficientnet_b0 --weights efficientnet_b0.pth --fine-tune 5 --mixup 0.4 --ema 0.999
          tessera train photos/ --weights resnet34.onnx --device cuda:0 --bf16
          tessera train photos/ --weights resnet34.onnx --resume pets.run      again after a kill: goes on
          tessera train photos/ --regex "/([^/]+)_\d+.jpg$" --size 224 --bs 32 --lr "slice(3e-3)"
          tessera train photos/ --csv labels.csv --suffix .jpg --out pets.safetensors
          tessera train digits/ --weights resnet18.onnx --size 28 --no-flip --normalize none
        """;

    public static Command Create(TextWriter writer)
    {
        var photos = new PhotoOptions();
        var (network, recipe) = (new NetworkOptions(photos), new RecipeOptions(photos));
        var output = new Option<string>("--out") { Description = "Where the trained model goes.", DefaultValueFactory = _ => "model.safetensors" };
        var command = new ExampleCommand("train", "Fine-tune a pretrained network on photos.", Examples);
        network.AddTo(command);
        recipe.AddTo(command);
        command.Add(output);
        command.SetAction(parsed => Run(parsed, network, recipe, parsed.GetValue(output)!, writer));
        return command;
    }

    static int Run(ParseResult args, NetworkOptions network, RecipeOptions recipe, string model, TextWriter writer)
    {
        network.ChooseDevice(args);
        var (callbacks, train) = (recipe.Callbacks(args, model), recipe.Stages(args));
        CheckFiles(args, network, recipe, model);
        var data = network.Photos.ToBunch(args);
        foreach (string warning in data.Warnings) writer.WriteLine($"warning: {warning}");
        var learn = network.ToLearner(args, data);
        learn.Display = TrainingDisplays.For(writer);
        recipe.Prepare(args, learn, model);
        foreach (var callback in callbacks) learn.Callbacks.Add(callback);
        learn.Callbacks.Add(new ExportEachEpoch(learn, model));
        PrintHead(args, network, recipe, data, learn, writer);

        using var interrupt = new Interrupt();
        try
        {
            train(learn, writer, interrupt.Token);
        }
        catch (OperationCanceledException)
        {
            string goOn = recipe.KeptIn(args) is { } file ? $" Hint: the same command goes on from {file}." : "";
            throw new StoppedException((learn.EpochsTrained > 0
                ? $"train: stopped after {learn.EpochsTrained} epochs: the model of the last finished epoch is in {model}."
                : "train: stopped before the first epoch was finished: no model was saved.") + goOn);
        }
        learn.Export(model); // after the last epoch averages may have taken the weights' place, or the run was complete before
        PrintEnd(data, learn, model, writer, interrupt.Token);
        return Tool.Success;
    }

    static void CheckFiles(ParseResult args, NetworkOptions network, RecipeOptions recipe, string model)
    {
        if (Path.GetExtension(model).ToUpperInvariant() is ".ONNX" or ".PTH" or ".PT")
            throw new TesseraException($"--out: got {model}, expected a name such as model.safetensors. Hint: tessera export makes an ONNX file of it.");
        string?[] read = [network.Weights(args), network.Photos.Table(args)];
        Writable.Check("--out", model, read);
        if (recipe.KeptIn(args) is { } kept) Writable.Check("--resume", kept, [.. read, model]);
        recipe.CheckRuns(args);
    }

    static void PrintHead(ParseResult args, NetworkOptions network, RecipeOptions recipe, ImageDataBunch data, ImageLearner learn, TextWriter writer)
    {
        writer.WriteLine($"photos   {data.TrainSet.Count} for training, {data.ValidSet?.Count ?? 0} for validation, {data.Classes.Count} classes: {Shortened(data.Classes)}");
        writer.WriteLine($"network  {learn.Report}");
        writer.WriteLine($"device   {Device.Default}, {CpuThreads.Count} threads");
        writer.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"recipe   {data.Size.Height} px, batches of {data.Train.BatchSize}, {recipe.Describe(args, learn.FrozenTo > 0)}, "
                + $"batch norms {(network.IsLive(args) ? "live" : "frozen")}, seed {network.Photos.Seed(args)}"));
        if (recipe.TrainsNothing(args)) writer.WriteLine("warning: nothing is trained, as no epoch was asked for: the head's weights are random.");
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
        writer.WriteLine($"  tessera predict {Quoted(model)} {Quoted(Path.GetRelativePath(Environment.CurrentDirectory, (data.ValidSet ?? data.TrainSet).Items[0].Path))}");
        writer.WriteLine($"  tessera inspect {Quoted(model)}");
        writer.WriteLine("  tessera train --help");
    }

    /// <summary>A path as a shell takes it.</summary>
    static string Quoted(string path) => path.All(c => char.IsLetterOrDigit(c) || "/\\._-:+,@~".Contains(c)) ? path : $"\"{path}\"";

    static string Shortened(IReadOnlyList<string> classes) => Printable.Of(string.Join(", ", classes.Take(8))) + (classes.Count > 8 ? ", ..." : "");

    /// <summary>Writes the model after every epoch, so that stopping loses at most the running one.</summary>
    sealed class ExportEachEpoch(ImageLearner learn, string path) : Callback
    {
        public override int Order => 100;

        public override bool IsObserver => true;

        public override void EpochEnd(TrainingState s) => learn.Export(path);
    }
}
