using System.Globalization;

namespace Tessera.NN;

public partial class Learner
{
    /// <summary>
    /// Predictions with dropout switched on and all else in evaluation mode (Gal &amp; Ghahramani, 2016): how far they lie apart says how sure the
    /// model is. The default generator stands afterwards where it stood before.
    /// </summary>
    /// <param name="x">Inputs as the data set gives them, before the batch transform: <c>[N, ...]</c>.</param>
    /// <param name="times">How often, at least 1.</param>
    /// <param name="seed">Of the dropout.</param>
    /// <returns>The outputs after the loss's activation: <c>[times, N, classes]</c>.</returns>
    /// <exception cref="TesseraException">The model has no dropout, or <paramref name="times"/> is below 1.</exception>
    public Tensor PredictWithMonteCarloDropout(Tensor x, int times = 10, ulong seed = 0)
    {
        if (times < 1) throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"PredictWithMonteCarloDropout: times: got {times}, expected at least 1. Hint: 10 is usual."));
        var dropouts = Model.NamedModules().Select(m => m.Module).OfType<Dropout>().ToArray();
        if (dropouts.Length == 0)
            throw new TesseraException($"PredictWithMonteCarloDropout: nothing is random: got a {Model.GetType().Name} without Dropout, expected at least one. Hint: Predict gives its only answer.");
        var (before, position) = (Generator.Default.SeedValue, Generator.Default.Position);
        using var evaluating = new Evaluating(Model);
        foreach (var dropout in dropouts) dropout.Train();
        try
        {
            Generator.Seed(seed);
            return Scope.Run(() =>
            {
                var prepared = Data.Prepare(x);
                return Tensor.Stack([.. Enumerable.Range(0, times).Select(_ => Loss.Activation(Output(prepared)))]);
            });
        }
        finally
        {
            Generator.Seed(before);
            Generator.Default.Position = position;
        }
    }
}
