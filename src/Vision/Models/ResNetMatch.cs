using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Reads a residual network off a graph: follows the values from the input, block by block, and collects form and weights.</summary>
internal sealed class ResNetMatch
{
    readonly Dictionary<string, List<GraphStep>> users = new(StringComparer.Ordinal);
    readonly Dictionary<string, string> sameAs = new(StringComparer.Ordinal);
    readonly GraphModule graph;

    public ResNetMatch(GraphModule graph)
    {
        this.graph = graph;
        foreach (var step in graph.Steps)
        {
            if (step.Node.Op is "Identity") sameAs[step.Node.Outputs[0]] = Value(step.Inputs[0]!);
            else foreach (string name in step.Inputs.OfType<string>().Select(Value).Distinct(StringComparer.Ordinal)) Users(name).Add(step);
        }
    }

    /// <summary>Tensors under torchvision's names, after <see cref="Run"/>.</summary>
    public Dictionary<string, Tensor> State { get; } = new(StringComparer.Ordinal);

    /// <summary>The first thing that does not fit.</summary>
    public string Failure { get; private set; } = "";

    sealed record Unit(Conv2d Conv, BatchNorm? Norm, Window2d Window, string Out);

    sealed record Block(List<Unit> Path, Unit? Shortcut, string Out);

    /// <summary>The form of the network, or null with a <see cref="Failure"/>.</summary>
    /// <param name="bodyOnly">Whatever head follows a global pool is left out: the form is one without classifier.</param>
    public ResNetOptions? Run(bool bodyOnly = false)
    {
        if (graph.InputNames.Count != 1 || graph.OutputNames.Count != 1) return Fail("inputs and outputs", $"{graph.InputNames.Count} and {graph.OutputNames.Count}", "1 and 1");
        if (Stem() is not var (stem, value)) return null;
        var blocks = new List<Block>();
        while (Users(value).Exists(s => s.Node.Op == "Conv"))
        {
            if (ReadBlock(value, $"block {blocks.Count + 1}") is not { } block) return null;
            blocks.Add(block);
            value = block.Out;
        }
        if (blocks.Count == 0) return Fail("after the stem", Next(value), "residual blocks");
        if (bodyOnly && Users(value) is { Count: > 0 } pools && pools.TrueForAll(p => p.Node.Op == "GlobalMaxPool" || IsGlobalPool(p))) return Checked(stem, blocks, linear: null);
        if (Tail(value) is not var (linear, end)) return null;
        if (end != Value(graph.OutputNames[0])) return Fail("behind the classifier", Next(end), "the output");
        return Checked(stem, blocks, linear);
    }

    ResNetOptions? Checked(Unit stem, List<Block> blocks, Linear? linear)
    {
        var options = Form(stem, blocks, linear);
        return options is not null && Check(options, stem, blocks, linear) ? options : null;
    }

    (Unit Stem, string Out)? Stem()
    {
        if (ReadUnit(graph.InputNames[0], "stem") is not { } stem) return null;
        if (stem.Window is not { R: 7, S: 7, StrideH: 2, StrideW: 2, Top: 3, Left: 3 })
        {
            Fail("stem", $"a {stem.Window.R}x{stem.Window.S} convolution of stride {stem.Window.StrideH}", "7x7 of stride 2 with padding 3");
            return null;
        }
        if (Only(stem.Out, "Relu", "stem") is not { } relu || Only(Value(relu.Node.Outputs[0]), "MaxPool", "stem") is not { } pool) return null;
        var window = OnnxWindow.Of(pool.Node, pool.Node.Ints("kernel_shape")?.ElementAtOrDefault(0) ?? 1, pool.Node.Ints("kernel_shape")?.ElementAtOrDefault(1) ?? 1, 1, 1);
        if (window == new Window2d(3, 3, 2, 2, 1, 1, 1, 1)) return (stem, Value(pool.Node.Outputs[0]));
        Fail("pool of the stem", window, "3x3 of stride 2 with padding 1");
        return null;
    }

