using System.Globalization;
using Spectre.Console;
using Tessera.NN;

namespace Tessera.Cli;

/// <summary>How training is shown: a moving bar on a terminal, lines elsewhere.</summary>
static class TrainingDisplays
{
    public static ITrainingDisplay For(TextWriter writer) => Terminal.IsLive(writer) ? new LiveDisplay(Terminal.For(writer)) : new PlainDisplay(writer);

    /// <summary>The last line of the terminal is the bar; finished lines scroll up above it.</summary>
    sealed class LiveDisplay(IAnsiConsole console) : ITrainingDisplay
    {
        const int Width = 30;

        public void Progress(in TrainingProgress p)
        {
            double done = p.Batches == 0 ? 1 : (double)p.Batch / p.Batches;
            int filled = (int)(done * Width);
            string bar = new string('█', filled) + new string('░', Width - filled);
            string part = p.IsTraining ? "train" : "valid";
            Replace(string.Create(CultureInfo.InvariantCulture,
                $"epoch {p.Epoch + 1}/{p.Epochs} {part} {bar} {done * 100,3:0}% {p.Batch}/{p.Batches} [{p.Elapsed:mm\\:ss}<{p.Remaining:mm\\:ss} {p.Loss:0.0000}]"));
        }

        public void Line(string text)
        {
            Replace("");
            console.WriteLine(text);
        }

        public void End() => Replace("");

        /// <summary>Back to the start of the line, erase it, write.</summary>
        void Replace(string text) => console.Write(new ControlCode("\r\u001b[2K" + text));
    }
}
