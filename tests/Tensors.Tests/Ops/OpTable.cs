using Tessera.Cuda;
using static System.Math;

namespace Tessera.Tests;

/// <summary>One row an op: what it is compared with, and on which inputs. A new op adds a row here.</summary>
static class OpTable
{
    static readonly DType[] anyType = [DType.Int64, DType.Bool, DType.Float16];

    public static readonly OpCase[] Rows =
    [
        // elementwise: y = f(x)
        Unary("abs", x => x.Abs(), Abs),
        Unary("neg", x => -x, v => -v),
        Unary("square", x => x.Square(), v => v * v),
        Unary("exp", x => x.Exp(), Exp),
        Unary("expm1", x => x.Expm1(), v => Exp(v) - 1),
        Unary("log", x => x.Log(), Log, 0.1, 4),
        Unary("log1p", x => x.Log1p(), v => Log(1 + v), -0.9, 4),
        Unary("sqrt", x => x.Sqrt(), Sqrt, 0.1, 4),
        Unary("rsqrt", x => x.Rsqrt(), v => 1 / Sqrt(v), 0.1, 4),
        Unary("reciprocal", x => x.Reciprocal(), v => 1 / v, 0.2, 4),
        Unary("sin", x => x.Sin(), Sin, -9, 9),
        Unary("cos", x => x.Cos(), Cos, -9, 9),
        Unary("erf", x => x.Erf(), Erf),
        Unary("sign", x => x.Sign(), v => v > 0 ? 1 : v < 0 ? -1 : 0),
        Unary("floor", x => x.Floor(), Floor),
        Unary("ceil", x => x.Ceil(), Ceiling),
        Unary("round", x => x.Round(), Round),
        Unary("trunc", x => x.Trunc(), Truncate),
        Unary("clamp", x => x.Clamp(-0.5f, 1.5f), v => double.IsNaN(v) ? v : Clamp(v, -0.5, 1.5)),
        Unary("pow 3", x => x.Pow(3), v => v * v * v),
        Unary("pow 1.5", x => x.Pow(1.5f), v => Pow(v, 1.5), 0.1, 4),
        Unary("x + 2", x => x + 2f, v => v + 2),
        Unary("2 - x", x => 2f - x, v => 2 - v),
        Unary("3 x", x => 3f * x, v => 3 * v),
        Unary("x / 4", x => x / 4f, v => v / 4),
        Unary("2 / x", x => 2f / x, v => 2 / v, 0.3, 2),
        Unary("relu", x => x.Relu(), Relu),
        Unary("leaky relu", x => x.LeakyRelu(0.1f), v => v > 0 ? v : 0.1f * v),
        Unary("relu6", x => x.Relu6(), v => Min(Relu(v), 6), -2, 8),
        Unary("hardtanh", x => x.HardTanh(-1, 0.5f), v => Min(Max(v, -1), 0.5)),
        Unary("gelu", x => x.Gelu(), v => v / 2 * (1 + Erf(v / Sqrt(2)))),
        Unary("gelu tanh", x => x.Gelu(tanh: true), v => v / 2 * (1 + Tanh(Sqrt(2 / PI) * (v + (0.044715 * v * v * v))))),
        Unary("silu", x => x.Silu(), v => v * Sigmoid(v)),
        Unary("sigmoid", x => x.Sigmoid(), Sigmoid),
        Unary("tanh", x => x.Tanh(), Tanh),
        Unary("softplus", x => x.Softplus(2), v => Log(1 + Exp(2 * v)) / 2),
        Unary("elu", x => x.Elu(0.7f), v => v > 0 ? v : 0.7f * (Exp(v) - 1)),
        Unary("selu", x => x.Selu(), v => 1.0507009873554805 * (v > 0 ? v : 1.6732632423543772 * (Exp(v) - 1))),
        Unary("celu", x => x.Celu(0.7f), v => v > 0 ? v : 0.7f * (Exp(v / 0.7f) - 1)),
        Unary("hardswish", x => x.HardSwish(), v => v * Min(Relu(v + 3), 6) / 6, -4, 4),
        Unary("hardsigmoid", x => x.HardSigmoid(), v => Min(Relu(v + 3), 6) / 6, -4, 4),
        Unary("mish", x => x.Mish(), v => v * Tanh(Log(1 + Exp(v)))),
        Unary("softsign", x => x.Softsign(), v => v / (1 + Abs(v))),
        Unary("log sigmoid", x => x.LogSigmoid(), v => Log(Sigmoid(v))),

        // pairs, broadcast
        Pair("add", (a, b) => a + b, (a, b) => a + b),
        Pair("sub", (a, b) => a - b, (a, b) => a - b),
        Pair("mul", (a, b) => a * b, (a, b) => a * b),
        Pair("div", (a, b) => a / b, (a, b) => a / b, 0.3),
        Pair("maximum", (a, b) => a.Maximum(b), Max),
        Pair("minimum", (a, b) => a.Minimum(b), Min),
        Pair("pow", (a, b) => a.Pow(b), Pow, 0.3),
        Pair("atan2", (a, b) => a.Atan2(b), Atan2),
        Pair("fmod", (a, b) => a.Fmod(b), (a, b) => a - (b * Truncate(a / b)), 0.3),
        Pair("remainder", (a, b) => a.Remainder(b), (a, b) => a - (b * Floor(a / b)), 0.3),
        Flag("equal", (a, b) => a.Equal(b), (a, b) => a == b),
        Flag("not equal", (a, b) => a.NotEqual(b), (a, b) => a != b),
        Flag("less", (a, b) => a.Less(b), (a, b) => a < b),
        Flag("less equal", (a, b) => a.LessEqual(b), (a, b) => a <= b),
        Flag("greater", (a, b) => a.Greater(b), (a, b) => a > b),
        Flag("greater equal", (a, b) => a.GreaterEqual(b), (a, b) => a >= b),
        Flag("logical and", (a, b) => a.LogicalAnd(b), (a, b) => a != 0 && b != 0),
        Flag("logical or", (a, b) => a.LogicalOr(b), (a, b) => a != 0 || b != 0),
        Flag("logical xor", (a, b) => a.LogicalXor(b), (a, b) => (a != 0) != (b != 0)),
        new("where", [[3, 4], [3, 1], [4]], x => Tensor.Where(x[0].Greater(0), x[1], x[2]), r => Plain.Of([r[0].Shape[0], 4], i => r[0][i] > 0 ? r[1][i[0], 0] : r[2][i[1]])) { Zero = [[0, 4], [0, 1], [4]] },
        new("dropout", [[3, 41]], x => x[0].Dropout(0.3f, new Philox(5)), r => Dropped(r[0])),
        new("dropout images", [[2, 3, 4, 5]], x => x[0].Dropout(0.3f, new Philox(5)), r => Dropped(r[0])),
        new("masked fill", [[3, 4]], x => x[0].MaskedFill(x[0].Less(0), 7), r => r[0].Map(v => v < 0 ? 7 : v)),
        new("smooth l1", [[3, 4], [3, 4]], x => x[0].SmoothL1Loss(x[1], 0.8f, Reduction.None), r => r[0].Zip(r[1], (a, b) => SmoothL1(Abs(a - b), 0.8f))),
        new("huber", [[3, 4], [3, 4]], x => x[0].HuberLoss(x[1], 0.8f, Reduction.None), r => r[0].Zip(r[1], (a, b) => 0.8f * SmoothL1(Abs(a - b), 0.8f))),
        new("bce with logits", [[3, 4], [3, 4]], x => x[0].BceWithLogits(x[1], reduction: Reduction.None), r => r[0].Zip(r[1], (x, t) => -(t * Log(Sigmoid(x))) - ((1 - t) * Log(1 - Sigmoid(x))))),
        new("kl div", [[3, 4], [3, 4]], x => x[0].KlDiv(x[1], Reduction.None), r => r[0].Zip(r[1], (x, t) => t * (Log(t) - x))) { Low = 0.1 },

        // reductions and scans
        Fold("sum 0", x => x.Sum(0), r => r.Reduce(0, Sum)),
        Fold("sum 1", x => x.Sum(1), r => r.Reduce(1, Sum)),
        Fold("sum 0 2", x => x.Sum([0, 2]), r => r.Reduce(2, Sum).Reduce(0, Sum)),
        Fold("sum all", x => x.Sum(), All(Sum)),
        Fold("mean 2 kept", x => x.Mean(2, keepDim: true), r => r.Along(2, l => [l.Average()])),
        Fold("var 1", x => x.Var(1), r => r.Reduce(1, l => Variance(l) * l.Length / (l.Length - 1))),
        Fold("var biased 0 1", x => x.Var([0, 1], unbiased: false), r => r.Reshape(r.Shape[0] * 4, 3).Reduce(0, Variance), nothing: false),
        Fold("std 1", x => x.Std(1), r => r.Reduce(1, l => Sqrt(Variance(l) * l.Length / (l.Length - 1)))),
        Fold("amax 1", x => x.AMax(1), r => r.Reduce(1, l => l.Aggregate(Max))),
        Fold("amin 2", x => x.AMin(-1), r => r.Reduce(2, l => l.Aggregate(Min))),
        Fold("max 1", x => x.Max(1).Values, r => r.Reduce(1, l => l.Aggregate(Max)), types: anyType),
        Fold("min 0", x => x.Min(0).Values, r => r.Reduce(0, l => l.Aggregate(Min)), nothing: false, types: anyType),
        Fold("argmax 1", x => x.ArgMax(1), r => r.Reduce(1, l => First(l, l.Aggregate(Max))), gradient: false, types: anyType),
        Fold("argmin 2", x => x.ArgMin(2), r => r.Reduce(2, l => First(l, l.Aggregate(Min))), gradient: false, types: anyType),
        Fold("argmax all", x => x.ArgMax(), All(l => First(l, l.Aggregate(Max))), gradient: false, nothing: false, types: anyType),
        Fold("prod 1", x => x.Prod(1), r => r.Reduce(1, Product)),
        Fold("norm 1", x => x.Norm(1, 1), r => r.Reduce(1, l => l.Sum(Abs))),
        Fold("norm 2", x => x.Norm(2, [1]), r => r.Reduce(1, l => Sqrt(l.Sum(v => v * v)))),
        Fold("norm 3", x => x.Norm(3, 1), r => r.Reduce(1, l => Cbrt(l.Sum(v => Abs(v * v * v))))),
        Fold("norm inf", x => x.Norm(float.PositiveInfinity, 1), r => r.Reduce(1, l => l.Select(Abs).Aggregate(Max))),
        Fold("logsumexp", x => x.LogSumExp(1), r => r.Reduce(1, l => Log(l.Sum(Exp)))),
        Fold("any", x => x.Greater(1.5f).Any(1), r => r.Reduce(1, l => l.Any(v => v > 1.5) ? 1 : 0), gradient: false),
        Fold("all", x => x.Greater(-1.5f).All(1), r => r.Reduce(1, l => l.All(v => v > -1.5) ? 1 : 0), gradient: false),
        Fold("cumsum 1", x => x.CumSum(1), r => r.Along(1, l => Running(l, (a, b) => a + b))),
        Fold("cumsum 0", x => x.CumSum(0), r => r.Along(0, l => Running(l, (a, b) => a + b))),
        Fold("cumprod 1", x => x.CumProd(1), r => r.Along(1, l => Running(l, (a, b) => a * b))),
        Fold("softmax 1", x => x.Softmax(1), r => r.Along(1, Softmax)),
        Fold("softmax -1", x => x.Softmax(), r => r.Along(2, Softmax)),
        Fold("log softmax 0", x => x.LogSoftmax(0), r => r.Along(0, l => [.. Softmax(l).Select(p => Log(p))])),
        Fold("sort 1", x => x.Sort(1).Values, r => r.Along(1, l => [.. l.OrderBy(v => double.IsNaN(v)).ThenBy(v => v)]), types: anyType),
        Fold("sort descending", x => x.Sort(2, descending: true).Values, r => r.Along(2, l => [.. l.OrderByDescending(v => double.IsNaN(v)).ThenByDescending(v => v)]), types: anyType),
        Fold("topk", x => x.TopK(2, 1).Values, r => r.Along(1, l => [.. l.OrderByDescending(v => double.IsNaN(v)).ThenByDescending(v => v).Take(2)]), types: anyType),
        Fold("topk smallest", x => x.TopK(2, 1, largest: false).Values, r => r.Along(1, l => [.. l.OrderBy(v => double.IsNaN(v)).ThenBy(v => v).Take(2)]), types: anyType),

        // matrices
        new("matmul", [[3, 5], [5, 4]], x => x[0].MatMul(x[1]), r => MatMul(r[0], r[1])) { Zero = [[0, 5], [5, 4]] },
        new("matmul batch", [[2, 1, 3, 5], [3, 5, 4]], x => x[0].MatMul(x[1]), r => Plain.Of([r[0].Shape[0], 3, 3, 4], i => Dot(5, k => r[0][i[0], 0, i[2], k] * r[1][i[1], k, i[3]]))) { Zero = [[0, 1, 3, 5], [3, 5, 4]] },
        new("matmul nothing inside", [[3, 5], [5, 4]], x => x[0].MatMul(x[1]), r => MatMul(r[0], r[1])) { Zero = [[3, 0], [0, 4]] },
        new("vector matrix", [[5], [5, 4]], x => x[0].MatMul(x[1]), r => Plain.Of([4], i => Dot(r[0].Shape[0], k => r[0][k] * r[1][k, i[0]]))),
        new("matrix vector", [[3, 5], [5]], x => x[0].MatMul(x[1]), r => Plain.Of([r[0].Shape[0]], i => Dot(5, k => r[0][i[0], k] * r[1][k]))) { Zero = [[0, 5], [5]] },
        new("dot", [[5], [5]], x => x[0].MatMul(x[1]), r => Plain.Of([], _ => Dot(r[0].Shape[0], k => r[0][k] * r[1][k]))),
        new("linear", [[2, 3, 5], [4, 5], [4]], x => x[0].Linear(x[1], x[2]), r => Plain.Of([r[0].Shape[0], 3, 4], i => r[2][i[2]] + Dot(5, k => r[0][i[0], i[1], k] * r[1][i[2], k]))) { Zero = [[0, 3, 5], [4, 5], [4]] },
        new("linear by eights", [[5, 24], [16, 24], [16]], x => x[0].Linear(x[1], x[2]), r => Plain.Of([r[0].Shape[0], 16], i => r[2][i[1]] + Dot(24, k => r[0][i[0], k] * r[1][i[1], k]))) { Zero = [[0, 24], [16, 24], [16]] },
        new("matmul by eights", [[2, 3, 16], [16, 8]], x => x[0].MatMul(x[1]), r => Plain.Of([r[0].Shape[0], 3, 8], i => Dot(16, k => r[0][i[0], i[1], k] * r[1][k, i[2]]))) { Zero = [[0, 3, 16], [16, 8]] },
        new("triu", [[2, 3, 4]], x => x[0].Triu(1), r => Plain.Of(r[0].Shape, i => i[2] - i[1] >= 1 ? r[0][i] : 0)) { Types = anyType },
        new("tril", [[2, 4, 3]], x => x[0].Tril(-1), r => Plain.Of(r[0].Shape, i => i[2] - i[1] <= -1 ? r[0][i] : 0)) { Types = anyType },

        // shapes: any element type
        Move("reshape", [2, 3, 4], x => x.Reshape(4, 6), r => r.Reshape(4, 6), [0, 3, 4], r => r.Reshape(4, 0), x => x.Reshape(4, 0)),
        Move("reshape to images", [2, 12], x => x.Reshape([x.Shape[0], 3, 2, 2]), r => r.Reshape(r.Shape[0], 3, 2, 2)),
        Move("flatten", [2, 3, 2, 2], x => x.Flatten(), r => r.Reshape(r.Shape[0], 12)),
        Move("permute", [2, 3, 4], x => x.Permute(2, 0, 1), r => Plain.Of([4, r.Shape[0], 3], i => r[i[1], i[2], i[0]])),
        Move("transpose", [2, 3], x => x.Transpose(), r => Plain.Of([3, r.Shape[0]], i => r[i[1], i[0]])),
        Move("expand", [3, 1], x => x.Expand([2, x.Shape[0], 4]), r => Plain.Of([2, r.Shape[0], 4], i => r[i[1], 0])),
        Move("narrow", [3, 5], x => x.Narrow(1, 1, 3), r => Plain.Of([r.Shape[0], 3], i => r[i[0], i[1] + 1])),
        Move("narrow by 2", [3, 5], x => x.Narrow(1, 1, 2, 2), r => Plain.Of([r.Shape[0], 2], i => r[i[0], (2 * i[1]) + 1])),
        Move("select", [3, 5], x => x.Select(1, -1 + 3), r => r.Reduce(1, l => l[2])),
        Move("unsqueeze", [3, 5], x => x.Unsqueeze(-1).Squeeze(-1).Unsqueeze(1), r => r.Reshape(r.Shape[0], 1, 5)),
        Move("flip", [3, 5], x => x.Flip(0, 1), r => Plain.Of(r.Shape, i => r[r.Shape[0] - 1 - i[0], 4 - i[1]])),
        Move("roll", [3, 5], x => x.Roll(-2, 1), r => Plain.Of(r.Shape, i => r[i[0], (i[1] + 2) % 5])),
        Move("repeat", [3, 2], x => x.Repeat(2, 1, 3), r => Plain.Of([2, r.Shape[0], 6], i => r[i[1], i[2] % 2])),
        Move("split", [3, 5], x => x.Split(2, 1)[1], r => Plain.Of([r.Shape[0], 2], i => r[i[0], i[1] + 2])),
        Move("pad", [2, 3, 4], x => x.Pad(1, 2, 0, 3, value: 2), r => Plain.Of([r.Shape[0], 6, 7], i => i[1] < 3 && i[2] is >= 1 and < 5 ? r[i[0], i[1], i[2] - 1] : 2), types: [DType.Int64]),
        Move("pad images", [2, 2, 3, 4], x => x.Pad(1, 0, 2, 1), r => Plain.Of([r.Shape[0], 2, 6, 5], i => r.Inside(i[0], i[1], i[2] - 2, i[3] - 1))),
        Move("pad reflect", [2, 2, 3, 4], x => x.Pad(2, 3, 1, 2, PadMode.Reflect), r => Plain.Of([r.Shape[0], 2, 6, 9], i => r[i[0], i[1], Mirror(i[2] - 1, 3), Mirror(i[3] - 2, 4)])),
        Move("pad circular", [2, 2, 3, 4], x => x.Pad(2, 3, 1, 2, PadMode.Circular), r => Plain.Of([r.Shape[0], 2, 6, 9], i => r[i[0], i[1], (i[2] + 2) % 3, (i[3] + 2) % 4])),
        Move("pad replicate", [2, 2, 3, 4], x => x.Pad(2, 3, 1, 2, PadMode.Replicate), r => Plain.Of([r.Shape[0], 2, 6, 9], i => r[i[0], i[1], Clamp(i[2] - 1, 0, 2), Clamp(i[3] - 2, 0, 3)])),
        Move("index select", [3, 5], x => x.IndexSelect(1, Long(x, 4, 0, 0, 2)), r => Plain.Of([r.Shape[0], 4], i => r[i[0], new[] { 4, 0, 0, 2 }[i[1]]])),
        Move("gather", [3, 5], x => x.Gather(1, Long(x, [[1, 4], [0, 0]])), r => Plain.Of([2, 2], i => r[i[0], new[,] { { 1, 4 }, { 0, 0 } }[i[0], i[1]]]), takesNothing: false),
        Move("embedding", [5, 3], x => x.Embedding(Long(x, [[1, 4], [1, 0]])), r => Plain.Of([2, 2, 3], i => r[new[,] { { 1, 4 }, { 1, 0 } }[i[0], i[1]], i[2]]), takesNothing: false),
        new("scatter add", [[3, 5], [2, 3]], x => x[0].ScatterAdd(1, Long(x[0], [[1, 4], [1, 1]]), x[1]), r => Plain.Of([3, 5], i => r[0][i] + Scattered(r[1], i))) { TakesNothing = false },
        new("index add", [[3, 5], [3, 2]], x => x[0].IndexAdd(1, Long(x[0], 4, 4), x[1]), r => Plain.Of(r[0].Shape, i => r[0][i] + (i[1] == 4 ? r[1][i[0], 0] + r[1][i[0], 1] : 0))),
        new("cat", [[2, 3], [4, 3]], x => Tensor.Cat(x, 0), r => Plain.Of([r[0].Shape[0] + 4, 3], i => i[0] < r[0].Shape[0] ? r[0][i] : r[1][i[0] - r[0].Shape[0], i[1]])) { Types = anyType, Zero = [[0, 3], [4, 3]] },
        new("cat images", [[2, 1, 2, 3], [2, 2, 2, 3]], x => Tensor.Cat(x, 1), r => Plain.Of([r[0].Shape[0], 3, 2, 3], i => i[1] < 1 ? r[0][i] : r[1][i[0], i[1] - 1, i[2], i[3]])) { Types = anyType },
        new("stack", [[2, 3], [2, 3]], x => Tensor.Stack(x, -1), r => Plain.Of([r[0].Shape[0], 3, 2], i => r[i[2]][i[0], i[1]])) { Types = anyType },

        // networks
        new("conv2d", [[2, 3, 5, 6], [4, 3, 3, 2], [4]], x => x[0].Conv2d(x[1], x[2], stride: (2, 1), padding: (1, 0)), r => Conv(r[0], r[1], r[2], new Window2d(3, 2, 2, 1, 1, 0, 1, 0))) { Zero = [[0, 3, 5, 6], [4, 3, 3, 2], [4]] },
        new("conv2d groups", [[2, 4, 5, 5], [6, 2, 3, 3]], x => x[0].Conv2d(x[1], padding: 2, dilation: 2, groups: 2), r => Conv(r[0], r[1], null, new Window2d(3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 2))) { Zero = [[0, 4, 5, 5], [6, 2, 3, 3]], TakesNaN = !VendorLibrary.IsAsked(CudaDNNContext.Variable) /* it does not multiply a NaN weight by padding here */ },
        new("conv2d to 68 channels", [[1, 2, 3, 2], [68, 2, 2, 2]], x => x[0].Conv2d(x[1]), r => Conv(r[0], r[1], null, new Window2d(2, 2, 1, 1))) { Zero = [[0, 2, 3, 2], [68, 2, 2, 2]] },
        new("conv2d uneven padding", [[1, 2, 4, 4], [3, 2, 3, 3]], x => x[0].Conv2d(x[1], null, new Window2d(3, 3, 1, 1, 0, 1, 2, 0)), r => Conv(r[0], r[1], null, new Window2d(3, 3, 1, 1, 0, 1, 2, 0))) { Zero = [[0, 2, 4, 4], [3, 2, 3, 3]] },
        new("conv transpose", [[2, 4, 3, 3], [4, 3, 3, 2], [6]], x => x[0].ConvTranspose2d(x[1], x[2], stride: 2, padding: (1, 0), outputPadding: (1, 0), groups: 2), r => ConvTranspose(r[0], r[1], r[2], new Window2d(3, 2, 2, 2, 1, 0, 1, 0, 1, 1, 2), 6, 6)) { Zero = [[0, 4, 3, 3], [4, 3, 3, 2], [6]], TakesNaN = false /* a NaN weight meets the zeros between strides */ },
        new("batch norm train", [[4, 3, 2, 3], [3], [3]], x => x[0].BatchNorm(x[1], x[2], null, null, training: true), r => BatchNorm(r[0], r[1], r[2], 1e-5f)) { TakesNothing = false, GradientTolerance = 2e-4 },
        new("batch norm train [N, C]", [[5, 3], [3], [3]], x => x[0].BatchNorm(x[1], x[2], null, null, training: true), r => BatchNorm(r[0].Reshape(5, 3, 1, 1), r[1], r[2], 1e-5f).Reshape(5, 3)) { TakesNothing = false, Tolerance = 2e-5 /* cuDNN's, of five numbers */, GradientTolerance = 2e-4 },
        new("batch norm eval", [[4, 3, 2, 3], [3], [3]], x => x[0].BatchNorm(x[1], x[2], Running(Mean3, x), Running(Var3, x), training: false), r => BatchNorm(r[0], r[1], r[2])) { Zero = [[0, 3, 2, 3], [3], [3]], GradientTolerance = 1e-4 },
        new("batch norm add relu train", [[4, 3, 2, 3], [3], [3], [4, 3, 2, 3]], x => x[0].BatchNorm(x[1], x[2], null, null, training: true, residual: x[3], relu: true), r => Add(BatchNorm(r[0], r[1], r[2], 1e-5f), r[3]).Map(Relu)) { TakesNothing = false, GradientTolerance = 2e-4 },
        new("batch norm relu train", [[4, 3, 2, 3], [3], [3]], x => x[0].BatchNorm(x[1], x[2], null, null, training: true, relu: true), r => BatchNorm(r[0], r[1], r[2], 1e-5f).Map(Relu)) { TakesNothing = false, GradientTolerance = 2e-4 },
        new("batch norm add eval [N, C]", [[5, 3], [3], [3], [5, 3]], x => x[0].BatchNorm(x[1], x[2], Running(Mean3, x), Running(Var3, x), training: false, residual: x[3]), r => Add(BatchNorm(r[0], r[1], r[2]), r[3])) { Zero = [[0, 3], [3], [3], [0, 3]], GradientTolerance = 1e-4 },
        new("batch norm add relu eval", [[4, 3, 2, 3], [3], [3], [4, 3, 2, 3]], x => x[0].BatchNorm(x[1], x[2], Running(Mean3, x), Running(Var3, x), training: false, residual: x[3], relu: true), r => Add(BatchNorm(r[0], r[1], r[2]), r[3]).Map(Relu)) { Zero = [[0, 3, 2, 3], [3], [3], [0, 3, 2, 3]], GradientTolerance = 1e-4 },
        new("layer norm", [[3, 2, 4], [2, 4], [2, 4]], x => x[0].LayerNorm([2, 4], x[1], x[2]), r => r[0].Reshape(r[0].Shape[0], 8).Along(1, Normal).Zip(r[1].Reshape(8), (a, b) => a * b).Zip(r[2].Reshape(8), (a, b) => a + b).Reshape(r[0].Shape)) { Zero = [[0, 2, 4], [2, 4], [2, 4]] },
        new("group norm", [[2, 4, 3, 2], [4], [4]], x => x[0].GroupNorm(2, x[1], x[2]), r => r[0].Reshape(r[0].Shape[0], 2, 12).Along(2, Normal).Reshape(r[0].Shape).Zip(r[1].Reshape(4, 1, 1), (a, b) => a * b).Zip(r[2].Reshape(4, 1, 1), (a, b) => a + b)) { Zero = [[0, 4, 3, 2], [4], [4]] },
        new("instance norm", [[2, 3, 3, 2]], x => x[0].InstanceNorm(), r => r[0].Reshape(r[0].Shape[0], 3, 6).Along(2, Normal).Reshape(r[0].Shape)),
        Image("max pool", x => x.MaxPool2d(3, 2, 1), r => Pool(r, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), l => l.Aggregate(Max))),
        Image("max pool ceil", x => x.MaxPool2d(2, 2, ceilMode: true), r => Pool(r, new Window2d(2, 2, 2, 2, 0, 0, 1, 0), l => l.Aggregate(Max))),
        Image("avg pool", x => x.AvgPool2d((2, 3), (2, 1), (1, 0), countIncludePad: false), r => Pool(r, new Window2d(2, 3, 2, 1, 1, 0, 1, 0), l => l.Average())),
        Image("avg pool counting padding", x => x.AvgPool2d(3, 2, 1), r => Pool(r, new Window2d(3, 3, 2, 2, 1, 1, 1, 1), l => l.Sum() / 9)),
        Image("adaptive avg pool", x => x.AdaptiveAvgPool2d(2, 4), r => Adaptive(r, 2, 4, l => l.Average())) with { TakesNaN = false /* a product with a matrix */ },
        Image("adaptive avg pool 1", x => x.AdaptiveAvgPool2d(1, 1), r => Adaptive(r, 1, 1, l => l.Average())),
        Image("adaptive max pool", x => x.AdaptiveMaxPool2d(2, 4), r => Adaptive(r, 2, 4, l => l.Aggregate(Max))),
        Image("adaptive max pool 1", x => x.AdaptiveMaxPool2d(1, 1), r => Adaptive(r, 1, 1, l => l.Aggregate(Max))),
        Image("interpolate nearest", x => x.Interpolate(3, 9), r => Plain.Of([r.Shape[0], 2, 3, 9], i => r[i[0], i[1], i[2] * 5 / 3, i[3] * 6 / 9])),
        Image("interpolate bilinear", x => x.Interpolate(8, 3, InterpolateMode.Bilinear), r => Plain.Of([r.Shape[0], 2, 8, 3], i => Bilinear(r, i[0], i[1], Max(0, ((i[2] + 0.5) * 5 / 8) - 0.5), Max(0, ((i[3] + 0.5) * 6 / 3) - 0.5), clamp: true))) with { TakesNaN = false /* a product with a matrix */ },
        new("grid sample", [[2, 2, 4, 5], [2, 3, 3, 2]], x => x[0].GridSample(x[1]), r => Plain.Of([r[0].Shape[0], 2, 3, 3], i => Bilinear(r[0], i[0], i[1], (((r[1][i[0], i[2], i[3], 1] + 1) * 4) - 1) / 2, (((r[1][i[0], i[2], i[3], 0] + 1) * 5) - 1) / 2, clamp: false))) { Low = -1.3, High = 1.3, TakesNaN = false, GradientTolerance = 2e-4 },
        new("affine grid", [[2, 2, 3]], x => Tensor.AffineGrid(x[0], [x[0].Shape[0], 1, 3, 4]), r => Plain.Of([r[0].Shape[0], 3, 4, 2], i => (r[0][i[0], i[3], 0] * (((2.0 * i[2]) + 1) / 4 - 1)) + (r[0][i[0], i[3], 1] * (((2.0 * i[1]) + 1) / 3 - 1)) + r[0][i[0], i[3], 2])) { TakesNaN = false },
        new("cross entropy", [[3, 4]], x => x[0].CrossEntropy(Long(x[0], 2, 0, 3), labelSmoothing: 0.1f, reduction: Reduction.None), r => Plain.Of([3], i => CrossEntropy(r[0], i[0], [2, 0, 3], 0.1f))) { TakesNothing = false },
        new("soft cross entropy", [[3, 4], [3, 4]], x => x[0].CrossEntropy(x[1], reduction: Reduction.Sum), r => Plain.Of([], _ => -r[0].Along(1, l => [.. Softmax(l).Select(p => Log(p))]).Zip(r[1], (a, b) => a * b).Data.Sum())),
        new("nll", [[3, 4]], x => x[0].NllLoss(Long(x[0], 2, 0, 3)), r => Plain.Of([], _ => -(r[0][0, 2] + r[0][1, 0] + r[0][2, 3]) / 3)) { TakesNothing = false },
        new("mse", [[3, 4], [3, 4]], x => x[0].MseLoss(x[1]), r => Plain.Of([], _ => r[0].Zip(r[1], (a, b) => (a - b) * (a - b)).Data.Average())) { TakesNothing = false },
        new("l1", [[3, 4], [3, 4]], x => x[0].L1Loss(x[1], Reduction.BatchMean), r => Plain.Of([], _ => r[0].Zip(r[1], (a, b) => Abs(a - b)).Data.Sum() / 3)) { TakesNothing = false },
    ];

    static OpCase Unary(string name, Func<Tensor, Tensor> ours, Func<double, double> f, double low = -2, double high = 2)
        => new(name, [[3, 7, 5]], x => ours(x[0]), r => r[0].Map(f)) { Low = low, High = high };

    static OpCase Pair(string name, Func<Tensor, Tensor, Tensor> ours, Func<double, double, double> f, double low = -2)
        => new(name, [[2, 1, 5], [3, 1]], x => ours(x[0], x[1]), r => r[0].Zip(r[1], f)) { Low = low, Zero = [[0, 1, 5], [3, 1]] };

    static OpCase Flag(string name, Func<Tensor, Tensor, Tensor> ours, Func<double, double, bool> f)
        => new(name, [[2, 1, 5], [3, 1]], x => ours(x[0], x[1]), r => r[0].Zip(r[1], (a, b) => f(a, b) ? 1 : 0)) { HasGradient = false, Types = [DType.Int64, DType.Bool, DType.UInt8], Low = 0, Zero = [[0, 1, 5], [3, 1]] };

    static OpCase Fold(string name, Func<Tensor, Tensor> ours, Func<Plain, Plain> f, bool gradient = true, bool nothing = true, DType[]? types = null)
        => new(name, [[2, 4, 3]], x => ours(x[0]), r => f(r[0])) { HasGradient = gradient, TakesNothing = nothing, Types = types ?? [] };

    static OpCase Image(string name, Func<Tensor, Tensor> ours, Func<Plain, Plain> f)
        => new(name, [[2, 2, 5, 6]], x => ours(x[0]), r => f(r[0]));

    static OpCase Move(string name, int[] shape, Func<Tensor, Tensor> ours, Func<Plain, Plain> f, int[]? zero = null, Func<Plain, Plain>? zeroReference = null, Func<Tensor, Tensor>? zeroOurs = null, bool takesNothing = true, DType[]? types = null)
        => new(name, [shape], x => x[0].Count == 0 && zeroOurs is not null ? zeroOurs(x[0]) : ours(x[0]), r => r[0].Data.Length == 0 && zeroReference is not null ? zeroReference(r[0]) : f(r[0]))
        { Tolerance = 0, Types = types ?? anyType, TakesNothing = takesNothing, Zero = zero is null ? null : [zero] };

    static Func<Plain, Plain> All(Func<double[], double> f) => r => new Plain([], [f(r.Data)]);

    static Tensor Long(Tensor like, params int[] v) => Tensor.From(Array.ConvertAll(v, i => (long)i), [v.Length], like.Device);

    static Tensor Long(Tensor like, int[][] v) => Tensor.From([.. v.SelectMany(r => r).Select(i => (long)i)], [v.Length, v[0].Length], like.Device);

    /// <summary>With probability 0.3, stream 5.</summary>
    static Plain Dropped(Plain x)
    {
        ulong k = 0;
        return x.Map(v => new Philox(5).Uniform(k++) < 0.3f ? 0 : v / (1 - 0.3f));
    }

    static double Relu(double v) => Max(v, 0);

    static double Sigmoid(double v) => 1 / (1 + Exp(-v));

    static double Sum(double[] l) => l.Sum();

    static double Product(double[] l) => l.Aggregate(1.0, (a, b) => a * b);

    static double Variance(double[] l) => l.Sum(v => (v - l.Average()) * (v - l.Average())) / l.Length;

    static double[] Softmax(double[] l) => [.. l.Select(v => Exp(v) / l.Sum(Exp))];

    static double[] Normal(double[] l) => [.. l.Select(v => (v - l.Average()) / Sqrt(Variance(l) + 1e-5f))];

    static double SmoothL1(double d, double beta) => d < beta ? d * d / (2 * beta) : d - (beta / 2);

    static int First(double[] l, double value) => Array.FindIndex(l, v => v.Equals(value));

    static int Mirror(int i, int n) => i < 0 ? -i : i >= n ? (2 * (n - 1)) - i : i;

    static double Dot(int n, Func<int, double> f) => Enumerable.Range(0, n).Sum(f);

    static Plain MatMul(Plain a, Plain b) => Plain.Of([a.Shape[0], b.Shape[1]], i => Dot(a.Shape[1], k => a[i[0], k] * b[k, i[1]]));

    static double[] Running(double[] l, Func<double, double, double> f)
    {
        double[] y = [.. l];
        for (int i = 1; i < y.Length; i++) y[i] = f(y[i - 1], l[i]);
        return y;
    }

    /// <summary>The sum of the source elements that scatter-add with index [[1, 4], [1, 1]] along dimension 1 sends to i.</summary>
    static double Scattered(Plain source, int[] i)
    {
        int[,] index = { { 1, 4 }, { 1, 1 } };
        return i[0] > 1 ? 0 : Dot(2, k => index[i[0], k] == i[1] ? source[i[0], k] : 0);
    }

    static double CrossEntropy(Plain logits, int row, int[] target, double smoothing)
    {
        double[] logp = [.. Softmax([.. Enumerable.Range(0, 4).Select(c => logits[row, c])]).Select(p => Log(p))];
        return -((1 - smoothing) * logp[target[row]]) - (smoothing * logp.Average());
    }

    static Plain Conv(Plain x, Plain w, Plain? b, Window2d o)
    {
        int group = w.Shape[0] / o.Groups, c = w.Shape[1];
        return Plain.Of([x.Shape[0], w.Shape[0], o.OutH(x.Shape[2]), o.OutW(x.Shape[3])], i => (b is null ? 0 : b[i[1]]) + Dot(c * o.R * o.S, k =>
        {
            var (d, r, s) = (k / (o.R * o.S), k / o.S % o.R, k % o.S);
            return w[i[1], d, r, s] * x.Inside(i[0], (i[1] / group * c) + d, (i[2] * o.StrideH) + (r * o.DilationH) - o.Top, (i[3] * o.StrideW) + (s * o.DilationW) - o.Left);
        }));
    }

    /// <summary>Each x is sent through the kernel to the places it would have come from.</summary>
    static Plain ConvTranspose(Plain x, Plain w, Plain b, Window2d o, int h, int v)
    {
        int k = w.Shape[1], perGroup = x.Shape[1] / o.Groups;
        double[] y = Plain.Of([x.Shape[0], k * o.Groups, h, v], i => b[i[1]]).Data;
        Plain.Of([x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3], k, o.R, o.S], i =>
        {
            int row = (i[2] * o.StrideH) + i[5] - o.Top, column = (i[3] * o.StrideW) + i[6] - o.Left, channel = (i[1] / perGroup * k) + i[4];
            if ((uint)row < (uint)h && (uint)column < (uint)v)
                y[(((((i[0] * k * o.Groups) + channel) * h) + row) * v) + column] += x[i[0], i[1], i[2], i[3]] * w[i[1], i[4], i[5], i[6]];
            return 0;
        });
        return new Plain([x.Shape[0], k * o.Groups, h, v], y);
    }

    static Plain BatchNorm(Plain x, Plain w, Plain b, double eps)
    {
        double[][] channels = [.. Enumerable.Range(0, x.Shape[1]).Select(c => x.Data.Where((_, k) => k / (x.Shape[2] * x.Shape[3]) % x.Shape[1] == c).ToArray())];
        double[] mean = [.. channels.Select(c => c.Average())], std = [.. channels.Select(c => Sqrt(Variance(c) + eps))];
        return Plain.Of(x.Shape, i => ((x[i] - mean[i[1]]) / std[i[1]] * w[i[1]]) + b[i[1]]);
    }

    static float[] Mean3 => [0.4f, -0.3f, 1.1f];

    static float[] Var3 => [0.5f, 1.5f, 0.9f];

    static Tensor Running(float[] values, Tensor[] x) => Tensor.From(values, [values.Length], x[0].Device);

    static Plain BatchNorm(Plain x, Plain w, Plain b)
        => Plain.Of(x.Shape, i => ((x[i] - Mean3[i[1]]) / Sqrt(Var3[i[1]] + 1e-5f) * w[i[1]]) + b[i[1]]);

    static Plain Add(Plain a, Plain b) => a.Zip(b, (x, y) => x + y);

    /// <summary>f of the elements of each window that lie inside the plane.</summary>
    static Plain Pool(Plain x, Window2d o, Func<double[], double> f)
        => Plain.Of([x.Shape[0], x.Shape[1], o.OutH(x.Shape[2]), o.OutW(x.Shape[3])], i =>
            f(Cells(x, i[0], i[1], (i[2] * o.StrideH) - o.Top, (i[2] * o.StrideH) - o.Top + o.R, (i[3] * o.StrideW) - o.Left, (i[3] * o.StrideW) - o.Left + o.S)));

    static Plain Adaptive(Plain x, int h, int w, Func<double[], double> f)
        => Plain.Of([x.Shape[0], x.Shape[1], h, w], i =>
            f(Cells(x, i[0], i[1], i[2] * x.Shape[2] / h, (int)Ceiling((i[2] + 1.0) * x.Shape[2] / h), i[3] * x.Shape[3] / w, (int)Ceiling((i[3] + 1.0) * x.Shape[3] / w))));

    static double[] Cells(Plain x, int n, int c, int top, int bottom, int left, int right)
        => [.. from h in Enumerable.Range(top, bottom - top)
               from w in Enumerable.Range(left, right - left)
               where (uint)h < (uint)x.Shape[2] && (uint)w < (uint)x.Shape[3]
               select x[n, c, h, w]];

    static double Bilinear(Plain x, int n, int c, double h, double w, bool clamp)
    {
        int h0 = (int)Floor(h), w0 = (int)Floor(w);
        double At(int i, int j) => clamp ? x[n, c, Clamp(i, 0, x.Shape[2] - 1), Clamp(j, 0, x.Shape[3] - 1)] : x.Inside(n, c, i, j);
        double dh = h - h0, dw = w - w0;
        return ((1 - dh) * (((1 - dw) * At(h0, w0)) + (dw * At(h0, w0 + 1)))) + (dh * (((1 - dw) * At(h0 + 1, w0)) + (dw * At(h0 + 1, w0 + 1))));
    }

    /// <summary>The Taylor series, enough for |x| &lt; 5.</summary>
    static double Erf(double x)
    {
        double term = x, sum = x;
        for (int n = 1; n < 200; n++)
        {
            term *= -x * x / n;
            sum += term / ((2 * n) + 1);
        }
        return 2 / Sqrt(PI) * sum;
    }
}
