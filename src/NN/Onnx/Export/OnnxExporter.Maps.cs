namespace Tessera.NN;

// Elementwise operations. y, x: names of values.
internal sealed partial class OnnxExporter
{
    static IEnumerable<(string Name, Func<OnnxCall, string> Write)> Maps =>
    [
        ("Add", c => c.Node("Add")),
        ("Sub", c => c.Node("Sub")),
        ("Mul", c => c.Node("Mul")),
        ("Div", c => c.Node("Div")),
        ("Pow", c => c.Node("Pow")),
        ("Maximum", c => c.Node("Max")),
        ("Minimum", c => c.Node("Min")),
        ("Fmod", c => c.Node("Mod", ("fmod", 1))),
        ("Remainder", c => c.Node("Sub", [c.X, c.Node("Mul", [c.Inputs[1], c.Node("Floor", [c.Node("Div")])])])),
        ("Affine", Affine),
        ("Abs", c => c.Node("Abs")),
        ("Square", c => c.Node("Mul", [c.X, c.X])),
        ("Exp", c => c.Node("Exp")),
        ("Expm1", c => c.Node("Sub", [c.Node("Exp"), c.Number(1)])),
        ("Log", c => c.Node("Log")),
        ("Log1p", c => c.Node("Log", [c.Node("Add", [c.X, c.Number(1)])])),
        ("Sqrt", c => c.Node("Sqrt")),
        ("Rsqrt", c => c.Node("Reciprocal", [c.Node("Sqrt")])),
        ("Reciprocal", c => c.Node("Reciprocal")),
        ("Sin", c => c.Node("Sin")),
        ("Cos", c => c.Node("Cos")),
        ("Erf", c => c.Node("Erf")),
        ("Sign", c => c.Node("Sign")),
        ("Floor", c => c.Node("Floor")),
        ("Ceil", c => c.Node("Ceil")),
        ("Round", c => c.Node("Round")),
        ("Trunc", c => c.Node("Mul", [c.Node("Sign"), c.Node("Floor", [c.Node("Abs")])])),
        ("Clamp", c => c.Node("Clip", [c.X, c.Number(Parameter(c, 0)), c.Number(Parameter(c, 1))])),
        ("PowScalar", c => c.Node("Pow", [c.X, c.Number(Parameter(c, 0))])),
        ("Equal", c => c.Node("Equal")),
        ("NotEqual", c => c.Node("Not", [c.Node("Equal")])),
        ("Less", c => c.Node("Less")),
        ("LessEqual", c => c.Node("LessOrEqual")),
        ("Greater", c => c.Node("Greater")),
        ("GreaterEqual", c => c.Node("GreaterOrEqual")),
        ("Where", c => c.Node("Where")),
        ("Cast", c => c.Node("Cast", ("to", OnnxGraph.TypeOf(c.A.Output.DType)))),
        ("Clone", c => c.X),
        ("Move", c => c.X),
    ];

    static float Parameter(OnnxCall c, int i) => c.Argument<float[]>("parameters")[i];

    // y = scale·x + shift; behind a sum over n elements, 1/n·x is their mean.
    static string Affine(OnnxCall c)
    {
        float scale = c.Argument<float>("scale"), shift = c.Argument<float>("shift");
        if (shift == 0 && c.Source.sums.TryGetValue(c.X, out var sum) && scale == 1f / sum.Count)
            return c.Node("ReduceMean", [sum.X], ("axes", sum.Axes), ("keepdims", 1));
        if (scale == -1 && shift == 0) return c.Node("Neg");
        string y = scale == 1 ? c.X : c.Node("Mul", [c.X, c.Number(scale)]);
        return shift == 0 ? y : c.Node("Add", [y, c.Number(shift)]);
    }
}
