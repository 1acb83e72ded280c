namespace Tessera.NN;

// Elementwise arithmetic.
internal static partial class OnnxOperators
{
    static IEnumerable<OnnxOperator> Maps =>
    [
        One("Abs", 1, c => c.X.DType.IsFloat() ? c.X.Abs() : Integers.Map(c.X, Math.Abs)),
        One("Add", 7, c => Binary(c, (a, b) => a + b, (a, b) => a + b)),
        One("Sub", 7, c => Binary(c, (a, b) => a - b, (a, b) => a - b)),
        One("Mul", 7, c => Binary(c, (a, b) => a * b, (a, b) => a * b)),
        One("Div", 7, c => Binary(c, (a, b) => a / b, (a, b) => b == 0 ? throw c.Node.Error("division by zero", b, "another divisor") : a / b)),
        One("Mod", 10, c => Binary(c, (a, b) => c.Node.Flag("fmod") ? a.Fmod(b) : a.Remainder(b), (a, b) => Mod(c, a, b))),
        One("Pow", 7, Pow),
        One("Neg", 1, c => c.X.DType.IsFloat() ? -c.X : Integers.Map(c.X, x => -x)),
        One("Max", 6, c => Variadic(c, (a, b) => a.Maximum(b), Math.Max)),
        One("Min", 6, c => Variadic(c, (a, b) => a.Minimum(b), Math.Min)),
        One("Sum", 6, c => Variadic(c, (a, b) => a + b, (a, b) => a + b)),
        One("Mean", 6, c => Variadic(c, (a, b) => a + b, (a, b) => a + b) / c.Inputs.Length),
        One("Exp", 1, c => c.X.Exp()),
        One("Log", 1, c => c.X.Log()),
        One("Sqrt", 1, c => c.X.Sqrt()),
        One("Reciprocal", 1, c => c.X.Reciprocal()),
        One("Erf", 9, c => c.X.Erf()),
        One("Sin", 7, c => c.X.Sin()),
        One("Cos", 7, c => c.X.Cos()),
        One("Tan", 7, c => c.X.Sin() / c.X.Cos()),
        One("Sinh", 9, c => (c.X.Exp() - (-c.X).Exp()) * 0.5f),
        One("Cosh", 9, c => (c.X.Exp() + (-c.X).Exp()) * 0.5f),
        One("Sign", 9, c => c.X.DType.IsFloat() ? c.X.Sign() : Integers.Map(c.X, x => Math.Sign(x))),
        One("Floor", 1, c => c.X.Floor()),
        One("Ceil", 1, c => c.X.Ceil()),
        One("Round", 11, c => c.X.Round()),
        One("Clip", 1, Clip),
        One("Relu", 1, c => c.X.DType.IsFloat() ? c.X.Relu() : Integers.Map(c.X, x => Math.Max(x, 0))),
        One("LeakyRelu", 1, c => c.X.LeakyRelu(c.Node.Float("alpha", 0.01f))),
        One("PRelu", 7, c => c.X.Maximum(Tensor.Scalar(0, c.X.Device)) + (c[1] * c.X.Minimum(Tensor.Scalar(0, c.X.Device)))),
        One("ThresholdedRelu", 10, c => Tensor.Where(c.X.Greater(c.Node.Float("alpha", 1)), c.X, Tensor.Scalar(0, c.X.Device))),
        One("Elu", 1, c => c.X.Elu(c.Node.Float("alpha", 1))),
        One("Selu", 6, c => c.X.Elu(c.Node.Float("alpha", 1.67326319217681884765625f)) * c.Node.Float("gamma", 1.05070102214813232421875f)),
        One("Celu", 12, c => c.X.Celu(c.Node.Float("alpha", 1))),
        One("Gelu", 20, c => c.X.Gelu(tanh: c.Node.String("approximate", "none") == "tanh")),
        One("Mish", 18, c => c.X.Mish()),
        One("Sigmoid", 1, c => c.X.Sigmoid()),
        One("HardSigmoid", 1, c => ((c.X * c.Node.Float("alpha", 0.2f)) + c.Node.Float("beta", 0.5f)).Clamp(0, 1)),
        One("HardSwish", 14, c => c.X.HardSwish()),
        One("Tanh", 1, c => c.X.Tanh()),
        One("Softplus", 1, c => c.X.Softplus()),
        One("Softsign", 1, c => c.X.Softsign()),
        One("Identity", 1, c => c.X),
        One("Cast", 6, c => Cast(c.X, c.Node.Int("to", 1), c), "strings and complex numbers"),
        One("CastLike", 15, c => c.X.To(c[1].DType)),
    ];

