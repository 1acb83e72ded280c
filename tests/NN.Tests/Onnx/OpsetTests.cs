using Tessera.NN;
using static Tessera.Tests.OnnxBytes;

namespace Tessera.Tests;

/// <summary>What changed between operator sets: the same operator written as each of them wants it.</summary>
public sealed class OpsetTests
{
    static readonly float[] count = [.. Enumerable.Range(0, 24).Select(i => (float)i)];

    static float[] Run(int opset, NodeProto node, float[] x, Shape shape, params TensorProto[] initializers)
    {
        using var scope = Scope.Begin();
        return Model(opset, node).With(initializers).Run(Tensor.From(x, shape)).To(DType.Float32).ToArray<float>();
    }

    static Shape ShapeOf(int opset, NodeProto node, Shape shape, params TensorProto[] initializers)
    {
        using var scope = Scope.Begin();
        return Model(opset, node).With(initializers).Run(Tensor.Zeros(shape)).Shape;
    }

    // Before 13 the dimensions from axis on count as one, and axis is 1 by default; since then it is one dimension, the last by default.
    [Test]
    public void Softmax()
    {
        float[] zeros = new float[8];
        Assert.That(Run(11, Node("Softmax", "x", "y"), zeros, [2, 2, 2]), Is.All.EqualTo(0.25f));
        Assert.That(Run(13, Node("Softmax", "x", "y"), zeros, [2, 2, 2]), Is.All.EqualTo(0.5f));
        Assert.That(Run(12, Node("LogSoftmax", "x", "y", ("axis", 0L)), zeros, [2, 2, 2]), Is.All.EqualTo(-MathF.Log(8)).Within(1e-6f));
        Assert.That(Run(12, Node("Hardmax", "x", "y"), [0, 3, 1, 2], [1, 2, 2]), Is.EqualTo(new[] { 0f, 1, 0, 0 }));
        Assert.That(Run(13, Node("Hardmax", "x", "y"), [0, 3, 1, 2], [1, 2, 2]), Is.EqualTo(new[] { 0f, 1, 0, 1 }));
    }

    [Test]
    public void SqueezeAndUnsqueeze()
    {
        Assert.That(ShapeOf(11, Node("Squeeze", "x", "y", ("axes", new long[] { 0, -1 })), [1, 2, 1]), Is.EqualTo(new Shape(2)));
        Assert.That(ShapeOf(13, Node("Squeeze", "x a", "y"), [1, 2, 1], Longs("a", 0)), Is.EqualTo(new Shape(2, 1)));
        Assert.That(ShapeOf(13, Node("Squeeze", "x", "y"), [1, 2, 1]), Is.EqualTo(new Shape(2)));
        Assert.That(ShapeOf(11, Node("Unsqueeze", "x", "y", ("axes", new long[] { 0, 3 })), [2, 3]), Is.EqualTo(new Shape(1, 2, 3, 1)));
        Assert.That(ShapeOf(13, Node("Unsqueeze", "x a", "y"), [2, 3], Longs("a", -1)), Is.EqualTo(new Shape(2, 3, 1)));
    }

    [TestCase("ReduceSum", 12, 13, 6f)]
    [TestCase("ReduceMean", 17, 18, 2f)]
    [TestCase("ReduceMax", 17, 18, 3f)]
    [TestCase("ReduceProd", 17, 18, 6f)]
    public void Reductions(string op, int attribute, int input, float expected)
    {
        Assert.That(Run(attribute, Node(op, "x", "y", ("axes", new long[] { 1 }), ("keepdims", 0L)), [1, 2, 3], [1, 3]), Is.EqualTo(new[] { expected }).Within(1e-6f));
        Assert.That(Run(input, Node(op, "x a", "y", ("keepdims", 0L)), [1, 2, 3], [1, 3], Longs("a", -1)), Is.EqualTo(new[] { expected }).Within(1e-6f));
        Assert.That(Run(input, Node(op, "x", "y", ("noop_with_empty_axes", 1L)), [1, 2, 3], [1, 3]), Is.EqualTo(new[] { 1f, 2, 3 }));
    }

