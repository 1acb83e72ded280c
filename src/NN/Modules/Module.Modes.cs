namespace Tessera.NN;

public abstract partial class Module
{
    /// <summary>Evaluation mode until disposed; then the mode of each module inside is as before.</summary>
    internal EvaluationRegion Evaluating() => new(this);

    /// <summary>
    /// Evaluation mode in which parameters take no gradients, so that those of inputs can be looked at without a trace in the parameters; until
    /// disposed.
    /// </summary>
    internal InspectionRegion Inspecting() => new(this);

    /// <summary>A stretch in evaluation mode.</summary>
    internal readonly struct EvaluationRegion : IDisposable
    {
        readonly (Module Module, bool WasTraining)[] modes;

        public EvaluationRegion(Module model)
        {
            modes = [.. model.NamedModules().Select(m => (m.Module, m.Module.IsTraining))];
            model.Eval();
        }

        public void Dispose()
        {
            foreach (var (module, wasTraining) in modes) module.Train(wasTraining); // parents first, so that a child's own mode stays
        }
    }

    /// <summary>A stretch in evaluation mode with parameters at rest.</summary>
    internal readonly struct InspectionRegion : IDisposable
    {
        readonly EvaluationRegion evaluation;
        readonly Tensor[] resting;

        public InspectionRegion(Module model)
        {
            evaluation = model.Evaluating();
            resting = [.. model.Parameters().Where(p => p.RequiresGrad)];
            foreach (var p in resting) p.RequiresGrad = false;
        }

        public void Dispose()
        {
            foreach (var p in resting) p.RequiresGrad = true;
            evaluation.Dispose();
        }
    }
}