    static Tensor Binary(NodeCall c, Func<Tensor, Tensor, Tensor> floats, Func<long, long, long> integers)
        => Binary(c[0], c[1], floats, integers);

    static Tensor Binary(Tensor a, Tensor b, Func<Tensor, Tensor, Tensor> floats, Func<long, long, long> integers)
        => a.DType.IsFloat() || b.DType.IsFloat() ? floats(a.To(DType.Float32), b.To(DType.Float32)) : Integers.Map(a, b, integers);

    static Tensor Variadic(NodeCall c, Func<Tensor, Tensor, Tensor> floats, Func<long, long, long> integers)
    {
        var y = c.X;
        for (int i = 1; i < c.Inputs.Length; i++) y = Binary(y, c[i], floats, integers);
        return y;
    }

    // fmod has the sign of the dividend, the other one that of the divisor.
    static long Mod(NodeCall c, long a, long b)
    {
        if (b == 0) throw c.Node.Error("division by zero", b, "another divisor");
        if (b == -1) return 0;
        long r = a % b;
        return c.Node.Flag("fmod") || r == 0 || r < 0 == b < 0 ? r : r + b;
    }

    // The result has the type of the base.
    static Tensor Pow(NodeCall c)
    {
        var (x, p) = (c[0], c[1]);
        if (x.DType.IsFloat()) return p.Count == 1 && p.Rank == 0 && !p.RequiresGrad ? x.Pow(p.Item()) : x.Pow(p.To(DType.Float32));
        if (!p.DType.IsFloat()) return Integers.Map(x, p, (a, b) => (long)Math.Pow(a, b));
        return x.To(DType.Float32).Pow(p).To(x.DType);
    }

    // Attributes before operator set 11, inputs since.
    static Tensor Clip(NodeCall c)
    {
        if (!c.X.DType.IsFloat())
        {
            long min = c.Maybe(1)?.Longs()[0] ?? long.MinValue, max = c.Maybe(2)?.Longs()[0] ?? long.MaxValue;
            return Integers.Map(c.X, x => Math.Min(Math.Max(x, min), max));
        }
        float low = c.Opset < 11 ? c.Node.Float("min", float.NegativeInfinity) : c.Number(1, float.NegativeInfinity);
        float high = c.Opset < 11 ? c.Node.Float("max", float.PositiveInfinity) : c.Number(2, float.PositiveInfinity);
        return low <= high ? c.X.Clamp(low, high) : Tensor.Full(c.X.Shape, high);
    }

    // Half and bfloat16 are kept as float32 with their precision.
    static Tensor Cast(Tensor x, int to, NodeCall c)
    {
        var kept = OnnxTensors.Kept(to) ?? throw c.Unsupported("cast to another type", OnnxTensors.TypeName(to), "a float, an integer type or bool");
        return (TensorProto.Types.DataType)to switch
        {
            TensorProto.Types.DataType.Float16 => x.To(DType.Float16).To(DType.Float32),
            TensorProto.Types.DataType.Bfloat16 => x.To(DType.BFloat16).To(DType.Float32),
            TensorProto.Types.DataType.Int8 => Integers.Map(x.To(DType.Int32), v => (sbyte)v),
            TensorProto.Types.DataType.Int16 => Integers.Map(x.To(DType.Int32), v => (short)v),
            TensorProto.Types.DataType.Uint16 => Integers.Map(x.To(DType.Int32), v => (ushort)v),
            _ => x.To(kept),
        };
    }
}
