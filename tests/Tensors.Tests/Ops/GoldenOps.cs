namespace Tessera.Tests;

/// <summary>Every recorded op as a call of ours; the results in the recorded order of outputs.</summary>
static class GoldenOps
{
    public static readonly IReadOnlyDictionary<string, Func<GoldenCall, Tensor[]>> All = new Dictionary<string, Func<GoldenCall, Tensor[]>>(StringComparer.Ordinal)
    {
        // activation
        ["relu"] = c => [c["x"].Relu()],
        ["leaky_relu"] = c => [c["x"].LeakyRelu(c.Float("slope", 0.01f))],
        ["gelu"] = c => [c["x"].Gelu(c.Text("approximate") == "tanh")],
        ["silu"] = c => [c["x"].Silu()],
        ["sigmoid"] = c => [c["x"].Sigmoid()],
        ["tanh"] = c => [c["x"].Tanh()],
        ["softplus"] = c => [c["x"].Softplus(c.Float("beta", 1), c.Float("threshold", 20))],
        ["elu"] = c => [c["x"].Elu(c.Float("alpha", 1))],
        ["selu"] = c => [c["x"].Selu()],
        ["celu"] = c => [c["x"].Celu(c.Float("alpha", 1))],
        ["hardswish"] = c => [c["x"].HardSwish()],
        ["hardsigmoid"] = c => [c["x"].HardSigmoid()],
        ["hardtanh"] = c => [c["x"].HardTanh(c.Float("min", -1), c.Float("max", 1))],
        ["mish"] = c => [c["x"].Mish()],
        ["relu6"] = c => [c["x"].Relu6()],
        ["softsign"] = c => [c["x"].Softsign()],
        ["logsigmoid"] = c => [c["x"].LogSigmoid()],
        ["abs"] = c => [c["x"].Abs()],
        ["square"] = c => [c["x"].Square()],
        ["neg"] = c => [-c["x"]],
        ["sign"] = c => [c["x"].Sign()],
        ["exp"] = c => [c["x"].Clamp(-80, 80).Exp()],
        ["expm1"] = c => [c["x"].Expm1()],
        ["log"] = c => [c["x"].Log()],
        ["log1p"] = c => [c["x"].Log1p()],
        ["sqrt"] = c => [c["x"].Sqrt()],
        ["rsqrt"] = c => [c["x"].Rsqrt()],
        ["reciprocal"] = c => [c["x"].Reciprocal()],
        ["sin"] = c => [c["x"].Sin()],
        ["cos"] = c => [c["x"].Cos()],
        ["erf"] = c => [c["x"].Erf()],
        ["floor"] = c => [c["x"].Floor()],
        ["ceil"] = c => [c["x"].Ceil()],
        ["round"] = c => [c["x"].Round()],
        ["trunc"] = c => [c["x"].Trunc()],
        ["clamp"] = c => [c["x"].Clamp(c.Float("min"), c.Float("max"))],

        // broadcast
        ["add"] = c => [c["a"] + c["b"]],
        ["sub"] = c => [c["a"] - c["b"]],
        ["mul"] = c => [c["a"] * c["b"]],
        ["div"] = c => [c["a"] / c["b"]],
        ["maximum"] = c => [c["a"].Maximum(c["b"])],
        ["minimum"] = c => [c["a"].Minimum(c["b"])],
        ["pow"] = c => [c["a"].Pow(c["b"])],
        ["pow_scalar"] = c => [c["a"].Pow(c.Float("exponent"))],
        ["atan2"] = c => [c["a"].Atan2(c["b"])],
        ["fmod"] = c => [c["a"].Fmod(c["b"])],
        ["remainder"] = c => [c["a"].Remainder(c["b"])],
        ["eq"] = c => [c["a"].Equal(c["b"])],
        ["ne"] = c => [c["a"].NotEqual(c["b"])],
        ["lt"] = c => [c["a"].Less(c["b"])],
        ["le"] = c => [c["a"].LessEqual(c["b"])],
        ["gt"] = c => [c["a"].Greater(c["b"])],
        ["ge"] = c => [c["a"].GreaterEqual(c["b"])],
        ["logical_and"] = c => [c["a"].LogicalAnd(c["b"])],
        ["logical_or"] = c => [c["a"].LogicalOr(c["b"])],
        ["logical_xor"] = c => [c["a"].LogicalXor(c["b"])],

        // reduce
        ["reduce_sum"] = c => [c["x"].Sum(c.Ints("dims"), c.Bool("keepdim"))],
        ["reduce_mean"] = c => [c["x"].Mean(c.Ints("dims"), c.Bool("keepdim"))],
        ["reduce_var"] = c => [c["x"].Var(c.Ints("dims"), keepDim: c.Bool("keepdim"))],
        ["reduce_var_biased"] = c => [c["x"].Var(c.Ints("dims"), unbiased: false, c.Bool("keepdim"))],
        ["reduce_std"] = c => [c["x"].Std(c.Ints("dims"), keepDim: c.Bool("keepdim"))],
        ["reduce_std_biased"] = c => [c["x"].Std(c.Ints("dims"), unbiased: false, c.Bool("keepdim"))],
        ["reduce_amax"] = c => [c["x"].AMax(c.Ints("dims"), c.Bool("keepdim"))],
        ["reduce_amin"] = c => [c["x"].AMin(c.Ints("dims"), c.Bool("keepdim"))],
        ["reduce_norm1"] = c => [c["x"].Norm(1, c.Ints("dims"), c.Bool("keepdim"))],
        ["reduce_norm2"] = c => [c["x"].Norm(2, c.Ints("dims"), c.Bool("keepdim"))],
        ["reduce_norm_inf"] = c => [c["x"].Norm(float.PositiveInfinity, c.Ints("dims"), c.Bool("keepdim"))],
        ["reduce_logsumexp"] = c => [c["x"].LogSumExp(c.Ints("dims"), c.Bool("keepdim"))],
        ["logsumexp"] = c => [c["x"].LogSumExp(c.Int("dim"))],
        ["reduce_prod"] = c => [c["x"].Prod(c.Ints("dims"), c.Bool("keepdim"))],
        ["max_dim"] = c => Both(c["x"].Max(c.Int("dim"), c.Bool("keepdim"))),
        ["min_dim"] = c => Both(c["x"].Min(c.Int("dim"), c.Bool("keepdim"))),
        ["argmax"] = c => [c["x"].ArgMax(c.Attr("dim")?.GetInt32(), c.Bool("keepdim"))],
        ["argmin"] = c => [c["x"].ArgMin(c.Attr("dim")?.GetInt32(), c.Bool("keepdim"))],
        ["cumsum"] = c => [c["x"].CumSum(c.Int("dim"))],
        ["cumprod"] = c => [c["x"].CumProd(c.Int("dim"))],
        ["any"] = c => [c["x"].Any(c.Int("dim"))],
        ["all"] = c => [c["x"].All(c.Int("dim"))],

        // index
        ["gather"] = c => [c["x"].Gather(c.Int("dim"), c["index"])],
        ["scatter_add"] = c => [c["x"].ScatterAdd(c.Int("dim"), c["index"], c["src"])],
        ["index_select"] = c => [c["x"].IndexSelect(c.Int("dim"), c["index"])],
        ["index_add"] = c => [c["x"].IndexAdd(c.Int("dim"), c["index"], c["src"])],
        ["masked_fill"] = c => [c["x"].MaskedFill(c["mask"], c.Float("value"))],
        ["where"] = c => [Tensor.Where(c["cond"], c["a"], c["b"])],
        ["topk"] = c => Both(c["x"].TopK(c.Int("k"), c.Int("dim"), c.Bool("largest", true))),
        ["sort"] = c => Both(c["x"].Sort(c.Int("dim"), c.Bool("descending"))),
        ["one_hot"] = c => [c["idx"].OneHot(c.Int("classes"))],
        ["triu"] = c => [c["x"].Triu(c.Int("diagonal"))],
        ["tril"] = c => [c["x"].Tril(c.Int("diagonal"))],
        ["nonzero"] = c => [c["x"].NonZero()],

        // shape
        ["cat"] = c => [Tensor.Cat(c.List, c.Int("dim"))],
        ["stack"] = c => [Tensor.Stack(c.List, c.Int("dim"))],
        ["split"] = c => c["x"].Split(c.Int("sizes"), c.Int("dim")),
        ["permute"] = c => [c["x"].Permute(c.Ints("dims"))],
        ["reshape"] = c => [c["x"].Reshape(c.Ints("shape").AsSpan())],
        ["expand"] = c => [c["x"].Expand(c.Ints("shape"))],
        ["narrow"] = c => [c["x"].Narrow(c.Int("dim"), c.Int("start"), c.Int("length"))],
        ["slice_step"] = c => [c["x"].Narrow(c.Int("dim"), c.Int("start"), (c.Int("stop") - c.Int("start") + c.Int("step") - 1) / c.Int("step"), c.Int("step"))],
        ["flip"] = c => [c["x"].Flip(c.Ints("dims"))],
        ["roll"] = c => [c["x"].Roll(c.Ints("shifts"), c.Ints("dims"))],
        ["repeat"] = c => [c["x"].Repeat(c.Ints("repeats"))],

        // matmul, softmax
        ["linear"] = c => [c["x"].Linear(c["w"], c.Maybe("b"))],
        ["matmul"] = c => [c["a"].MatMul(c["b"])],
        ["gemm"] = c => [((c.Bool("transA") ? c["a"].Transpose() : c["a"]).MatMul(c.Bool("transB") ? c["b"].Transpose() : c["b"]) * c.Float("alpha", 1)) + (c["c"] * c.Float("beta", 1))],
        ["softmax"] = c => [c["x"].Softmax(c.Int("dim"))],
        ["log_softmax"] = c => [c["x"].LogSoftmax(c.Int("dim"))],

        // loss
        ["cross_entropy"] = c => [c["logits"].CrossEntropy(c["target"], c.Maybe("weight"), c.Float("label_smoothing"), c.Int("ignore_index", -100), c.Reduction)],
        ["cross_entropy_soft"] = c => [c["logits"].CrossEntropy(c["target"], c.Maybe("weight"), c.Float("label_smoothing"), reduction: c.Reduction)],
        ["nll_loss"] = c => [c["logp"].NllLoss(c["target"], c.Maybe("weight"), reduction: c.Reduction)],
        ["bce_with_logits"] = c => [c["x"].BceWithLogits(c["target"], c.Maybe("weight"), c.Maybe("pos_weight"), c.Reduction)],
        ["mse_loss"] = c => [c["x"].MseLoss(c["target"], c.Reduction)],
        ["l1_loss"] = c => [c["x"].L1Loss(c["target"], c.Reduction)],
        ["smooth_l1_loss"] = c => [c["x"].SmoothL1Loss(c["target"], c.Float("beta", 1), c.Reduction)],
        ["huber_loss"] = c => [c["x"].HuberLoss(c["target"], c.Float("delta", 1), c.Reduction)],
        ["kl_div"] = c => [c["logp"].KlDiv(c["target"], c.Reduction, c.Bool("log_target"))],

        // conv, norm, pool
        ["conv2d"] = c => [c["x"].Conv2d(c["w"], c.Maybe("b"), ConvWindow(c))],
        ["conv_transpose2d"] = c => [c["x"].ConvTranspose2d(c["w"], c.Maybe("b"), c.Pair("stride", 1), c.Pair("padding"), c.Pair("output_padding"), c.Pair("dilation", 1), c.Int("groups", 1))],
        ["batch_norm_train"] = BatchNormTrain,
        ["batch_norm_eval"] = c => [c["x"].BatchNorm(c.Maybe("w"), c.Maybe("b"), c["running_mean"], c["running_var"], training: false, c.Float("momentum", 0.1f), c.Float("eps", 1e-5f))],
        ["layer_norm"] = c => [c["x"].LayerNorm(c.Ints("normalized_shape"), c.Maybe("w"), c.Maybe("b"), c.Float("eps", 1e-5f))],
        ["group_norm"] = c => [c["x"].GroupNorm(c.Int("groups", 1), c.Maybe("w"), c.Maybe("b"), c.Float("eps", 1e-5f))],
        ["instance_norm"] = c => [c["x"].InstanceNorm(c.Maybe("w"), c.Maybe("b"), c.Float("eps", 1e-5f))],
        ["max_pool2d"] = c => Both(c["x"].MaxPool2dWithIndices(c.Pair("kernel"), c.Attr("stride") is null ? null : c.Pair("stride"), c.Pair("padding"), c.Pair("dilation", 1), c.Bool("ceil_mode"))),
        ["avg_pool2d"] = c => [c["x"].AvgPool2d(c.Pair("kernel"), c.Attr("stride") is null ? null : c.Pair("stride"), c.Pair("padding"), c.Bool("ceil_mode"), c.Bool("count_include_pad", true))],
        ["adaptive_avg_pool2d"] = c => [c["x"].AdaptiveAvgPool2d(c.Pair("output").H, c.Pair("output").W)],
        ["adaptive_max_pool2d"] = c => Both(c["x"].AdaptiveMaxPool2dWithIndices(c.Pair("output").H, c.Pair("output").W)),

        // sample
        ["embedding"] = c => [c["w"].Embedding(c["idx"], c.Attr("padding_idx")?.GetInt32())],
        ["dropout_mask"] = c => [c["x"].Dropout(c.Float("p"), c["mask"].NotEqual(0))],
        ["interpolate_nearest"] = c => [Interpolate(c, InterpolateMode.Nearest)],
        ["interpolate_nearest_exact"] = c => [Interpolate(c, InterpolateMode.NearestExact)],
        ["interpolate_bilinear"] = c => [Interpolate(c, InterpolateMode.Bilinear)],
        ["interpolate_bicubic"] = c => [Interpolate(c, InterpolateMode.Bicubic)],
        ["interpolate_area"] = c => [Interpolate(c, InterpolateMode.Area)],
        ["grid_sample"] = c => [c["x"].GridSample(c["grid"], c.Text("mode") == "bilinear", Enum.Parse<GridPadding>(c.Text("padding_mode"), ignoreCase: true), c.Bool("align_corners"))],
        ["affine_grid"] = c => [Tensor.AffineGrid(c["theta"], c.Ints("size"), c.Bool("align_corners"))],
        ["pad"] = c => c.Ints("pads_lrtb") is [var l, var r, var t, var b] ? [c["x"].Pad(l, r, t, b, Enum.Parse<PadMode>(c.Text("mode"), ignoreCase: true), c.Float("value"))] : [],

        // block
        ["basic_block_train"] = c => [BasicBlock(c)],
        ["concat_pool"] = c => [Tensor.Cat([c["x"].AdaptiveMaxPool2d(1, 1), c["x"].AdaptiveAvgPool2d(1, 1)], 1).Flatten()],
    };

