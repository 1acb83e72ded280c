namespace Tessera.NN;

internal sealed partial class OnnxExporter
{
    static IEnumerable<(string Name, Func<OnnxCall, string> Write)> Activations =>
    [
        ("Relu", c => c.Node("Relu")),
        ("LeakyRelu", c => c.Node("LeakyRelu", ("alpha", Parameter(c, 0)))),
        ("Relu6", c => c.Node("Clip", [c.X, c.Number(0), c.Number(6)])),
        ("HardTanh", c => c.Node("Clip", [c.X, c.Number(Parameter(c, 0)), c.Number(Parameter(c, 1))])),
        ("Gelu", Gelu),
        ("GeluTanh", GeluTanh),
        ("Silu", c => c.Node("Mul", [c.X, c.Node("Sigmoid")])),
        ("Sigmoid", c => c.Node("Sigmoid")),
        ("Tanh", c => c.Node("Tanh")),
        ("Softplus", Softplus),
        ("Elu", c => c.Node("Elu", ("alpha", Parameter(c, 0)))),
        ("Selu", c => c.Node("Selu")),
        ("Celu", c => c.Node("Celu", ("alpha", Parameter(c, 0)))),
        ("HardSwish", c => c.Node("HardSwish")),
        ("HardSigmoid", c => c.Node("HardSigmoid", ("alpha", 1 / 6f), ("beta", 0.5f))),
        ("Mish", c => c.Node("Mul", [c.X, c.Node("Tanh", [c.Node("Softplus")])])),
        ("Softsign", c => c.Node("Softsign")),
        ("LogSigmoid", c => c.Node("Neg", [c.Node("Softplus", [c.Node("Neg")])])),
        ("Softmax", c => c.Node("Softmax", ("axis", c.Argument<int>("dim")))),
        ("LogSoftmax", c => c.Node("LogSoftmax", ("axis", c.Argument<int>("dim")))),
    ];

    // x·Φ(x) = x·(1 + erf(x/√2))/2; an operator of its own only since operator set 20.
    static string Gelu(OnnxCall c)
    {
        string erf = c.Node("Erf", [c.Node("Mul", [c.X, c.Number(0.70710678f)])]);
        return c.Node("Mul", [c.Node("Mul", [c.X, c.Number(0.5f)]), c.Node("Add", [erf, c.Number(1)])]);
    }

    // x·σ(2·√(2/π)·(x + 0.044715·x³))
    static string GeluTanh(OnnxCall c)
    {
        string cube = c.Node("Mul", [c.Node("Mul", [c.X, c.X]), c.X]);
        string inner = c.Node("Add", [c.X, c.Node("Mul", [cube, c.Number(0.044715f)])]);
        return c.Node("Mul", [c.X, c.Node("Sigmoid", [c.Node("Mul", [inner, c.Number(1.5957691f)])])]);
    }

    // ln(1 + e^(βx))/β
    static string Softplus(OnnxCall c)
    {
        float beta = Parameter(c, 0);
        return beta == 1 ? c.Node("Softplus") : c.Node("Mul", [c.Node("Softplus", [c.Node("Mul", [c.X, c.Number(beta)])]), c.Number(1 / beta)]);
    }
}
