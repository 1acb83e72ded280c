using CsCheck;

namespace Tessera.Tests;

public sealed class TensorTests
{
    Scope scope = null!;

    [SetUp]
    public void Begin() => scope = Scope.Begin();

    [TearDown]
    public void End() => scope.Dispose();

    static float[] Count(int n) => [.. Enumerable.Range(0, n).Select(i => (float)i)];

    [Test]
    public void Images_lie_channels_last_and_read_back_in_logical_order()
    {
        var x = Tensor.From(Count(24), [1, 2, 3, 4]);
        Assert.That(x.Layout.Strides.ToArray(), Is.EqualTo(new long[] { 24, 1, 8, 2 }));
        Assert.That(x.ToArray<float>(), Is.EqualTo(Count(24)));
        var y = Tensor.FromChannelsLast<float>(Count(24), [1, 2, 3, 4]);
        Assert.That(y.Select(1, 1).ToArray<float>(), Is.EqualTo(Count(12).Select(v => (2 * v) + 1)));
    }

    [Test]
    public void Casts_truncate_saturate_nothing_and_keep_flags()
    {
        var x = Tensor.From([-1.7f, 0f, 2.9f]);
        Assert.That(x.To(DType.Int64).ToArray<long>(), Is.EqualTo(new long[] { -1, 0, 2 }));
        Assert.That(x.To(DType.Int32).ToArray<int>(), Is.EqualTo(new[] { -1, 0, 2 }));
        Assert.That(x.To(DType.Bool).ToArray<bool>(), Is.EqualTo(new[] { true, false, true }));
        Assert.That(x.To(DType.Float16).To(DType.Float32).ToArray<float>(), Is.EqualTo(new[] { (float)(Half)(-1.7f), 0, (float)(Half)2.9f }));
        Assert.That(x.To(DType.BFloat16).To(DType.Float32).ToArray<float>()[2], Is.EqualTo(2.9f).Within(0.01f));
        Assert.That(x.To(DType.Float32), Is.SameAs(x));
    }

