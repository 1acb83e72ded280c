namespace Tessera.NN;

/// <summary>Puts nodes in an order in which each comes after those it depends on, and finds what makes that impossible.</summary>
internal static class OnnxOrder
{
    /// <summary>The nodes in order of computation; the file's order where that is one.</summary>
    /// <exception cref="DataException">A value is computed twice, is nowhere computed, or depends on itself.</exception>
    public static OnnxNode[] Sort(OnnxNode[] nodes, OnnxModel model)
    {
        var producer = Producers(nodes, model);
        var known = new HashSet<string>(model.Initializers.Concat(model.Inputs.Select(i => i.Name)), StringComparer.Ordinal);
        int[] waiting = new int[nodes.Length];
        var consumers = new List<int>?[nodes.Length];
        for (int i = 0; i < nodes.Length; i++)
            foreach (string name in nodes[i].Inputs.Where(n => n.Length > 0 && !known.Contains(n)).Distinct(StringComparer.Ordinal))
            {
                if (!producer.TryGetValue(name, out int from))
                    throw model.Error($"node '{nodes[i].Name}' ({nodes[i].Op}): no input, initializer or node is called '{name}'.");
                waiting[i]++;
                (consumers[from] ??= []).Add(i);
            }
        CheckOutputs(model, producer, known);

        var ready = new PriorityQueue<int, int>();
        for (int i = 0; i < nodes.Length; i++)
            if (waiting[i] == 0) ready.Enqueue(i, i);
        var sorted = new List<OnnxNode>(nodes.Length);
        while (ready.TryDequeue(out int i, out _))
        {
            sorted.Add(nodes[i]);
            foreach (int next in consumers[i] ?? [])
                if (--waiting[next] == 0) ready.Enqueue(next, next);
        }
        return sorted.Count == nodes.Length
            ? [.. sorted]
            : throw model.Error($"the graph has a cycle: got node '{nodes[Array.FindIndex(waiting, w => w > 0)].Name}' that depends on itself, expected none.");
    }

    static Dictionary<string, int> Producers(OnnxNode[] nodes, OnnxModel model)
    {
        var producer = new Dictionary<string, int>(StringComparer.Ordinal);
        var given = model.Inputs.Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
        for (int i = 0; i < nodes.Length; i++)
            foreach (string name in nodes[i].Outputs.Where(n => n.Length > 0))
                if (given.Contains(name) || model.HasInitializer(name) || !producer.TryAdd(name, i))
                    throw model.Error($"two values are called '{name}': expected different names. Node '{nodes[i].Name}' ({nodes[i].Op}) computes the second.");
        return producer;
    }

    static void CheckOutputs(OnnxModel model, Dictionary<string, int> producer, HashSet<string> known)
    {
        foreach (var output in model.Outputs)
            if (!producer.ContainsKey(output.Name) && !known.Contains(output.Name))
                throw model.Error($"output '{output.Name}' is nowhere computed.");
    }
}
