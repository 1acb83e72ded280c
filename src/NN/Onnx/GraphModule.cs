namespace Tessera.NN;

/// <summary>
/// A network that runs the nodes of an ONNX file in order. Convolutions, linear layers and batch norms are modules, so it trains like any
/// other; made by <see cref="OnnxModel.ToModule"/>, in evaluation mode.
/// </summary>
public sealed class GraphModule : Module
{
    readonly Dictionary<string, Part> parts = new(StringComparer.Ordinal);
    readonly HashSet<string> taken = new(StringComparer.Ordinal);
    readonly Dictionary<string, Tensor> constants = new(StringComparer.Ordinal), learned = new(StringComparer.Ordinal);
    readonly string file;

    internal GraphModule(string file, string[] inputs, string[] outputs)
    {
        this.file = file;
        (InputNames, OutputNames) = (inputs, outputs);
    }

    /// <summary>What <see cref="Run"/> must be given.</summary>
    public IReadOnlyList<string> InputNames { get; }

    /// <summary>What it computes.</summary>
    public IReadOnlyList<string> OutputNames { get; }

    /// <summary>By node name: behind each convolution with a bias and no batch norm.</summary>
    internal Dictionary<string, FoldedNorm> FoldedNorms { get; } = new(StringComparer.Ordinal);

    /// <summary>The nodes one by one.</summary>
    internal IReadOnlyList<GraphStep> Steps { get; set; } = [];

    /// <summary>What is run: the steps, joined where they run together.</summary>
    internal IReadOnlyList<GraphStep> Plan { get; set; } = [];

    /// <summary>In which parts it is run.</summary>
    internal ScheduleCache Schedules { get; } = new();