    [Test]
    public void A_cast_passes_its_gradient()
    {
        var x = Tensor.From([1.5f, 2.5f]);
        x.RequiresGrad = true;
        x.To(DType.Float16).To(DType.Float32).Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.All.EqualTo(1f));
    }

    [Test]
    public void CopyFrom_broadcasts_and_casts()
    {
        var x = Tensor.Zeros([2, 3]);
        x.CopyFrom(Tensor.From([1L, 2L, 3L]));
        Assert.That(x.ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 1, 2, 3 }));
        Assert.That(() => x.CopyFrom(Tensor.Zeros([4])), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void A_clone_has_its_own_memory_and_a_view_has_not()
    {
        var x = Tensor.Zeros([2, 3]);
        var (clone, view) = (x.Clone(), x.Narrow(1, 1, 1));
        x.CopyFrom(Tensor.Scalar(5));
        Assert.That(clone.ToArray<float>(), Is.All.Zero);
        Assert.That(view.ToArray<float>(), Is.All.EqualTo(5f));
        view.CopyFrom(Tensor.Scalar(7));
        Assert.That(x.ToArray<float>(), Is.EqualTo(new float[] { 5, 7, 5, 5, 7, 5 }));
    }

    [Test]
    public void Item_takes_exactly_one_element()
    {
        Assert.That(Tensor.From([3L]).Item(), Is.EqualTo(3));
        Assert.That(() => Tensor.Zeros([2]).Item(), Throws.TypeOf<ShapeException>());
        Assert.That(() => Tensor.Zeros([2]).ToArray<long>(), Throws.TypeOf<DTypeException>());
        Assert.That(() => Tensor.From([1f, 2f], [3]), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void Other_devices_say_why_they_are_not_here()
        => Assert.That(() => Device.Parse("tpu"), Throws.TypeOf<DeviceException>().With.Message.Contains("expected cpu"));

    /// <summary>Any chain of permutation, slice with steps, repetition and reshape reads the elements the plain array has.</summary>
    [Test]
    public void Views_and_reshapes_agree_with_a_plain_array()
    {
        var gen = Gen.Select(Gen.Int[1, 4].Array[1, 5], Gen.Int[0, int.MaxValue].Array[8]);
        gen.Sample(s =>
        {
            var (shape, choices) = s;
            using var inner = Scope.Begin();
            var plain = Plain.Of(shape, _ => 0);
            for (int k = 0; k < plain.Data.Length; k++) plain.Data[k] = k;
            var x = Tensor.From(Array.ConvertAll(plain.Data, v => (float)v), shape);
            foreach (int choice in choices) (x, plain) = Change(x, plain, choice);
            Assert.That(x.Shape.ToArray(), Is.EqualTo(plain.Shape));
            Assert.That(x.ToArray<float>(), Is.EqualTo(Array.ConvertAll(plain.Data, v => (float)v)));
        }, iter: 2000);
    }

    static (Tensor, Plain) Change(Tensor x, Plain p, int choice)
    {
        int d = p.Rank == 0 ? 0 : choice / 7 % p.Rank;
        switch (choice % 7)
        {
            case 0 when p.Rank > 1:
                int[] order = new Philox((ulong)choice).Permutation(p.Rank);
                return (x.Permute(order), Plain.Of([.. order.Select(o => p.Shape[o])], i => p[[.. Enumerable.Range(0, p.Rank).Select(k => i[Array.IndexOf(order, k)])]]));
            case 1 when p.Rank > 0 && p.Shape[d] > 1:
                int start = choice / 3 % 2, step = 1 + (choice / 5 % 2), length = (p.Shape[d] - start + step - 1) / step;
                return (x.Narrow(d, start, length, step), p.Along(d, l => [.. Enumerable.Range(0, length).Select(k => l[start + (k * step)])]));
            case 2 when p.Data.Length > 1:
                int[] factors = Factors(p.Data.Length, choice);
                return (x.Reshape(factors.AsSpan()), p.Reshape(factors));
            case 3 when p.Rank < 6:
                return (x.Unsqueeze(d), p.Reshape([.. p.Shape[..d], 1, .. p.Shape[d..]]));
            case 4 when p.Rank > 0 && p.Shape[d] == 1 && p.Data.Length < 500:
                int[] wide = [.. p.Shape];
                wide[d] = 2;
                return (x.Expand(wide), Plain.Of(wide, i => p[[.. i.Select((v, k) => k == d ? 0 : v)]]));
            case 5 when p.Rank > 0:
                return (x.Flip(d), p.Along(d, l => [.. l.Reverse()]));
            default:
                return (x, p);
        }
    }

    /// <summary>A shape of n elements, in an order that the choice decides, with a 1 now and then.</summary>
    static int[] Factors(int n, int choice)
    {
        List<int> factors = [];
        for (int f = 2; n > 1; f++)
            for (; n % f == 0; n /= f) factors.Add(f);
        while (factors.Count > 1 && choice % 3 != 0)
        {
            factors[0] *= factors[^1];
            factors.RemoveAt(factors.Count - 1);
            choice /= 3;
        }
        if (choice % 2 == 0) factors.Insert(choice / 2 % (factors.Count + 1), 1);
        int[] order = new Philox((ulong)choice).Permutation(factors.Count);
        return [.. order.Select(o => factors[o])];
    }

    [Test]
    public void Negation_and_scaling_keep_the_sign_of_zero()
    {
        var x = Tensor.From([0f, -0f, 1f], [3]);
        bool[] Negative(Tensor t) => Array.ConvertAll(t.ToArray<float>(), float.IsNegative);
        Assert.That(Negative(-x), Is.EqualTo(new[] { true, false, true }));
        Assert.That(Negative(x * 2), Is.EqualTo(new[] { false, true, false }));
        Assert.That(Negative(-2 * x), Is.EqualTo(new[] { true, false, true }));
        Assert.That(Negative(x + 0), Is.EqualTo(new[] { false, false, false }), "-0 + 0 is 0");
    }

    [Test]
    public void The_gradient_of_relu_passes_where_the_input_is_not_a_number()
    {
        var x = Tensor.From([float.NaN, -1f, 0f, 2f], [4]);
        x.RequiresGrad = true;
        (x.Relu() * Tensor.From([3f, 3f, 3f, 3f], [4])).Sum().Backward();
        Assert.That(x.Grad!.ToArray<float>(), Is.EqualTo(new[] { 3f, 0f, 0f, 3f }));
    }

    [Test]
    public void A_grid_may_sample_a_plane_whose_elements_float32_cannot_count()
    {
        // Elements alternate 0, 1: half an element further is .5. The position in float32 would have no fraction.
        using var scope = Scope.Begin();
        const int n = (1 << 24) + 2;
        var line = Tensor.From([0f, 1f], [1, 1, 1, 2]).Expand([n / 2, 1, 1, 2]).Reshape(1, 1, 1, n);
        float g = 1 - (2f / (1 << 24));
        double at = (((g + 1.0) * n) - 1) / 2, from = Math.Floor(at);
        double expected = from % 2 == 0 ? at - from : 1 - (at - from);
        Assert.That(expected, Is.EqualTo(0.5).Within(0.2), "a position between two elements");
        Assert.That(line.GridSample(Tensor.From([g, 0f], [1, 1, 1, 2])).ToArray<float>()[0], Is.EqualTo((float)expected).Within(1e-6f));
    }
}
