namespace Tessera.Tests;

public sealed class PrintTests
{
    [Test]
    public void Scalars_and_vectors_stand_on_one_line()
    {
        Assert.That(Tensor.Scalar(2.5).ToString(), Is.EqualTo("Float32[] on cpu 2.5"));
        Assert.That(Tensor.Arange(3).ToString(), Is.EqualTo("Int64[3] on cpu [0, 1, 2]"));
        Assert.That(Tensor.From([20_000_001L, -5L]).ToString(), Is.EqualTo("Int64[2] on cpu [20000001, -5]"));
        Assert.That(Tensor.From([1.5f, -0.25f, 1e-5f, 2e7f]).ToString(), Is.EqualTo("Float32[4] on cpu [1.5, -0.25, 1e-5, 2e+7]"));
        Assert.That(Tensor.From([true, false]).ToString(), Is.EqualTo("Bool[2] on cpu [1, 0]"));
    }

    [Test]
    public void Special_values_have_names()
        => Assert.That(Tensor.From([float.NaN, float.PositiveInfinity, 0f]).ToString(), Is.EqualTo("Float32[3] on cpu [NaN, Infinity, 0]"));

    [Test]
    public void Matrices_are_aligned()
        => Assert.That(Tensor.From([1f, -20f, 300f, 4f], [2, 2]).ToString(), Is.EqualTo("Float32[2, 2] on cpu\n[[       1,      -20],\n [     300,        4]]"));

    [Test]
    public void Long_dimensions_are_shortened()
        => Assert.That(Tensor.Arange(100).ToString(), Is.EqualTo("Int64[100] on cpu [0, 1, 2, ..., 97, 98, 99]"));

    [Test]
    public void Nothing_is_an_empty_shape()
        => Assert.That(Tensor.Zeros([0, 3]).ToString(), Is.EqualTo("Float32[0, 3] on cpu"));

    [Test]
    public void Views_print_their_logical_order()
        => Assert.That(Tensor.Arange(4).Reshape(2, 2).Transpose().ToString(), Is.EqualTo("Int64[2, 2] on cpu\n[[       0,        2],\n [       1,        3]]"));
}