    static Tensor[] Both((Tensor Values, Tensor Indices) result) => [result.Values, result.Indices];

    static Tensor Interpolate(GoldenCall c, InterpolateMode mode) => c["x"].Interpolate(c.Pair("size").H, c.Pair("size").W, mode, c.Bool("align_corners"));

    static Window2d ConvWindow(GoldenCall c)
    {
        var (kernel, stride, dilation) = (c.Pair("kernel"), c.Pair("stride", 1), c.Pair("dilation", 1));
        int[] p = c.Attr("padding_tlbr") is null ? [0, 0, 0, 0] : c.Ints("padding_tlbr");
        return new Window2d(kernel.H, kernel.W, stride.H, stride.W, p[0], p[1], p[2], p[3], dilation.H, dilation.W, c.Int("groups", 1));
    }

    /// <summary>With momentum 1 the running statistics become the batch's own; the running variance is the unbiased one.</summary>
    static Tensor[] BatchNormTrain(GoldenCall c)
    {
        var (mean, var) = (c["running_mean"].Clone(), c["running_var"].Clone());
        var (batchMean, batchVar) = (mean.Clone(), var.Clone());
        var y = c["x"].BatchNorm(c.Maybe("w"), c.Maybe("b"), mean, var, training: true, c.Float("momentum", 0.1f), c.Float("eps", 1e-5f));
        c["x"].BatchNorm(null, null, batchMean, batchVar, training: true, momentum: 1, c.Float("eps", 1e-5f));
        float n = (float)c["x"].Count / c["x"].Shape[1];
        return [y, mean, var, batchMean, batchVar * ((n - 1) / n)];
    }

    /// <summary>relu(bn(conv(relu(bn(conv x)))) + shortcut), the shortcut a 1x1 convolution with batch norm or x itself.</summary>
    static Tensor BasicBlock(GoldenCall c)
    {
        Tensor Norm(Tensor x, string i) => x.BatchNorm(c["g" + i], c["b" + i], null, null, training: true, eps: c.Float("eps", 1e-5f));
        var shortcut = c.Bool("projection") ? Norm(c["x"].Conv2d(c["wp"], stride: c.Int("stride", 1)), "p") : c["x"];
        var y = Norm(c["x"].Conv2d(c["w1"], stride: c.Int("stride", 1), padding: 1), "1").Relu();
        return (Norm(y.Conv2d(c["w2"], padding: 1), "2") + shortcut).Relu();
    }
}
