namespace Tessera.NN;

/// <summary>
/// One operation of the network, as two runs with different batch sizes saw it: what differs between them depends on the batch. The functions of
/// <see cref="OnnxExporter"/> turn it into nodes.
/// </summary>
/// <param name="Graph">Where the nodes go.</param>
/// <param name="A">The operation in the first run.</param>
/// <param name="B">The operation in the second run.</param>
/// <param name="Inputs">Names of its inputs.</param>
/// <param name="Source">Of what the names are.</param>
internal sealed record OnnxCall(OnnxGraph Graph, OnnxStep A, OnnxStep B, string[] Inputs, OnnxExporter Source)
{
    /// <summary>The first input.</summary>
    public string X => Inputs[0];

    /// <summary>Shape of an input in the first run.</summary>
    public Shape ShapeOf(int input) => A.Inputs[input].Shape;

    /// <summary>Shape of the output in the first run.</summary>
    public Shape OutputShape => A.Output.Shape;

    /// <summary>An argument that must not depend on the batch.</summary>
    public T Argument<T>(string name)
    {
        object? a = A.Arguments[name], b = B.Arguments[name];
        bool same = a is System.Collections.IStructuralEquatable x ? x.Equals(b, System.Collections.StructuralComparisons.StructuralEqualityComparer) : Equals(a, b);
        return same ? (T)a! : throw Error($"{name} depends on the batch size: got {a} and {b}", "one value");
    }

    /// <summary>A node of the operator with all inputs.</summary>
    public string Node(string op, params IEnumerable<(string, object)> attributes) => Graph.Node(op, Inputs, attributes);

    /// <summary>A node of the operator with the given inputs.</summary>
    public string Node(string op, string[] inputs, params IEnumerable<(string, object)> attributes) => Graph.Node(op, inputs, attributes);

    /// <summary>A number.</summary>
    public string Number(float value) => Graph.Number(value);

    /// <summary>Whole numbers.</summary>
    public string Integers(params IEnumerable<long> values) => Graph.Integers(values);

    /// <summary>Dimensions whose size changes from input 0 to the output.</summary>
    public int[] Reduced => [.. Enumerable.Range(0, ShapeOf(0).Rank).Where(d => ShapeOf(0)[d] != OutputShape[d])];

    /// <summary>What the network does that a graph cannot say.</summary>
    public TesseraException Error(string got, string expected) => new(
        $"ExportOnnx: {A.Name} of {string.Join(", ", A.Inputs.Select(t => t.Shape))} cannot be exported: {got}, expected {expected}. "
            + "Hint: use the modules of this library, or operations on whole batches.");
}
