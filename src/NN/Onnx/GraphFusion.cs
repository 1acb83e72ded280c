namespace Tessera.NN;

/// <summary>
/// Joins the steps of a graph that run together: a convolution, the batch norm behind it, the addition of another value and the ReLU, where each
/// of the values between has one reader. The joined step stands where its last one stood, so that the other term of the addition is there.
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
        for (int first = 0; first < steps.Count; first++)
        {
            if (plan[first] is not { } step || ConvolutionOf(step) is not var (conv, norm)) continue;
            List<int> joined = [first];
            string? residual = null;
            if (norm is null && Next() is { Module: BatchNorm bn }) norm = Join(bn);
            if (Next() is { Module: null, Node.Op: "Add", Inputs: [{ } a, { } b] } && a != b) residual = Join(a == Value() ? b : a);
            bool relu = Next() is { Module: null, Node.Op: "Relu" };
            if (relu) _ = Join("");
            if (joined.Count == 1) continue;
            string output = Value();
            foreach (int i in joined) plan[i] = null;
            plan[joined[^1]] = Together(step, new ConvUnit(conv, norm), residual, relu, output);

            string Value() => steps[joined[^1]].Outputs[0];

            // The only reader of the value so far, if it is free.
            GraphStep? Next() => !kept.Contains(Value()) && readers[Value()].ToArray() is [var i] ? plan[i] : null;

            T Join<T>(T what)
            {
                joined.Add(readers[Value()].Single());
                return what;
            }
        }
        return [.. plan.OfType<GraphStep>()];
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
        return new GraphStep(first.Node, Run, residual is null ? [first.Inputs[0]] : [first.Inputs[0], residual], first.Module, [output]);

        Tensor[] Run(NodeCall c)
        {
            if (c.Maybe(1) is not { } r || (r.DType == DType.Float32 && r.Shape == unit.OutputShape(c.X.Shape))) return [unit.Forward(c.X, c.Maybe(1), relu)];
            var y = unit.Forward(c.X) + r.To(DType.Float32);
            return [relu ? y.Relu() : y];
        }
    }
}
