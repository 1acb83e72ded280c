namespace Tessera.Tests;

/// <summary>Mistakes: each an exception of ours that names the operation, what it got and what it expected.</summary>
public sealed class OpErrorTests
{
    static Tensor T(params int[] shape) => Tensor.Ones(shape);

    static IEnumerable<TestCaseData> Shapes()
    {
        TestCaseData Case(string says, Func<object> call) => new TestCaseData(call, says).SetArgDisplayNames(says);
        yield return Case("Add: shapes do not broadcast", () => T(2, 3) + T(2));
        yield return Case("MatMul: inner sizes differ", () => T(2, 3).MatMul(T(2, 3)));
        yield return Case("MatMul: inner sizes differ", () => Tensor.Scalar(1).MatMul(T(2)));
        yield return Case("Linear: got x [2, 3]", () => T(2, 3).Linear(T(4, 2)));
        yield return Case("Linear: bias", () => T(2, 3).Linear(T(4, 3), T(3)));
        yield return Case("Conv2d: got x [1, 3, 8, 8]", () => T(1, 3, 8, 8).Conv2d(T(4, 2, 3, 3)));
        yield return Case("Conv2d: got x [3, 8, 8]", () => T(3, 8, 8).Conv2d(T(4, 3, 3, 3)));
        yield return Case("Conv2d: bias", () => T(1, 3, 8, 8).Conv2d(T(4, 3, 3, 3), T(3)));
        yield return Case("Conv2d: kernel larger", () => T(1, 3, 4, 4).Conv2d(T(4, 3, 5, 5)));
        yield return Case("Window: got", () => T(1, 3, 4, 4).Conv2d(T(4, 3, 3, 3), stride: 0));
        yield return Case("ConvTranspose2d: output size: got 7 x 7", () => T(1, 3, 4, 4).ConvTranspose2d(T(3, 2, 3, 3), outputPadding: 1));
        yield return Case("BatchNorm: got a parameter", () => T(2, 3, 4, 4).BatchNorm(T(2), T(3), null, null, training: true));
        yield return Case("BatchNorm: no running statistics", () => T(2, 3, 4, 4).BatchNorm(null, null, null, null, training: false));
        yield return Case("BatchNorm: got shape [1, 3]", () => T(1, 3).BatchNorm(null, null, null, null, training: true));
        yield return Case("LayerNorm: got x [2, 3]", () => T(2, 3).LayerNorm([2]));
        yield return Case("GroupNorm: got 2 groups", () => T(2, 3, 4, 4).GroupNorm(2));
        yield return Case("MaxPool2d: padding", () => T(1, 1, 8, 8).MaxPool2d(3, padding: 2));
        yield return Case("AvgPool2d: got x", () => T(8, 8).AvgPool2d(2));
        yield return Case("AdaptiveAvgPool2d: got 0 x 1", () => T(1, 1, 8, 8).AdaptiveAvgPool2d(0, 1));
        yield return Case("Sum: dimension out of range", () => T(2, 3).Sum(2));
        yield return Case("Sum: dimension 1 twice", () => T(2, 3).Sum([-1, 1]));
        yield return Case("AMax: an empty dimension", () => T(0, 3).AMax(0));
        yield return Case("ArgMin: an empty dimension", () => T(0).ArgMin());
        yield return Case("Softmax: dimension out of range", () => T(2, 3).Softmax(2));
        yield return Case("CrossEntropy: class out of range: got 3, expected 0..2 for 3 classes", () => T(2, 3).CrossEntropy(Tensor.From([0L, 3L])));
        yield return Case("NllLoss: class out of range: got -1", () => T(2, 3).NllLoss(Tensor.From([-1L, 0L])));
        yield return Case("CrossEntropy: target: got Int64[3]", () => T(2, 3).CrossEntropy(Tensor.From([0L, 1L, 2L])));
        yield return Case("CrossEntropy: weight", () => T(2, 3).CrossEntropy(Tensor.From([0L, 1L]), weight: T(2)));
        yield return Case("CrossEntropy: soft target", () => T(2, 3).CrossEntropy(T(2, 2)));
        yield return Case("OneHot: class out of range", () => Tensor.From([4L]).OneHot(4));
        yield return Case("Cat: other sizes differ", () => Tensor.Cat([T(2, 3), T(2, 4)]));
        yield return Case("Cat: got no tensors", () => Tensor.Cat([]));
        yield return Case("Split: got sizes", () => T(5).Split([2, 2]));
        yield return Case("Reshape: element counts differ", () => T(2, 3).Reshape(4));
        yield return Case("Reshape: cannot infer -1", () => T(2, 3).Reshape(4, -1));
        yield return Case("Permute: dimension 0 twice", () => T(2, 3).Permute(0, 0));
        yield return Case("Squeeze: got size 2", () => T(2, 3).Squeeze(0));
        yield return Case("Slice: range outside", () => T(2, 3).Narrow(1, 2, 2));
        yield return Case("Repeat: got", () => T(2, 3).Repeat(2));
        yield return Case("Roll: got 1 shifts", () => T(2, 3).Roll([1], [0, 1]));
        yield return Case("Pad: Reflect padding too large", () => T(1, 1, 3, 3).Pad(3, 0, 0, 0, PadMode.Reflect));
        yield return Case("Pad: got (-1", () => T(1, 1, 3, 3).Pad(-1, 0, 0, 0));
        yield return Case("Gather: index", () => T(2, 3).Gather(1, Tensor.Arange(2)));
        yield return Case("out of range", () => T(2, 3).IndexSelect(1, Tensor.From([3L])));
        yield return Case("out of range", () => T(2, 3).IndexAdd(1, Tensor.From([-1L]), T(2, 1)));
        yield return Case("TopK: got k = 4", () => T(2, 3).TopK(4));
        yield return Case("Embedding: table", () => T(3).Embedding(Tensor.Arange(2)));
        yield return Case("Triu: got shape", () => T(3).Triu());
        yield return Case("GridSample: got x", () => T(1, 1, 3, 3).GridSample(T(2, 3, 3, 2)));
        yield return Case("AffineGrid: got", () => Tensor.AffineGrid(T(1, 3, 2), [1, 1, 2, 2]));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Shapes_that_do_not_fit_are_refused(Func<object> call, string says)
    {
        using var scope = Scope.Begin();
        Assert.That(() => call(), Throws.TypeOf<ShapeException>().With.Message.Contains(says).And.Message.Contains("got"));
    }

    static IEnumerable<TestCaseData> Types()
    {
        TestCaseData Case(string says, Func<object> call) => new TestCaseData(call, says).SetArgDisplayNames(says);
        yield return Case("Mul: element type: got Int64", () => Tensor.Arange(3) * Tensor.Arange(3));
        yield return Case("Equal: element types differ: got Int64 and Float32", () => Tensor.Arange(3).Equal(T(3)));
        yield return Case("Where: condition: got Float32", () => Tensor.Where(T(3), T(3), T(3)));
        yield return Case("Where: element types differ", () => Tensor.Where(T(3).Greater(0), T(3), Tensor.Arange(3)));
        yield return Case("Gather: index: got Float32", () => T(3).Gather(0, T(3)));
        yield return Case("ScatterAdd: element type: got Int64", () => Tensor.Arange(3).ScatterAdd(0, Tensor.Arange(3), Tensor.Arange(3)));
        yield return Case("Cat: element types differ", () => Tensor.Cat([T(3), Tensor.Arange(3)]));
        yield return Case("OneHot: classes: got Float32", () => T(3).OneHot(4));
        yield return Case("Softmax: element type", () => Tensor.Arange(3).Softmax());
        yield return Case("Sum: element type: got Int64", () => Tensor.Arange(3).Sum());
        yield return Case("Linear: element type", () => Tensor.Arange(4).Reshape(2, 2).Linear(T(2, 2)));
        yield return Case("Conv2d: element type", () => T(1, 1, 3, 3).To(DType.Float16).Conv2d(T(1, 1, 3, 3)));
        yield return Case("BatchNorm: element type", () => T(2, 1, 3, 3).To(DType.Float16).BatchNorm(null, null, null, null, training: true));
        yield return Case("MaxPool2d: element type", () => T(2, 1, 3, 3).To(DType.Float16).MaxPool2d(2));
    }

    [TestCaseSource(nameof(Types))]
    public void Element_types_that_do_not_fit_are_refused_with_the_cast(Func<object> call, string says)
    {
        using var scope = Scope.Begin();
        Assert.That(() => call(), Throws.TypeOf<DTypeException>().With.Message.StartsWith(says).And.Message.Contains("Hint:"));
    }
}
