using System.Runtime.InteropServices;

namespace Tessera.NN;

/// <summary>One parameter's part in a step of an optimizer.</summary>
/// <param name="W">The parameter, changed in place.</param>
/// <param name="G">Its gradient, dense.</param>
/// <param name="M">Its moments.</param>
/// <param name="Options">Rates of its group; <see cref="StepOptions.Decay"/> or <see cref="StepOptions.L2"/> is set.</param>
public readonly record struct ParameterStep(Tensor W, Tensor G, Moments M, StepOptions Options);

/// <summary>Gives a device the steps of parameters with equal options together: on a GPU many small ones are one launch.</summary>
/// <param name="step">The step of the backend.</param>
internal sealed class StepQueue(StepQueue.Step step)
{
    /// <summary>A step of all parameters with the same options.</summary>
    internal delegate void Step(Backend backend, ReadOnlySpan<StepTensors> parameters, StepOptions options);

    readonly List<StepTensors> waiting = [];
    Device device = Device.Cpu;
    StepOptions options;

    /// <summary>Forgets what a failed step left behind.</summary>
    public void Clear() => waiting.Clear();

    /// <summary>Adds a parameter, after those with other options or on another device were stepped.</summary>
    public void Add(Device device, StepTensors tensors, StepOptions options)
    {
        if (options != this.options || device != this.device) Run();
        (this.device, this.options) = (device, options);
        waiting.Add(tensors);
    }

    /// <summary>Steps those that wait.</summary>
    public void Run()
    {
        if (waiting.Count > 0) step(device.Backend, CollectionsMarshal.AsSpan(waiting), options);
        waiting.Clear();
    }
}
