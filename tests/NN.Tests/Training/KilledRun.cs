using System.Globalization;
using Tessera.NN;

namespace Tessera.Tests;

/// <summary>A run that a test starts as a process of its own and kills: its losses go to a file, a line a step.</summary>
static class KilledRun
{
    public const int Epochs = 4, Batches = 12;

    /// <summary><c>dotnet Tessera.NN.Tests.dll RUN-FILE LOSSES</c></summary>
    static void Main(string[] arguments)
    {
        using var losses = new FileStream(arguments[1], FileMode.Append, FileAccess.Write, FileShare.ReadWrite, 1);
        var learn = Learner();
        Train(learn, arguments[0], (epoch, batch, loss) =>
        {
            // One write call: a kill leaves whole lines.
            losses.Write(System.Text.Encoding.ASCII.GetBytes(Line(epoch, batch, loss)));
            losses.Flush();
        });
        losses.Write(System.Text.Encoding.ASCII.GetBytes($"end {string.Join(' ', Bits(learn))}\n"));
    }

    /// <summary>A network whose steps depend on batch statistics, on dropout, and on gradients gathered over batches.</summary>
    public static Learner Learner()
    {
        Generator.Seed(1);
        var body = new Sequential(new Linear(Toy.Features, 32), new BatchNorm1d(32), new Relu(), new Dropout(0.3));
        var model = new Sequential(body, new Linear(32, Toy.Classes));
        return new Learner(Toy.Data(8, items: (8 * Batches) + 3), model, new CrossEntropyLoss(), Metrics.ErrorRate) { Display = null }.Split(model[1]);
    }

    public static void Train(Learner learn, RunFile? file, Action<int, int, double> stepped) =>
        learn.FitOneCycle(Epochs, new LearningRate(1e-3, 1e-2), callbacks: [new GradientAccumulation(2), new Probe
        {
            At = 50,
            Event = (e, s) =>
            {
                if (e is "batch_end" && s.IsTraining) stepped(s.Epoch, s.Batch, s.LossValue);
            }
        }], resume: file);

    public static string Line(int epoch, int batch, double loss) =>
        string.Create(CultureInfo.InvariantCulture, $"{epoch} {batch} {BitConverter.DoubleToInt64Bits(loss):x}\n");

    /// <summary>What is left of a run: a number for each tensor of the model's state, and the validation losses.</summary>
    public static IEnumerable<string> Bits(Learner learn) =>
        [.. Toy.State(learn.Model).Values.Select(Hash), .. learn.Recorder.ValidLosses.Select(l => BitConverter.DoubleToInt64Bits(l!.Value).ToString("x", CultureInfo.InvariantCulture))];

    static string Hash(float[] elements) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(elements)))[..12];
}
