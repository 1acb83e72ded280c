namespace Tessera.NN;

/// <summary>One operation of a traced network, or a module that is exported as one.</summary>
/// <param name="Name">The operation's name, or the module's class.</param>
/// <param name="Arguments">What it depends on beside its inputs.</param>
/// <param name="Inputs">What it was given. Only identity, shape and type count: the memory may have been given back.</param>
/// <param name="Output">What it computed.</param>
/// <param name="Module">The module, where it is one.</param>
internal sealed record OnnxStep(string Name, IReadOnlyDictionary<string, object?> Arguments, Tensor[] Inputs, Tensor Output, Module? Module = null);

/// <summary>The operations of one run of a network, in order, and the constants they read.</summary>
internal sealed class OnnxTrace
{
    static readonly Dictionary<string, object?> none = [];

    readonly HashSet<Tensor> variable; // what is computed from the input or the state, and these themselves
    readonly Dictionary<Tensor, byte[]> constants = [];

    OnnxTrace(Tensor x, IEnumerable<Tensor> state)
    {
        (Input, Output) = (x, x);
        variable = [x, .. state];
    }

    /// <summary>The input.</summary>
    public Tensor Input { get; }

    /// <summary>The output.</summary>
    public Tensor Output { get; private set; }

    /// <summary>The output's elements.</summary>
    public byte[] Result { get; private set; } = [];

    /// <summary>What ran, in order.</summary>
    public List<OnnxStep> Steps { get; } = [];

    /// <summary>Elements of a tensor that was made of numbers alone.</summary>
    public byte[] Constant(Tensor t) => constants[t];

    /// <summary>Runs a network in evaluation mode, as it is, and notes what happens.</summary>
    public static OnnxTrace Of(Module network, Tensor x)
    {
        var trace = new OnnxTrace(x, network.StateDict().Values);
        using (Op.Watch(trace.See))
        using (Module.Watch(trace.See)) trace.Output = network.Call(x);
        trace.Result = trace.Output.ToBytes();
        return trace;
    }

    void See(OpCall call)
    {
        foreach (var t in call.Inputs) Note(t);
        if (!call.Inputs.Any(variable.Contains))
        {
            Note(call.Output);
            return;
        }
        variable.Add(call.Output);
        Steps.Add(new OnnxStep(call.Op.Name, call.Op.Arguments, [.. call.Inputs], call.Output));
    }

    // Modules that one operator of ONNX stands for, where their operations are several, or none.
    void See(Module module, Tensor x, Tensor y)
    {
        if (module is Dropout or StochasticDepth or LayerNorm || (module is BatchNorm && x.Rank != 4))
            Steps.Add(new OnnxStep(module.GetType().Name, none, [x], y, module));
    }

    void Note(Tensor t)
    {
        if (!variable.Contains(t) && !constants.ContainsKey(t)) constants.Add(t, t.ToBytes());
    }
}
