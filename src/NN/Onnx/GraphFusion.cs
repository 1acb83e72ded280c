namespace Tessera.NN;

/// <summary>
/// Joins the steps of a graph that run together: a convolution, the batch norm behind it, the addition of another value and the ReLU, where each
/// of the values between has one reader. The joined step stands where its last one stood, so that the other term of the addition is there.
/// Convolutions that are concatenated by channels run with the concatenation: each writes its channels of the result.
/// </summary>
internal static class GraphFusion
{
    /// <summary>The steps in the order of the plan.</summary>
    /// <param name="steps">The steps, in order.</param>
    /// <param name="kept">Values that must be computed: the outputs.</param>
    public static List<GraphStep> Plan(IReadOnlyList<GraphStep> steps, IReadOnlySet<string> kept)
    {
        var readers = steps.Index().SelectMany(s => s.Item.Inputs.OfType<string>().Select(name => (Name: name, Step: s.Index))).ToLookup(r => r.Name, r => r.Step, StringComparer.Ordinal);
        var plan = steps.ToArray<GraphStep?>();
        var branches = new Dictionary<string, Branch>(StringComparer.Ordinal);
        for (int first = 0; first < steps.Count; first++)
        {
            var step = steps[first];
            if (plan[first] != step || ConvolutionOf(step) is not var (conv, norm)) continue; // joined already
            List<int> joined = [first];
            string? residual = null;
            if (norm is null && Next() is { Module: BatchNorm bn }) norm = Join(bn);
            if (Next() is { Module: null, Node.Op: "Add", Inputs: [{ } a, { } b] } && a != b) residual = Join(a == Value() ? b : a);
            bool relu = Next() is { Module: null, Node.Op: "Relu" };
            if (relu) _ = Join("");
            string output = Value();
            var unit = new ConvUnit(conv, norm);
            if (residual is null) branches[output] = new Branch(joined[^1], step.Inputs[0]!, unit, relu);
            if (joined.Count == 1)
            {
                step.Units = [unit];
                continue;
            }
            foreach (int i in joined) plan[i] = null;
            plan[joined[^1]] = Together(step, unit, residual, relu, output);

            string Value() => steps[joined[^1]].Outputs[0];

            // The only reader of the value so far, if it is free.
            GraphStep? Next() => !kept.Contains(Value()) && readers[Value()].ToArray() is [var i] ? plan[i] : null;

            T Join<T>(T what)
            {
                joined.Add(readers[Value()].Single());
                return what;
            }
        }
        for (int i = 0; i < steps.Count; i++)
        {
            if (steps[i] is not { Module: null, Node.Op: "Concat" } concat || concat.Node.Int("axis", 1) is not (1 or -3)) continue;
            var parts = Array.ConvertAll(concat.Inputs, name => name is not null && !kept.Contains(name) && readers[name].Count() == 1 ? branches.GetValueOrDefault(name) : null);
            if (parts.Length < 2 || parts.Contains(null)) continue;
            foreach (var part in parts) plan[part!.Step] = null;
            plan[i] = SideBySide(concat, parts!);
        }
        return [.. plan.OfType<GraphStep>()];
    }

    /// <summary>A convolution with its ReLU: where in the plan, what it reads.</summary>
    sealed record Branch(int Step, string Input, ConvUnit Unit, bool Relu);

    // The result's channels are those of the first branch, then those of the second, and so on.
    static GraphStep SideBySide(GraphStep concat, Branch[] branches)
    {
        return new GraphStep(concat.Node, Run, Array.ConvertAll(branches, b => b.Input)) { Units = Array.ConvertAll(branches, b => b.Unit) };

        Tensor[] Run(NodeCall c)
        {
            var shapes = new Shape[branches.Length];
            int channels = 0;
            for (int i = 0; i < branches.Length; i++)
            {
                if (c[i] is not { Rank: 4, DType: DType.Float32 } x || x.Device != c.X.Device || !branches[i].Unit.IsOnePass(x)) return Joined(c);
                shapes[i] = branches[i].Unit.OutputShape(x.Shape);
                if (shapes[i].Count <= 0 || shapes[i][0] != shapes[0][0] || shapes[i][2] != shapes[0][2] || shapes[i][3] != shapes[0][3]) return Joined(c);
                channels += shapes[i][1];
            }
            var y = Tensor.Empty(shapes[0].With(1, channels), device: c.X.Device);
            using var noGrad = Autograd.NoGrad();
            for (int i = 0, start = 0; i < branches.Length; start += shapes[i++][1]) branches[i].Unit.ForwardInto(c[i], y.Narrow(1, start, shapes[i][1]), branches[i].Relu);
            return [y];
        }

        Tensor[] Joined(NodeCall c) => [Tensor.Cat([.. branches.Select((b, i) => b.Unit.Forward(c[i], relu: b.Relu))], 1)];
    }

    static (Conv2d Conv, Module? Norm)? ConvolutionOf(GraphStep step) => step.Module switch
    {
        Conv2d conv => (conv, null),
        Sequential { Count: 2 } pair when pair[0] is Conv2d conv => (conv, pair[1]),
        _ => null,
    };

    // An addition may repeat its term over the result: then it is one of its own.
    static GraphStep Together(GraphStep first, ConvUnit unit, string? residual, bool relu, string output)
    {
        return new GraphStep(first.Node, Run, residual is null ? [first.Inputs[0]] : [first.Inputs[0], residual], first.Module, [output]) { Units = [unit] };

        Tensor[] Run(NodeCall c)
        {
            if (c.Maybe(1) is not { } r || (r.DType == DType.Float32 && r.Shape == unit.OutputShape(c.X.Shape))) return [unit.Forward(c.X, c.Maybe(1), relu)];
            var y = unit.Forward(c.X) + r.To(DType.Float32);
            return [relu ? y.Relu() : y];
        }
    }
}
