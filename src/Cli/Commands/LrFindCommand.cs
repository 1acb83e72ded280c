using System.CommandLine;
using System.Globalization;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Cli;

/// <summary><c>tessera lr-find</c>: a learning rate for photos and a network, by trying rates that grow batch by batch.</summary>
static class LrFindCommand
{
    /// <summary>Batches that are left out at both ends, and two between them.</summary>
    const int Fewest = 17;

    const string Examples = """
        Nothing is saved: the weights are as before. Photos, classes and networks are named as for tessera train.

        Examples:
          tessera lr-find
          tessera lr-find photos/ --weights resnet34.onnx --plot rates.png
          tessera lr-find photos/ --weights resnet34.onnx --unfreeze --start 1e-7 --end 1
        """;

    public static Command Create(TextWriter writer)
    {
        var network = new NetworkOptions(new PhotoOptions());
        var start = new Option<double>("--start") { Description = "The first rate.", DefaultValueFactory = _ => 1e-7 };
        var end = new Option<double>("--end") { Description = "The last rate.", DefaultValueFactory = _ => 10 };
        var batches = Options.Number("--batches", "How many batches to try; the first 10 and the last 5 do not count.", Fewest, 100);
        var plot = new Option<string?>("--plot") { Description = "Draws the losses over the rates into this file: .png or .svg." };
        var unfreeze = new Option<bool>("--unfreeze") { Description = "Train all layers, not only the head." };
        var command = new ExampleCommand("lr-find", "Find a learning rate for photos and a network.", Examples);
        network.AddTo(command);
        foreach (Option option in new Option[] { start, end, batches, plot, unfreeze }) command.Add(option);
        command.SetAction(args =>
        {
            network.ChooseDevice(args);
            if (args.GetValue(plot) is { } file) CheckPlot(file);
            double first = args.GetValue(start), last = args.GetValue(end);
            if (last <= first) throw new TesseraException(FormattableString.Invariant($"--end: got {last}, expected a rate above that of --start, {first}."));
            var data = network.Photos.ToBunch(args);
            foreach (string warning in data.Warnings) writer.WriteLine($"warning: {warning}");
            var learn = network.ToLearner(args, data);
            if (args.GetValue(unfreeze)) learn.Unfreeze();
            learn.Display = null;
            writer.WriteLine($"network  {learn.Report}");
            using var interrupt = new Interrupt();
            var curve = learn.FindLearningRate(first, last, args.GetValue(batches), cancellation: interrupt.Token);
            if (curve.Lrs.Count < Fewest) throw TooFew(curve);
            Print(curve, args.GetValue(plot), writer);
            return Tool.Success;
        });
        return command;
    }

    static TesseraException TooFew(LearningRateCurve curve) => new(string.Create(CultureInfo.InvariantCulture,
        $"lr-find: the loss had grown too far after {curve.Lrs.Count} batches, at a rate of {curve.Lrs[^1]:0.0E+00}: expected at least {Fewest}. Hint: begin with a smaller --start."));

    static void CheckPlot(string file)
    {
        if (Path.GetExtension(file).ToLowerInvariant() is not (".png" or ".svg"))
            throw new TesseraException($"--plot: got '{file}', expected a name that ends in .png or .svg.");
        Writable.Check("--plot", file);
    }

    static void Print(LearningRateCurve curve, string? plot, TextWriter writer)
    {
        writer.WriteLine(curve);
        if (Terminal.IsLive(writer)) writer.Write(curve.Plot(suggestion: true).ToTerminal(Math.Clamp(Terminal.For(writer).Profile.Width - 1, 2, 120)));
        else PrintPoints(curve, writer);
        writer.WriteLine(curve.Suggest());
        if (plot is null) return;
        curve.Plot(suggestion: true).Save(plot);
        writer.WriteLine($"plot saved: {Path.GetFullPath(plot)}");
    }

    /// <summary>A dozen points of the curve, for a log.</summary>
    static void PrintPoints(LearningRateCurve curve, TextWriter writer)
    {
        const int points = 12;
        writer.WriteLine("rate      loss");
        int last = curve.Lrs.Count - 1;
        foreach (int i in Enumerable.Range(0, points).Select(k => k * last / (points - 1)).Distinct())
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{curve.Lrs[i]:0.00E+00}  {curve.Losses[i]:0.0000}"));
    }
}
