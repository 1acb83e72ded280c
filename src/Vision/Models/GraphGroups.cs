using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// The layer groups of an ONNX graph that is laid out as one of the known networks, however wide it is and whatever its values are called: the kernels and
/// strides of its convolutions, in order, and its linear layers tell which. The graph is cut where that network is, so that freezing and rates by group are the same from every
/// kind of file.
/// </summary>
static class GraphGroups
{
    const int Narrow = 8;

    static readonly Lazy<Layout>[] known = [.. Architecture.Narrow(Narrow).Select(n => new Lazy<Layout>(() => Layout.Of(n.Name, n.Make)))];

    /// <summary>What widths and names do not change.</summary>
    readonly record struct Layer(int Kernel, int Stride, bool Grouped)
    {
        static readonly Layer linear = new(1, 1, false);

        public static Layer? Of(Module module) => module switch
        {
            Conv2d conv => new(conv.Weight.Shape[2], conv.Stride.H, conv.Groups > 1),
            Linear or PixelLinear => linear,
            _ => null,
        };

        public static Layer? Of(GraphModule graph, GraphStep step)
        {
            if ((step.Module as Conv2d ?? (step.Module as Sequential)?[0] ?? step.Module) is { } module) return Of(module);
            var weight = graph.Learned(step).Select(t => t.Tensor).FirstOrDefault(t => t.Rank > 1);
            return (step.Node.Op, weight?.Rank) switch
            {
                ("Conv", 4) => new(weight!.Shape[2], OnnxWindow.Two(step.Node, "strides", 1)[0], step.Node.Int("group", 1) > 1),
                ("MatMul" or "Gemm", 2) => linear,
                _ => null,
            };
        }
    }

    /// <summary>Layers in order, and the first of each group but the first.</summary>
    sealed record Layout(string Name, Layer[] Layers, int[] Starts)
    {
        public static Layout Of(string name, Func<ImageNetwork> make)
        {
            var generator = Generator.Default;
            ulong position = generator.Position;
            using var unset = Init.Skip();
            var network = make();
            generator.Position = position; // nobody notices
            Layer[][] groups = [.. network.Groups.Select(g => g.SelectMany(m => m.NamedModules()).Select(m => Layer.Of(m.Module)).OfType<Layer>().ToArray())];
            foreach (var tensor in network.StateDict().Values) tensor.Dispose();
            return new(name, [.. groups.SelectMany(g => g)], [.. Enumerable.Range(1, groups.Length - 1).Select(i => groups.Take(i).Sum(g => g.Length))]);
        }
    }

    /// <summary>The name of a network that is laid out so, and the groups; null for an unknown layout.</summary>
    public static (string Name, IReadOnlyList<IReadOnlyList<Module>> Groups)? Of(GraphModule graph)
    {
        var (at, layers) = Layers(graph);
        if (Array.Find(known, k => k.Value.Layers.AsSpan().SequenceEqual(layers)) is not { Value: var layout }) return null;
        int?[] starts = [.. layout.Starts.Select(i => Boundary(graph, at[i - 1], at[i]))];
        return starts.Contains(null) ? null : (layout.Name, [.. graph.Parts([.. starts.OfType<int>()]).Select(part => (IReadOnlyList<Module>)[part])]);
    }

    static (int[] At, Layer[] Layers) Layers(GraphModule graph)
    {
        var layers = graph.Steps.Index().Select(s => (s.Index, Layer: Layer.Of(graph, s.Item))).Where(l => l.Layer is not null).ToArray();
        return ([.. layers.Select(l => l.Index)], [.. layers.Select(l => l.Layer!.Value)]);
    }

    /// <summary>The first step behind a layer, up to the next one, to which only one value leads from before: where a block ends. The batch norm of a layer belongs to it.</summary>
    static int? Boundary(GraphModule graph, int layer, int next)
    {
        for (int at = layer + 1; at <= next; at++)
            if (!(graph.Steps[at] is { Module: BatchNorm } norm && norm.Inputs[0] == graph.Steps[layer].Outputs[0]) && Crossing(graph, at) == 1) return at;
        return null;
    }

    /// <summary>How many values that are computed before a step are read from there on.</summary>
    static int Crossing(GraphModule graph, int at)
    {
        var before = graph.Steps.Take(at).SelectMany(s => s.Outputs).Concat(graph.InputNames).ToHashSet(StringComparer.Ordinal);
        return graph.Steps.Skip(at).SelectMany(s => s.Inputs).Concat(graph.OutputNames).OfType<string>().Distinct(StringComparer.Ordinal).Count(before.Contains);
    }
}