    /// <summary>The first output for the only input.</summary>
    /// <param name="x">The input; an image classifier takes <c>[N, 3, H, W]</c>.</param>
    /// <exception cref="DataException">A node cannot work on what it is given; the message names it.</exception>
    public override Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        if (InputNames.Count != 1)
            throw new DataException($"{file}: the graph has {InputNames.Count} inputs: expected one. Hint: use Run and name them: {string.Join(", ", InputNames)}.");
        return Run(new Dictionary<string, Tensor>(StringComparer.Ordinal) { [InputNames[0]] = x })[OutputNames[0]];
    }

    /// <summary>All outputs by name from all inputs by name. Without gradients a tensor between is given back once it is no longer needed.</summary>
    /// <exception cref="DataException">An input is missing, or a node cannot work on what it is given.</exception>
    public IReadOnlyDictionary<string, Tensor> Run(IReadOnlyDictionary<string, Tensor> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var live = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (string name in InputNames)
            live[name] = inputs.TryGetValue(name, out var x) ? x : throw new DataException(
                $"{file}: input '{name}' is missing: got {string.Join(", ", inputs.Keys)}, expected {string.Join(", ", InputNames)}. "
                    + "Hint: name every input of the graph.");
        foreach (var run in Schedule(live))
            if (run.Items == 0) RunSteps(run, live, inputs);
            else RunByParts(run, live, inputs);
        return OutputNames.ToDictionary(name => name, name => live.GetValueOrDefault(name) ?? constants[name], StringComparer.Ordinal);
    }

    // Part by part only where nobody watches or differentiates, on the CPU, whose caches this is about.
    StepRun[] Schedule(Dictionary<string, Tensor> inputs)
    {
        bool plain = inputs.Count == 1 && !Autograd.IsEnabled && !IsWatched && !Op.IsWatched && Autocast.Type == DType.Float32;
        return plain && inputs.First() is var (name, x) && x.DType == DType.Float32 && x.Device == Device.Cpu && x.Rank == 4 && x.Shape[0] > 1 ? Schedules.Of(Plan, name, x.Shape) : [new StepRun(0, Plan.Count)];
    }

    void RunSteps(StepRun run, Dictionary<string, Tensor> live, IReadOnlyDictionary<string, Tensor> inputs)
    {
        for (int s = run.First; s < run.End; s++)
        {
            var step = Plan[s];
            var call = new NodeCall(step.Node, Array.ConvertAll(step.Inputs, name => name is null ? null : live.GetValueOrDefault(name) ?? constants[name]));
            var outputs = Autograd.IsEnabled ? step.Compute(call) : ComputeInScope(step, call);
            int named = step.Module is null ? step.Outputs.Length : 1; // nobody takes the others of a module
            for (int i = 0; i < named; i++)
                if (step.Outputs[i].Length > 0) live[step.Outputs[i]] = i < outputs.Length ? outputs[i] : throw step.Node.Error("not supported: outputs", step.Outputs.Length, outputs.Length);
            foreach (string name in step.Release) Release(live, name, inputs);
        }
    }

    // All of the run reads one value and leaves one.
    void RunByParts(StepRun run, Dictionary<string, Tensor> live, IReadOnlyDictionary<string, Tensor> inputs)
    {
        var (name, x) = live.Single();
        string output = Plan[run.End - 1].Outputs[0];
        var y = Tensor.Empty(run.Result, device: x.Device);
        for (int n = 0; n < x.Shape[0]; n += run.Items)
        {
            using var scope = Scope.Begin();
            int count = Math.Min(run.Items, x.Shape[0] - n);
            var part = new Dictionary<string, Tensor>(StringComparer.Ordinal) { [name] = x.Narrow(0, n, count) };
            RunSteps(run, part, inputs);
            y.Narrow(0, n, count).CopyFrom(part[output]);
        }
        Release(live, name, inputs);
        live[output] = y;
    }

    /// <summary>A value that never changes and is not learned.</summary>
    internal void Keep(string name, Tensor value) => constants.TryAdd(name, Scope.Keep(value));

    /// <summary>A learned tensor outside any module, under its own name.</summary>
    internal void Parameter(string name, Tensor value)
    {
        if (constants.ContainsKey(name)) return;
        var p = Scope.Keep(value.Detach().Clone());
        string[] path = Free(name);
        if (path.Length == 1) RegisterParameter(path[0], p);
        else At(path[..^1]).Add(path[^1], p);
        constants.Add(name, p);
        learned.Add(name, p);
    }

    /// <summary>The learned tensors that a step reads outside of any module, by name.</summary>
    internal IEnumerable<(string Name, Tensor Tensor)> Learned(GraphStep step) =>
        step.Module is null ? step.Inputs.OfType<string>().Where(learned.ContainsKey).Select(name => (name, learned[name])) : [];

    /// <summary>The layers of the graph in parts, for layer groups: each from one of the given steps on. A layer that several parts use belongs to the first.</summary>
    /// <param name="starts">Steps, in order; the first part begins at 0.</param>
    internal IReadOnlyList<Module> Parts(params IReadOnlyList<int> starts)
    {
        HashSet<object> seen = [];
        return [.. starts.Prepend(0).Zip(starts.Append(Steps.Count), Between)];

        Part Between(int from, int to)
        {
            var part = new Part();
            foreach (var (i, step) in Steps.Take(to).Skip(from).Index())
            {
                string name = i.ToString(System.Globalization.CultureInfo.InvariantCulture);
                if (step.Module is { } module && seen.Add(module)) part.Add(name, module);
                var tensors = Learned(step).Where(t => seen.Add(t.Tensor)).ToArray();
                if (tensors.Length == 0) continue;
                var own = new Part();
                part.Add(name, own);
                foreach (var (k, (_, tensor)) in tensors.Index()) own.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{k}"), tensor);
            }
            return part;
        }
    }

    /// <summary>A module under a dotted name: one part for every dot.</summary>
    internal void Place(string name, Module module)
    {
        string[] path = Free(name);
        if (path.Length == 1) Register(path[0], module);
        else At(path[..^1]).Add(path[^1], module);
    }

    static Tensor[] ComputeInScope(GraphStep step, NodeCall call)
    {
        using var scope = Scope.Begin();
        var outputs = step.Compute(call);
        foreach (var y in outputs) scope.Return(y);
        return outputs;
    }

    void Release(Dictionary<string, Tensor> live, string name, IReadOnlyDictionary<string, Tensor> inputs)
    {
        if (!live.Remove(name, out var t) || Autograd.IsEnabled) return;
        if (!Holds(live.Values, t) && !Holds(inputs.Values, t) && !Holds(constants.Values, t)) t.Dispose();
    }

    // A loop, as it runs between the kernels.
    static bool Holds(IEnumerable<Tensor> values, Tensor t)
    {
        foreach (var value in values)
            if (ReferenceEquals(value, t)) return true;
        return false;
    }

    Part At(string[] path)
    {
        string name = string.Join('.', path);
        if (parts.TryGetValue(name, out var part)) return part;
        part = parts[name] = new Part();
        if (path.Length == 1) Register(path[0], part);
        else At(path[..^1]).Add(path[^1], part);
        return part;
    }

    // A name that is taken, or runs through a name that is taken, loses its dots.
    string[] Free(string name)
    {
        string[] path = Array.ConvertAll(name.Split('.'), p => p.Length > 0 ? p : "_");
        for (int n = path.Length; n >= 1; n--)
            if (taken.Contains(string.Join('.', path[..n]))) return Free(name.Replace('.', '_') + "_");
        if (parts.ContainsKey(string.Join('.', path))) return Free(name.Replace('.', '_') + "_");
        taken.Add(string.Join('.', path));
        return path;
    }

    /// <summary>Only a part of a dotted name.</summary>
    sealed class Part : Module
    {
        public override Tensor Forward(Tensor x) => throw new TesseraException("GraphModule: a part of the graph computes nothing by itself. Hint: call the GraphModule.");

        public void Add(string name, Module child) => Register(name, child);

        public void Add(string name, Tensor parameter) => RegisterParameter(name, parameter);
    }
}

/// <summary>A node ready to run.</summary>
/// <param name="Node">The node.</param>
/// <param name="Run">Outputs from inputs: the operator's function, or a module.</param>
/// <param name="Inputs">Names of the values it takes; null where one is left out.</param>
/// <param name="Module">The module it runs, if it is one.</param>
/// <param name="Joined">Names of its results, where they are not the node's: it runs others along.</param>
internal sealed record GraphStep(OnnxNode Node, Func<NodeCall, Tensor[]> Run, string?[] Inputs, Module? Module = null, string[]? Joined = null)
{
    /// <summary>Names of its results; empty where nobody wants one.</summary>
    public string[] Outputs => Joined ?? Node.Outputs;

    /// <summary>The convolutions it runs, in the order of its inputs; none where it is something else.</summary>
    public ConvUnit[] Units { get; set; } = [];

    /// <summary>Values nobody needs after this step.</summary>
    public string[] Release { get; set; } = [];

    /// <summary>Runs the node; an error of the tensor library becomes one that names the node.</summary>
    public Tensor[] Compute(NodeCall call)
    {
        try
        {
            return Run(call);
        }
        catch (Exception e) when (e is ShapeException or DTypeException or ArgumentException or OverflowException or InvalidCastException)
        {
            throw Node.Error("cannot be computed",
                $"inputs {string.Join(", ", call.Inputs.Select(t => t is null ? "none" : $"{t.DType} {t.Shape}"))}", $"inputs the operator takes ({e.Message.TrimEnd('.')})");
        }
    }
}