    [Test]
    public void Clip()
    {
        Assert.That(Run(10, Node("Clip", "x", "y", ("min", -1f), ("max", 2f)), [-5, 0, 5], [3]), Is.EqualTo(new[] { -1f, 0, 2 }));
        Assert.That(Run(11, Node("Clip", "x  m", "y"), [-5, 0, 5], [3], Floats("m", [], 2)), Is.EqualTo(new[] { -5f, 0, 2 }));
    }

    [Test]
    public void Slice()
    {
        Assert.That(Run(9, Node("Slice", "x", "y", ("starts", new long[] { 1 }), ("ends", new long[] { 1000 })), [0, 1, 2, 3], [4]), Is.EqualTo(new[] { 1f, 2, 3 }));
        Assert.That(Run(10, Node("Slice", "x s e a d", "y"), [0, 1, 2, 3], [4], Longs("s", -1), Longs("e", long.MinValue), Longs("a", 0), Longs("d", -2)), Is.EqualTo(new[] { 3f, 1 }));
    }

    [Test]
    public void SplitIsEqualUnlessItSays()
    {
        var model = Model(18, Node("Split", "x", "a b y", ("num_outputs", 3L)));
        Assert.That(model.Run(Tensor.From(count[..7], [7])).ToArray<float>(), Is.EqualTo(new[] { 6f }));
        Assert.That(Model(11, Node("Split", "x", "a y", ("split", new long[] { 1, 2 }))).Run(Tensor.From(count[..3], [3])).ToArray<float>(), Is.EqualTo(new[] { 1f, 2 }));
    }

    [Test]
    public void Pad()
    {
        Assert.That(Run(10, Node("Pad", "x", "y", ("pads", new long[] { 1, 2 }), ("value", 9f)), [1, 2], [2]), Is.EqualTo(new[] { 9f, 1, 2, 9, 9 }));
        Assert.That(Run(18, Node("Pad", "x p  a", "y", ("mode", "reflect")), [1, 2, 3], [1, 3], Longs("p", 2, 1), Longs("a", -1)), Is.EqualTo(new[] { 3f, 2, 1, 2, 3, 2 }));
        Assert.That(Run(19, Node("Pad", "x p", "y", ("mode", "wrap")), [1, 2, 3], [3], Longs("p", 1, 2)), Is.EqualTo(new[] { 3f, 1, 2, 3, 1, 2 }));
        Assert.That(Run(13, Node("Pad", "x p", "y", ("mode", "edge")), [1, 2, 3], [3], Longs("p", 1, -1)), Is.EqualTo(new[] { 1f, 1, 2 }));
    }

    [Test]
    public void UpsampleAndResize()
    {
        float[] nearest = [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4];
        Assert.That(Run(7, Node("Upsample", "x", "y", ("scales", new[] { 1f, 1, 2, 2 })), [1, 2, 3, 4], [1, 1, 2, 2]), Is.EqualTo(nearest));
        Assert.That(Run(9, Node("Upsample", "x s", "y"), [1, 2, 3, 4], [1, 1, 2, 2], Floats("s", [4], 1, 1, 2, 2)), Is.EqualTo(nearest));
        Assert.That(Run(10, Node("Resize", "x s", "y"), [1, 2, 3, 4], [1, 1, 2, 2], Floats("s", [4], 1, 1, 2, 2)), Is.EqualTo(nearest));
        Assert.That(Run(13, Node("Resize", "x   n", "y", ("mode", "nearest")), [1, 2, 3, 4], [1, 1, 2, 2], Longs("n", 1, 1, 4, 4)), Is.EqualTo(nearest));
        // Linear and cubic (a = -0.75) with the places of half_pixel and align_corners.
        Assert.That(Run(13, Node("Resize", "x  s", "y", ("mode", "linear")), [1, 2], [1, 2], Floats("s", [2], 1, 2)), Is.EqualTo(new[] { 1f, 1.25f, 1.75f, 2 }));
        Assert.That(Run(13, Node("Resize", "x  s", "y", ("mode", "linear"), ("coordinate_transformation_mode", "align_corners")), [1, 4], [1, 2], Floats("s", [2], 1, 2)), Is.EqualTo(new[] { 1f, 2, 3, 4 }).Within(1e-6f));
        Assert.That(Run(13, Node("Resize", "x  s", "y", ("mode", "cubic")), [1, 2, 3, 4], [1, 4], Floats("s", [2], 1, 2)),
            Is.EqualTo(new[] { 0.89453125f, 1.19140625f, 1.66796875f, 2.296875f, 2.703125f, 3.33203125f, 3.80859375f, 4.10546875f }).Within(1e-5f));
    }

