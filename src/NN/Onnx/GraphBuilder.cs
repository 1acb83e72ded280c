namespace Tessera.NN;

/// <summary>Turns a checked ONNX model into a <see cref="GraphModule"/>: computes what is constant, makes modules of layers, orders the rest.</summary>
internal sealed class GraphBuilder
{
    readonly OnnxModel model;
    readonly GraphModule graph;
    readonly Dictionary<string, Tensor> constants = new(StringComparer.Ordinal);
    readonly HashSet<string> learned = new(StringComparer.Ordinal);
    readonly HashSet<string> wanted;
    readonly HashSet<string> used = new(StringComparer.Ordinal);
    readonly List<GraphStep> steps = [];
    readonly Dictionary<string, ChannelStatistics>? statistics;
    readonly ILookup<string, OnnxNode> readers;
    readonly IReadOnlyDictionary<string, double> depths;

    GraphBuilder(OnnxModel model, string[] outputs, Dictionary<string, ChannelStatistics>? statistics)
    {
        this.model = model;
        this.statistics = statistics;
        depths = OnnxDepths.Of(model);
        readers = model.Nodes.SelectMany(n => n.Inputs.Select(input => (input, n))).ToLookup(r => r.input, r => r.n, StringComparer.Ordinal);
        wanted = outputs.ToHashSet(StringComparer.Ordinal);
        graph = new GraphModule(model.File, [.. model.Inputs.Select(i => i.Name)], outputs);
    }

