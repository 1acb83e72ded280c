using System.Globalization;

namespace Tessera.NN;

public partial class Learner
{
    const string GradientPart = "gradient", RunPart = "run";

    /// <summary>What identifies a call beside its schedule: the data, in words.</summary>
    string DataContent()
    {
        var d = Data.Train;
        return string.Create(CultureInfo.InvariantCulture,
            $"{d.Dataset.Count} items of shape {d.Dataset.InputShape} in batches of {d.BatchSize}{(d.Shuffle ? " shuffled" : "")}, "
                + $"seed {d.Seed}, loss {Loss.Name}");
    }

    /// <summary>Weights and statistics, optimizer, gradients that wait for a step, random generator, epochs and callbacks: to or from a state.</summary>
    internal void Remember(RunState run, Callback keeper)
    {
        foreach (var (name, tensor) in Model.StateDict()) run.Tensor(name, tensor);
        RememberOptimizer(run);
        RememberGradients(run);
        var here = run.Part(RunPart);
        var generator = Generator.Default;
        ulong seed = (ulong)here.Value("generator_seed", (long)generator.SeedValue), position = (ulong)here.Value("generator_position", (long)generator.Position);
        if (run.IsRead)
        {
            Generator.Seed(seed);
            Generator.Default.Position = position;
        }
        EpochsTrained = (int)here.Value("epochs_trained", EpochsTrained);
        foreach (var kind in running.Where(c => c != keeper).GroupBy(c => c.GetType()))
            foreach (var (i, callback) in kind.Index())
            {
                string name = string.Create(CultureInfo.InvariantCulture, $"{kind.Key.Name}.{i}");
                bool joins = run.IsRead && callback.IsObserver && run.Entries($"{RunPart}/{name}").Count == 0; // the run began without it
                if (!joins) callback.Remember(here.Part(name));
            }
    }

    void RememberOptimizer(RunState run)
    {
        if (run.IsRead)
            Made().LoadState(run.Entries(OptimizerKey));
        else
            foreach (var (key, tensor) in Made().State()) run.Part(OptimizerKey).Tensor(key, tensor);
    }

    void RememberGradients(RunState run)
    {
        if (run.IsRead) Model.ZeroGrad();
        var stored = run.Entries(GradientPart);
        foreach (var (name, w) in Model.NamedParameters())
        {
            if (!run.IsRead && w.Grad is { } g) run.Part(GradientPart).Tensor(name, g);
            if (run.IsRead && stored.TryGetValue(name, out var kept)) w.Backward(kept.To(w.Device)); // w.Grad = kept
        }
    }
}