    // x -> conv, [norm], relu, conv, [norm], [relu, conv, [norm]] -> + (x or conv(x)) -> relu
    Block? ReadBlock(string x, string where)
    {
        var starts = Users(x).Where(s => s.Node.Op == "Conv").ToList();
        if (starts.Count > 2 || Users(x).Count != 2) return Lose<Block>(where, Next(x), "two ways to an addition");
        Unit? shortcut = null;
        GraphStep? main = null;
        foreach (var start in starts)
        {
            if (ReadUnit(start, where) is not { } unit) return null;
            if (starts.Count == 2 && Users(unit.Out) is [{ Node.Op: "Add" }]) shortcut = unit;
            else main = start;
        }
        if (main is null || (starts.Count == 2) != shortcut is not null) return Lose<Block>(where, "two equal ways", "a path and a shortcut");
        var path = new List<Unit> { ReadUnit(main, where)! };
        while (Users(path[^1].Out) is [{ Node.Op: "Relu" } relu])
        {
            if (ReadUnit(Value(relu.Node.Outputs[0]), where) is not { } unit) return null;
            path.Add(unit);
        }
        if (path.Count is not (2 or 3)) return Lose<Block>(where, $"{path.Count} convolutions", "2 or 3");
        if (Only(path[^1].Out, "Add", where) is not { } add) return null;
        string[] terms = [.. add.Inputs.OfType<string>().Select(Value).Order(StringComparer.Ordinal)];
        string[] wanted = [.. new[] { path[^1].Out, shortcut?.Out ?? x }.Order(StringComparer.Ordinal)];
        if (!terms.SequenceEqual(wanted)) return Lose<Block>(where, $"the sum of {string.Join(" and ", terms)}", string.Join(" and ", wanted));
        return Only(Value(add.Node.Outputs[0]), "Relu", where) is { } last ? new Block(path, shortcut, Value(last.Node.Outputs[0])) : null;
    }

    Unit? ReadUnit(string value, string where) => Only(value, "Conv", where) is { } step ? ReadUnit(step, where) : null;

    Unit? ReadUnit(GraphStep step, string where)
    {
        if ((step.Module as Conv2d ?? (step.Module as Sequential)?[0] as Conv2d) is not { } conv)
            return Lose<Unit>(where, $"convolution '{step.Node.Name}' with computed weights or uneven padding", "stored weights and even padding");
        var window = OnnxWindow.Of(step.Node, conv.Weight.Shape[2], conv.Weight.Shape[3], 1, 1);
        string value = Value(step.Node.Outputs[0]);
        if (Users(value) is [{ Module: BatchNorm norm } next]) return new Unit(conv, norm, window, Value(next.Node.Outputs[0]));
        return new Unit(conv, null, window, value);
    }

    // Global average pool, then any change of shape, then possibly a linear layer.
    (Linear? Linear, string Out)? Tail(string value)
    {
        if (Users(value) is not [var pool] || !IsGlobalPool(pool))
        {
            Fail("after the last block", Next(value), "a global average pool");
            return null;
        }
        value = Value(pool.Node.Outputs[0]);
        while (Users(value) is [{ Node.Op: "Flatten" or "Reshape" or "Squeeze" or "Dropout" } next]) value = Value(next.Node.Outputs[0]);
        return Users(value) is [{ Module: Linear linear } fc] ? (linear, Value(fc.Node.Outputs[0])) : (null, value);
    }

    static bool IsGlobalPool(GraphStep step) => step.Node.Op == "GlobalAveragePool"
        || (step.Node.Op == "ReduceMean" && (step.Node.Ints("axes") is null || step.Node.Ints("axes") is [2, 3] or [-2, -1] or [-1, -2]));

    ResNetOptions? Form(Unit stem, List<Block> blocks, Linear? linear)
    {
        var units = blocks.SelectMany(b => b.Shortcut is null ? b.Path : b.Path.Append(b.Shortcut)).Prepend(stem).ToList();
        bool bottleneck = blocks[0].Path.Count == 3;
        if (blocks.Exists(b => b.Path.Count == 3 != bottleneck)) return Fail("blocks", "of 2 and of 3 convolutions", "all of one kind");
        bool bias = stem.Conv.Bias is not null, norm = stem.Norm is not null;
        if (units.Exists(u => u.Conv.Bias is not null != bias)) return Fail("convolutions", "some with and some without bias", "all of one kind");
        if (units.Exists(u => u.Norm is not null != norm)) return Fail("convolutions", "some with and some without batch norm", "all of one kind");
        if (!norm && !bias) return Fail("convolutions", "neither bias nor batch norm", "one of them");
        float eps = (float)(stem.Norm?.Eps ?? 1e-5);
        if (units.Exists(u => u.Norm is { } n && (float)n.Eps != eps)) return Fail("batch norms", "different eps", $"{eps}");
        var counts = new List<int>();
        int channels = -1;
        foreach (var block in blocks)
        {
            int outer = block.Path[^1].Conv.Weight.Shape[0];
            if (outer != channels) counts.Add(0);
            counts[^1]++;
            channels = outer;
        }
        bool first = bottleneck && blocks.Exists(b => b.Path[0].Window.StrideH == 2);
        return new ResNetOptions(counts, bottleneck, stem.Conv.Weight.Shape[0], first, bias, norm, eps, linear?.Weight.Shape[0] ?? 0);
    }