    // Old files have the statistics of training as outputs 1 to 4; new ones say so by an attribute.
    [Test]
    public void BatchNormalizationInTraining()
    {
        TensorProto[] state = [Floats("w", [1], 2), Floats("b", [1], 1), Floats("m", [1], 10), Floats("v", [1], 4)];
        float[] trained = [1 - 2 / MathF.Sqrt(1 + 1e-5f), 1 + 2 / MathF.Sqrt(1 + 1e-5f)];
        Assert.That(Run(9, Node("BatchNormalization", "x w b m v", "y"), [10, 14], [2, 1], state), Is.EqualTo(new[] { 1f, 5 }).Within(1e-4f));
        Assert.That(Run(15, Node("BatchNormalization", "x w b m v", "y o", ("training_mode", 1L)), [3, 5], [2, 1], state), Is.EqualTo(new[] { -6f, -4 }).Within(1e-4f), "a module in evaluation mode");
        var graph = Model(15, Node("BatchNormalization", "x w b m v", "y o", ("training_mode", 1L))).With(state).Parse().ToModule();
        Assert.That(Autograd.NoGrad(() => graph.Train().Forward(Tensor.From([3f, 5], [2, 1]))).ToArray<float>(), Is.EqualTo(trained).Within(1e-4f));
        Assert.That(Run(15, Node("BatchNormalization", "x w b m v", "o y", ("training_mode", 1L), ("momentum", 0.5f)), [3, 5], [2, 1], state), Is.EqualTo(new[] { 7f }));
        Assert.That(Run(9, Node("BatchNormalization", "x w b m v", "o a y", ("momentum", 0.5f)), [3, 5], [2, 1], state), Is.EqualTo(new[] { 2.5f }));
    }

    [Test]
    public void DropoutIsSwitchedOffUntilTrained()
    {
        Generator.Seed(1);
        var graph = Model(11, Node("Dropout", "x", "y", ("ratio", 0.5f))).Parse().ToModule();
        var x = Tensor.Ones([1, 3, 8, 8]);
        Assert.That(Autograd.NoGrad(() => graph.Forward(x)).ToArray<float>(), Is.All.EqualTo(1));
        Assert.That(Autograd.NoGrad(() => graph.Train().Forward(x)).ToArray<float>().Distinct(), Is.EquivalentTo(new[] { 0f, 2 }));
        Assert.That(Run(13, Node("Dropout", "x r t", "y"), [1, 2], [2], Floats("r", [], 0.5f), Bool("t", true)), Is.SubsetOf(new[] { 0f, 2, 4 }));
    }

    [Test]
    public void TopK()
    {
        Assert.That(Run(9, Node("TopK", "x", "y i", ("k", 2L)), [1, 3, 2], [3]), Is.EqualTo(new[] { 3f, 2 }));
        Assert.That(Run(11, Node("TopK", "x k", "v y", ("largest", 0L)), [1, 3, 2], [3], Longs("k", 2)), Is.EqualTo(new[] { 0f, 2 }));
    }

    // y = x / (1 + alpha/3 · Σ x² of three neighbours)^1
    [Test]
    public void LocalResponseNormalization()
        => Assert.That(Run(13, Node("LRN", "x", "y", ("size", 3L), ("alpha", 3f), ("beta", 1f)), [1, 2, 3], [1, 3, 1, 1]), Is.EqualTo(new[] { 1 / 6f, 2 / 15f, 3 / 14f }).Within(1e-6f));

