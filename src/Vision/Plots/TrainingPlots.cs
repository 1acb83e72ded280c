using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Pictures of what a learner recorded: widths and heights are pixels.</summary>
public static class TrainingPlots
{
    /// <summary>The smoothed training loss after each batch, and the validation loss after each epoch that has one.</summary>
    /// <exception cref="TesseraException">Nothing was recorded.</exception>
    public static Figure PlotLosses(this Recorder recorder, int width = 640, int height = 480)
    {
        ArgumentNullException.ThrowIfNull(recorder);
        return new Figure(Losses(recorder), width, height);
    }

    /// <summary>The learning rate of the last layer group in each batch; beside it, where asked for, the momentum (Adam's β₁).</summary>
    /// <exception cref="TesseraException">Nothing was recorded.</exception>
    public static Figure PlotLr(this Recorder recorder, bool showMomentum = false, int? width = null, int height = 480)
    {
        ArgumentNullException.ThrowIfNull(recorder);
        if (recorder.Lrs.Count == 0) throw Empty("PlotLr");
        LineChart Chart(string what, IReadOnlyList<double> values) => new("Iterations", what, [new Line("", Numbers(values.Count), values)]);
        IDrawing[] parts = [Chart("Learning Rate", recorder.Lrs), .. showMomentum ? [Chart("Momentum", recorder.Momenta)] : (LineChart[])[]];
        return new Figure(new Panels(parts.Length, parts), width ?? 640 * parts.Length, height);
    }

    /// <summary>A panel for each metric, below one another: its value after each epoch that was validated.</summary>
    /// <exception cref="TesseraException">There are no metrics, or nothing was validated.</exception>
    public static Figure PlotMetrics(this Recorder recorder, int width = 640, int? height = null)
    {
        ArgumentNullException.ThrowIfNull(recorder);
        var epochs = AfterEpochs(recorder).Zip(recorder.MetricValues).Where(e => e.Second is { Count: > 0 }).ToArray();
        if (epochs.Length == 0)
            throw new TesseraException(
                "PlotMetrics: no metrics were recorded: got none, expected at least one metric and one validated epoch. "
                    + "Hint: give the learner metrics and validation items, then call Fit.");
        IDrawing[] panels = [.. recorder.MetricNames.Select((name, m) => new LineChart("Batches processed", name,
            [new Line("", [.. epochs.Select(e => e.First)], [.. epochs.Select(e => e.Second![m])], HasMarkers: true)]))];
        return new Figure(new Panels(1, panels), width, height ?? 360 * panels.Length);
    }

    /// <summary>The loss over the learning rate, which is drawn logarithmically.</summary>
    /// <param name="curve">What <see cref="Learner.FindLearningRate"/> found.</param>
    /// <param name="skipStart">Batches left out at the start.</param>
    /// <param name="skipEnd">Batches left out at the end, where the loss explodes.</param>
    /// <param name="suggestion">Whether the rates of <see cref="LearningRateCurve.Suggest"/> are marked.</param>
    /// <param name="smooth">As in <see cref="LearningRateCurve.Part"/>.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <exception cref="TesseraException">Fewer than two batches are left.</exception>
    public static Figure Plot(this LearningRateCurve curve, int skipStart = 10, int skipEnd = 5, bool suggestion = false, double smooth = 0, int width = 640, int height = 480)
    {
        ArgumentNullException.ThrowIfNull(curve);
        var part = curve.Part(skipStart, skipEnd, smooth);
        var s = part.Suggest(0, 0);
        Mark At(string name, double lr) => new(string.Create(CultureInfo.InvariantCulture, $"{name}: {lr:0.00E+00}"), lr, Loss(part, lr));
        Mark[] marks = suggestion ? [At("steepest", s.Steepest), At("least / 10", s.TenthOfLeast), At("valley", s.Valley)] : [];
        return new Figure(new LineChart("Learning Rate", "Loss", [new Line("", part.Lrs, part.Losses)]) { LogX = true, Marks = marks, Legend = ScottPlot.Alignment.LowerLeft }, width, height);
    }

    /// <summary>Training and validation losses so far, over as many batches as there will be.</summary>
    internal static LineChart Losses(Recorder recorder, int? batches = null)
    {
        if (recorder.Losses.Count == 0) throw Empty("PlotLosses");
        var valid = AfterEpochs(recorder).Zip(recorder.ValidLosses).Where(e => e.Second is not null).ToArray();
        Line train = new("Train", Numbers(recorder.Losses.Count), recorder.Losses);
        Line validation = new("Validation", [.. valid.Select(e => e.First)], [.. valid.Select(e => e.Second!.Value)], HasMarkers: true);
        return new LineChart("Batches processed", "Loss", valid.Length == 0 ? [train] : [train, validation]) { XRange = batches is { } n ? (-0.02 * n, 1.02 * n) : null };
    }

    /// <summary>The loss at a rate between two that were tried, along the straight line that is drawn between them.</summary>
    static double Loss(LearningRateCurve curve, double lr)
    {
        int after = Enumerable.Range(0, curve.Lrs.Count).FirstOrDefault(i => curve.Lrs[i] >= lr, curve.Lrs.Count - 1);
        if (after == 0 || curve.Lrs[after] <= lr) return curve.Losses[after];
        double t = Math.Log(lr / curve.Lrs[after - 1]) / Math.Log(curve.Lrs[after] / curve.Lrs[after - 1]);
        return ((1 - t) * curve.Losses[after - 1]) + (t * curve.Losses[after]);
    }

    /// <summary>How many batches were done at the end of each epoch.</summary>
    static IEnumerable<double> AfterEpochs(Recorder recorder)
    {
        int sum = 0;
        foreach (int n in recorder.BatchCounts) yield return sum += n;
    }

    static double[] Numbers(int n) => [.. Enumerable.Range(0, n).Select(i => (double)i)];

    static TesseraException Empty(string op) => new(
        $"{op}: nothing was recorded: got 0 batches, expected at least 1. "
            + "Hint: call Fit or FitOneCycle first; learn.Recorder is what the latest call recorded.");
}
