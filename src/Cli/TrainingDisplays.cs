using System.Globalization;
using Spectre.Console;
using Tessera.NN;

namespace Tessera.Cli;

/// <summary>How training is shown: a moving bar on a terminal, lines elsewhere.</summary>
static class TrainingDisplays
{
    public static ITrainingDisplay For(TextWriter writer) => Terminal.IsLive(writer) ? new LiveDisplay(Terminal.For(writer)) : new LogDisplay(writer);

    /// <summary>The last line of the terminal is the bar; finished lines scroll up above it.</summary>
    sealed class LiveDisplay(IAnsiConsole console) : ITrainingDisplay
    {
        const int LongestBar = 30;

        public void Progress(in TrainingProgress p)
        {
            double done = p.Batches == 0 ? 1 : (double)p.Batch / p.Batches;
            string part = string.Create(CultureInfo.InvariantCulture, $"epoch {p.Epoch + 1}/{p.Epochs} {(p.IsTraining ? "train" : "valid")} ");
            string numbers = string.Create(CultureInfo.InvariantCulture,
                $" {done * 100,3:0}% {p.Batch}/{p.Batches} [{TableCallback.Time(p.Elapsed)}<{TableCallback.Time(p.Remaining)} {p.Loss:0.0000}]");
            // A line that wraps could not be erased.
            int width = Math.Clamp(console.Profile.Width - part.Length - numbers.Length - 1, 0, LongestBar), filled = (int)(done * width);
            Replace(part + new string('█', filled) + new string('░', width - filled) + numbers);
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

/// <summary>For logs and pipes: the lines that stay, and every few seconds one that says how far training is.</summary>
/// <param name="writer">Where they go.</param>
/// <param name="clock">The time; null for the system's.</param>
sealed class LogDisplay(TextWriter writer, TimeProvider? clock = null) : ITrainingDisplay
{
    readonly StatusLine line = new(writer, clock);

    public void Progress(in TrainingProgress p) => line.Show(string.Create(CultureInfo.InvariantCulture,
        $"  epoch {p.Epoch} {(p.IsTraining ? "train" : "valid")} {p.Batch}/{p.Batches}, {TableCallback.Time(p.Elapsed)} gone, {TableCallback.Time(p.Remaining)} to go, loss {p.Loss:0.0000}"));

    public void Line(string text) => line.Line(text);

    public void End() { }
}