    // Every convolution has the size, stride and padding that the form gives it; its tensors go under their names.
    bool Check(ResNetOptions options, Unit stem, List<Block> blocks, Linear? linear)
    {
        if (options.Blocks.Count > 8) return Wrong("stages", options.Blocks.Count, "at most 8");
        Take(stem, "conv1", "bn1");
        int channels = options.Width, at = 0;
        for (int i = 0; i < options.Blocks.Count; i++)
            for (int j = 0; j < options.Blocks[i]; j++)
            {
                int inner = options.Width << i, outer = inner * options.Expansion, stride = i > 0 && j == 0 ? 2 : 1;
                if (!CheckBlock(blocks[at++], string.Create(CultureInfo.InvariantCulture, $"layer{i + 1}.{j}"), options, channels, inner, outer, stride)) return false;
                channels = outer;
            }
        if (linear is not { } fc) return true;
        (State["fc.weight"], State["fc.bias"]) = (fc.Weight, fc.Bias ?? Tensor.Zeros([fc.Weight.Shape[0]]));
        return fc.Weight.Shape[1] == channels || Wrong("classifier", fc.Weight.Shape, $"[classes, {channels}]");
    }

    bool CheckBlock(Block block, string name, ResNetOptions options, int channels, int inner, int outer, int stride)
    {
        int first = options.StrideInFirst ? stride : 1;
        (int From, int To, int Kernel, int Stride)[] form = options.Bottleneck
            ? [(channels, inner, 1, first), (inner, inner, 3, stride / first), (inner, outer, 1, 1)]
            : [(channels, inner, 3, stride), (inner, outer, 3, 1)];
        for (int k = 0; k < form.Length; k++)
        {
            string n = (k + 1).ToString(CultureInfo.InvariantCulture);
            if (!CheckUnit(block.Path[k], $"{name}.conv{n}", form[k])) return false;
            Take(block.Path[k], $"{name}.conv{n}", $"{name}.bn{n}");
        }
        bool projects = stride != 1 || channels != outer;
        if (block.Shortcut is null == projects) return Wrong($"shortcut of {name}", block.Shortcut is null ? "the identity" : "a convolution", projects ? "a convolution" : "the identity");
        if (block.Shortcut is not { } shortcut) return true;
        Take(shortcut, $"{name}.downsample.0", $"{name}.downsample.1");
        return CheckUnit(shortcut, $"{name}.downsample.0", (channels, outer, 1, stride));
    }

    bool CheckUnit(Unit unit, string name, (int From, int To, int Kernel, int Stride) form)
    {
        var expected = new Window2d(form.Kernel, form.Kernel, form.Stride, form.Stride, form.Kernel / 2, form.Kernel / 2, form.Kernel / 2, form.Kernel / 2);
        Shape shape = [form.To, form.From, form.Kernel, form.Kernel];
        if (unit.Conv.Weight.Shape != shape) return Wrong($"weight of {name}", unit.Conv.Weight.Shape, shape);
        return unit.Window == expected || Wrong(name, unit.Window, expected);
    }

    void Take(Unit unit, string conv, string norm)
    {
        State[conv + ".weight"] = unit.Conv.Weight;
        if (unit.Conv.Bias is { } bias) State[conv + ".bias"] = bias;
        if (unit.Norm is not { } n) return;
        foreach (var (name, tensor) in n.StateDict()) State[$"{norm}.{name}"] = tensor;
    }

    /// <summary>The only user of a value, if it is of the wanted operator.</summary>
    GraphStep? Only(string value, string op, string where)
    {
        if (Users(value) is [var step] && step.Node.Op == op) return step;
        Fail(where, Next(value), $"only {op}");
        return null;
    }

    string Next(string value) => Users(value) is { Count: > 0 } steps ? string.Join(" and ", steps.Select(s => s.Node)) : "the output";

    List<GraphStep> Users(string value) => users.TryGetValue(value, out var list) ? list : users[value] = [];

    string Value(string name) => sameAs.GetValueOrDefault(name, name);

    ResNetOptions? Fail(string where, object got, object expected)
    {
        if (Failure.Length == 0) Failure = FormattableString.Invariant($"{where}: got {got}, expected {expected}.");
        return null;
    }

    T? Lose<T>(string where, object got, object expected) where T : class
    {
        Fail(where, got, expected);
        return null;
    }

    bool Wrong(string where, object got, object expected)
    {
        Fail(where, got, expected);
        return false;
    }
}
