namespace Tessera.NN;

// Comparisons and logic.
internal static partial class OnnxOperators
{
    static IEnumerable<OnnxOperator> Logic =>
    [
        One("Equal", 7, c => Compare(c, (a, b) => a.Equal(b))),
        One("Less", 7, c => Compare(c, (a, b) => a.Less(b))),
        One("LessOrEqual", 12, c => Compare(c, (a, b) => a.LessEqual(b))),
        One("Greater", 7, c => Compare(c, (a, b) => a.Greater(b))),
        One("GreaterOrEqual", 12, c => Compare(c, (a, b) => a.GreaterEqual(b))),
        One("And", 7, c => c[0].LogicalAnd(c[1])),
        One("Or", 7, c => c[0].LogicalOr(c[1])),
        One("Xor", 7, c => c[0].LogicalXor(c[1])),
        One("Not", 1, c => c.X.LogicalNot()),
        One("IsNaN", 9, c => c.X.NotEqual(c.X)),
        One("IsInf", 10, IsInf),
        One("Where", 9, c => Tensor.Where(c[0], c[1], c[2])),
    ];

    static Tensor Compare(NodeCall c, Func<Tensor, Tensor, Tensor> compare)
    {
        var (a, b) = (c[0], c[1]);
        return a.DType == b.DType ? compare(a, b) : compare(a.To(DType.Float32), b.To(DType.Float32));
    }

    static Tensor IsInf(NodeCall c)
    {
        var positive = c.X.Equal(float.PositiveInfinity);
        var negative = c.X.Equal(float.NegativeInfinity);
        bool both = c.Node.Flag("detect_positive", true) && c.Node.Flag("detect_negative", true);
        return both ? positive.LogicalOr(negative) : c.Node.Flag("detect_positive", true) ? positive : negative;
    }
}