    [Test]
    public void GroupNormalizationTakesScalesPerGroupThenPerChannel()
    {
        float[] x = [1, 3, 5, 9];
        float[] byGroup = Run(18, Node("GroupNormalization", "x w b", "y", ("num_groups", 2L), ("epsilon", 0f)), x, [1, 4, 1], Floats("w", [2], 1, 2), Floats("b", [2], 0, 1));
        Assert.That(byGroup, Is.EqualTo(new[] { -1f, 1, -1, 3 }).Within(1e-5f));
        float[] byChannel = Run(21, Node("GroupNormalization", "x w b", "y", ("num_groups", 2L), ("epsilon", 0f)), x, [1, 4, 1], Floats("w", [4], 1, 2, 3, 4), Floats("b", [4], 0, 0, 0, 0));
        Assert.That(byChannel, Is.EqualTo(new[] { -1f, 2, -3, 4 }).Within(1e-5f));
    }

    [Test]
    public void ConvolutionsOfSequencesAndUnevenPadding()
    {
        Assert.That(Run(11, Node("Conv", "x w", "y", ("pads", new long[] { 1, 0 })), [1, 2, 3], [1, 1, 3], Floats("w", [1, 1, 2], 1, 10)), Is.EqualTo(new[] { 10f, 21, 32 }));
        Assert.That(Run(11, Node("AveragePool", "x", "y", ("kernel_shape", new long[] { 2 }), ("pads", new long[] { 1, 0 })), [2, 4], [1, 1, 2]), Is.EqualTo(new[] { 2f, 3 }));
        Assert.That(Run(11, Node("AveragePool", "x", "y", ("kernel_shape", new long[] { 2 }), ("pads", new long[] { 1, 0 }), ("count_include_pad", 1L)), [2, 4], [1, 1, 2]), Is.EqualTo(new[] { 1f, 3 }));
        Assert.That(Run(11, Node("MaxPool", "x", "y", ("kernel_shape", new long[] { 2 }), ("auto_pad", "SAME_LOWER")), [-2, -4], [1, 1, 2]), Is.EqualTo(new[] { -2f, -2 }));
    }

    [Test]
    public void IndicesCountFromTheEnd()
    {
        Assert.That(Run(13, Node("Gather", "x i", "y"), [1, 2, 3], [3], Longs("i", -1, 0)), Is.EqualTo(new[] { 3f, 1 }));
        Assert.That(Run(13, Node("GatherND", "x i", "y"), [1, 2, 3, 4], [2, 2], Longs("i", 1, -1)), Is.EqualTo(new[] { 4f }));
        Assert.That(Run(16, Node("ScatterElements", "x i u", "y"), [1, 2, 3], [3], Longs("i", 1, -1), Floats("u", [2], 9, 8)), Is.EqualTo(new[] { 1f, 9, 8 }));
        Assert.That(Run(16, Node("ScatterElements", "x i u", "y", ("reduction", "add")), [1, 2, 3], [3], Longs("i", 1, 1), Floats("u", [2], 9, 8)), Is.EqualTo(new[] { 1f, 19, 3 }));
        Assert.That(Run(11, Node("CumSum", "x a", "y", ("exclusive", 1L), ("reverse", 1L)), [1, 2, 3], [3], Longs("a", 0)), Is.EqualTo(new[] { 5f, 3, 0 }));
        Assert.That(() => Run(13, Node("Gather", "x i", "y"), [1, 2, 3], [3], Longs("i", 3)), Throws.InstanceOf<DataException>().With.Message.Contains("index out of range"));
    }

    [Test]
    public void DepthAndSpace()
    {
        float[] x = count[..8];
        float[] deep = Run(13, Node("SpaceToDepth", "x", "y", ("blocksize", 2L)), x, [1, 1, 2, 4]);
        Assert.That(deep, Is.EqualTo(new[] { 0f, 2, 1, 3, 4, 6, 5, 7 }));
        Assert.That(Run(13, Node("DepthToSpace", "x", "y", ("blocksize", 2L)), deep, [1, 4, 1, 2]), Is.EqualTo(x));
    }

    static TensorProto Bool(string name, bool value)
    {
        var t = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.Bool };
        t.Int32Data.Add(value ? 1 : 0);
        return t;
    }
}