    /// <summary>The module that computes the given values.</summary>
    /// <param name="model">The file.</param>
    /// <param name="outputs">Names of the values; none for the file's own outputs.</param>
    /// <param name="statistics">Statistics by node name: such a convolution gets a batch norm that takes over its bias.</param>
    public static GraphModule Build(OnnxModel model, string[] outputs, Dictionary<string, ChannelStatistics>? statistics = null)
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        using var unset = Init.Skip();
        using var allowance = model.Allowance("for constants and layers");
        return new GraphBuilder(model, outputs.Length > 0 ? outputs : [.. model.Outputs.Select(o => o.Name)], statistics).Build();
    }

    GraphModule Build()
    {
        foreach (var node in Needed())
        {
            var op = OnnxOperators.Of(node);
            if (node.Inputs.All(name => name.Length == 0 || Constant(name) is not null)) Fold(node, op);
            else Add(node, op);
        }
        foreach (string output in graph.OutputNames)
            if (constants.TryGetValue(output, out var value) || (model.HasInitializer(output) && (value = Constant(output)) is not null)) graph.Keep(output, value);
        graph.Steps = steps;
        graph.Plan = GraphFusion.Plan(steps, wanted);
        SetRelease(graph.Plan);
        graph.Eval();
        return graph;
    }

    /// <summary>The nodes the outputs depend on, in order.</summary>
    List<OnnxNode> Needed()
    {
        var reached = new HashSet<string>(wanted, StringComparer.Ordinal);
        var computed = model.Nodes.SelectMany(n => n.Outputs).Concat(model.Initializers).Concat(graph.InputNames).ToHashSet(StringComparer.Ordinal);
        foreach (string name in wanted)
            if (!computed.Contains(name)) throw model.Error($"no value '{name}' in the graph.");
        var needed = new List<OnnxNode>();
        foreach (var node in model.Nodes.Reverse())
        {
            if (!node.Outputs.Any(reached.Contains)) continue;
            needed.Add(node);
            reached.UnionWith(node.Inputs);
        }
        needed.Reverse();
        return needed;
    }

    Tensor? Constant(string name)
    {
        if (constants.TryGetValue(name, out var value)) return value;
        if (!model.HasInitializer(name)) return null;
        value = constants[name] = model.Initializer(name);
        if (value.DType.IsFloat()) learned.Add(name);
        return value;
    }

    void Fold(OnnxNode node, OnnxOperator op)
    {
        var call = new NodeCall(node, Array.ConvertAll(node.Inputs, name => name.Length == 0 ? null : Constant(name))) { Limit = FoldedLimit };
        if (LargestResult(call) > FoldedLimit) throw node.Error("a constant is too large", $"inputs {string.Join(", ", call.Inputs.Select(t => t?.Shape))}", $"at most {FoldedLimit} elements");
        var outputs = new GraphStep(node, op.Run, node.Inputs).Compute(call);
        bool learns = node.Inputs.Any(learned.Contains);
        for (int i = 0; i < node.Outputs.Length; i++)
        {
            if (!node.Wants(i)) continue;
            constants[node.Outputs[i]] = i < outputs.Length ? outputs[i] : throw node.Error("not supported: outputs", node.Outputs.Length, outputs.Length);
            if (learns && outputs[i].DType.IsFloat()) learned.Add(node.Outputs[i]);
        }
    }

    // Most elements of one result; OnnxModel.Allowance bounds all of them together.
    long FoldedLimit => (model.Source.TotalBytes / 2) + (1L << 22);

    /// <summary>Elements of a product or of a broadcast, which can be many more than the inputs have; 0 for operators that look after that themselves.</summary>
    static double LargestResult(NodeCall call)
    {
        Shape[] shapes = [.. call.Inputs.OfType<Tensor>().Select(t => t.Shape)];
        if (call.Node.Op is "MatMul" or "Gemm" && shapes is [{ Rank: > 0 } a, { } b, ..])
        {
            double inner = Math.Max(1, a[call.Node.Flag("transA") ? 0 : -1]);
            return a.Count / inner * (b.Count / inner);
        }
        if (shapes.Length == 0 || !OnnxOperators.Broadcasts(call.Node.Op)) return 0;
        double count = 1;
        for (int d = 1; d <= shapes.Max(s => s.Rank); d++) count *= shapes.Max(s => d <= s.Rank ? s[-d] : 1);
        return count;
    }

    void Add(OnnxNode node, OnnxOperator op)
    {
        string?[] inputs = [.. Enumerable.Range(0, node.Inputs.Length).Select(node.Input)];
        bool first = inputs.Skip(1).All(name => name is null || !used.Contains(name));
        if (first && Wanted(node) == 1 && (GraphLayers.Make(node, inputs, Constant) ?? Depth(node)) is { } layer)
        {
            used.UnionWith(inputs.Skip(1).OfType<string>());
            var module = AddLayer(node, layer);
            steps.Add(new GraphStep(node, c => [module.Call(c.X)], [inputs[0]], module));
            foreach (string? name in inputs.Skip(1)) Forget(name);
            return;
        }
        foreach (string? name in inputs)
            if (name is not null && Constant(name) is { } value)
            {
                if (learned.Contains(name) && value.Rank > 0 && GraphLayers.Learns(node.Op)) graph.Parameter(name, value);
                else graph.Keep(name, value);
            }
        steps.Add(new GraphStep(node, op.Run, inputs));
    }

    GraphLayer? Depth(OnnxNode node) => node.Op == "Identity" && depths.TryGetValue(node.Name, out double p) ? new GraphLayer(node.Name, new StochasticDepth(p)) : null;

    /// <summary>Gives a stored tensor back that one layer took over and nobody else reads.</summary>
    void Forget(string? name)
    {
        if (name is null || !model.HasInitializer(name) || wanted.Contains(name) || readers[name].Skip(1).Any()) return;
        if (constants.Remove(name, out var value)) value.Dispose();
    }

    Module AddLayer(OnnxNode node, GraphLayer layer)
    {
        if (layer.Module is not Conv2d { Bias: not null } conv || FollowedByBatchNorm(node))
        {
            graph.Place(layer.Name, layer.Module);
            return layer.Module;
        }
        if (statistics?.GetValueOrDefault(node.Name) is { } s)
        {
            var plain = GraphLayers.Conv(node, conv.Weight, null)!;
            var norm = new BatchNorm2d(conv.Weight.Shape[0]);
            s.Fill(norm, conv.Bias, 1e-5f);
            graph.Place(layer.Name, plain);
            graph.Place(layer.Name + "_bn", norm);
            return new Sequential(plain, norm);
        }
        graph.Place(layer.Name, conv);
        var place = new FoldedNorm();
        graph.FoldedNorms.Add(node.Name, place);
        return new Sequential(conv, place);
    }

    bool FollowedByBatchNorm(OnnxNode node) => readers[node.Outputs[0]].Any(n => n.Op == "BatchNormalization" && n.Input(0) == node.Outputs[0]);

    // How many outputs somebody takes.
    int Wanted(OnnxNode node)
    {
        int count = 0;
        for (int i = 0; i < node.Outputs.Length; i++)
            if (node.Wants(i) && (wanted.Contains(node.Outputs[i]) || readers.Contains(node.Outputs[i]))) count += i == 0 ? 1 : 2;
        return count;
    }

    void SetRelease(IReadOnlyList<GraphStep> steps)
    {
        var last = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < steps.Count; i++)
        {
            foreach (string name in steps[i].Inputs.OfType<string>()) last[name] = i;
            foreach (string name in steps[i].Outputs)
                if (name.Length > 0) last.TryAdd(name, i);
        }
        foreach (var released in last.Where(l => !wanted.Contains(l.Key) && !constants.ContainsKey(l.Key)).GroupBy(l => l.Value, l => l.Key))
            steps[released.Key].Release = [.. released];
    }
}
