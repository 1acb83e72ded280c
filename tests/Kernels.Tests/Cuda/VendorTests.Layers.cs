using Tessera.Cuda;
using Tessera.Testing;
using static Tessera.Tests.Arrays;

namespace Tessera.Tests;

/// <content>cuDNN's layers: what it takes, it takes; what it has no form for, Tessera's kernels do.</content>
public sealed partial class VendorTests
{
    /// <summary>The results of some work by the backend with libraries and by the CPU; they agree. Gives how often cuDNN was called.</summary>
    static int Layer(double tolerance, Func<Backend, View[]> work)
    {
        int before = VendorStandIn.Count("layer_calls");
        View[] ours = work(Backend()), expected = work(cpu);
        int calls = VendorStandIn.Count("layer_calls") - before;
        for (int i = 0; i < ours.Length; i++) Assert.That(Views.Get<float>(ours[i]), Is.EqualTo(Views.Get<float>(expected[i])).Within(tolerance), $"result {i}");
        return calls;
    }

    [Test]
    public void Softmax_along_every_dimension([Values("5 7", "3 4 6", "2 5 3 4")] string dims, [Values] bool log)
    {
        Shape shape = new([.. dims.Split(' ').Select(int.Parse)]);
        View x = Views.Of(shape, Normal(shape.Count, 1)), g = Views.Of(shape, Normal(shape.Count, 2));
        for (int dim = 0; dim < shape.Rank; dim++)
        {
            int calls = Layer(2e-6, k =>
            {
                View y = Views.Empty<float>(shape), gx = Views.Empty<float>(shape);
                k.Softmax(x, y, dim, log);
                k.SoftmaxBackward(g, y, gx, dim, log);
                return [y, gx];
            });
            Assert.That(calls, Is.EqualTo(2), $"dimension {dim}");
        }
    }

    [Test]
    public void A_softmax_of_a_view_is_ours()
    {
        View x = Views.Of([6, 8], Normal(48, 1)).Permute(1, 0);
        Assert.That(Layer(1e-6, k => [SoftmaxOf(k, x)]), Is.Zero);
    }

    static IEnumerable<TestCaseData> Pools()
    {
        yield return new TestCaseData(new Window2d(3, 3, 2, 2, 1, 1, 1, 1), 3);
        yield return new TestCaseData(new Window2d(2, 3, 1, 2), 3);
        yield return new TestCaseData(new Window2d(2, 2, 2, 2, 0, 0, 1, 0), 0); // padded below alone
        yield return new TestCaseData(new Window2d(2, 2, DilationH: 2), 0);
    }

    [TestCaseSource(nameof(Pools))]
    public void Pools_and_the_gradients_of_means(Window2d window, int expectedCalls)
    {
        Shape of = [2, 5, 9, 8], to = [2, 5, window.OutH(9), window.OutW(8)];
        float[] numbers = Normal(of.Count, 1);
        numbers[17] = float.NaN;
        View x = Views.Of(of, numbers), g = Views.Of(to, Normal(to.Count, 2));
        foreach (bool count in (bool[])[false, true])
        {
            int calls = Layer(1e-6, k =>
            {
                View largest = Views.Empty<float>(to), mean = Views.Empty<float>(to), gx = Views.Empty<float>(of);
                k.MaxPool2d(x, largest, null, window);
                k.AvgPool2d(x, mean, window, count);
                k.AvgPool2dBackward(g, gx, window, count);
                return [largest, mean, gx];
            });
            Assert.That(calls, Is.EqualTo(expectedCalls));
        }
    }

    [Test]
    public void A_maximum_whose_place_is_wanted_is_ours()
    {
        var window = new Window2d(2, 2, 2, 2);
        View x = Views.Of([1, 3, 4, 4], Normal(48, 1));
        int calls = Layer(0, k =>
        {
            View y = Views.Empty<float>([1, 3, 2, 2]), at = Views.Empty<int>([1, 3, 2, 2]), gx = Views.Empty<float>([1, 3, 4, 4]);
            k.MaxPool2d(x, y, at, window);
            k.MaxPool2dBackward(y, at, gx, window);
            return [y, gx];
        });
        Assert.That(calls, Is.Zero);
    }

    // Forward with given statistics, forward with the batch's, backward: the gradient behind a ReLU is ours, and 13 channels are too.
    [TestCase("4 6 3 5", false, false, 4)]
    [TestCase("9 6", false, false, 4)]
    [TestCase("4 6 3 5", true, false, 2)]
    [TestCase("4 6 3 5", true, true, 2)]
    [TestCase("2 13 3 3", false, false, 4)] // refused each: asked once, and once more for the second half of the first
    public void Batch_norm(string dims, bool relu, bool withResidual, int expectedCalls)
    {
        Shape shape = new([.. dims.Split(' ').Select(int.Parse)]);
        int C = shape[1];
        View x = Views.Of(shape, [.. Normal(shape.Count, 1).Select(v => (v * 3) + 5)]), g = Views.Of(shape, Normal(shape.Count, 2)), w = Views.Of([C], Normal(C, 3)), b = Views.Of([C], Normal(C, 4));
        View? residual = withResidual ? Views.Of(shape, Normal(shape.Count, 5)) : null;
        int calls = Layer(3e-5, k =>
        {
            View y = Views.Empty<float>(shape), z = Views.Empty<float>(shape), moments = Views.Empty<float>([2, C]), gx = Views.Empty<float>(shape), gw = Views.Empty<float>([C]), gb = Views.Empty<float>([C]);
            View? gr = withResidual ? Views.Empty<float>(shape) : null;
            k.BatchNormOfBatch(x, moments, 1e-5f, w, b, residual, relu, y);
            var norm = new ChannelNorm(moments.Slice(0, 0, 1).Reshape([C]), moments.Slice(0, 1, 1).Reshape([C]), 1e-5f, w, b);
            k.BatchNorm(x, norm, residual, relu, z);
            k.BatchNormBackward(g, x, withResidual && relu ? y : null, norm, relu, given: false, gx, gr, gw, gb);
            return gr is { } r ? [moments, y, z, gx, gw, gb, r] : [moments, y, z, gx, gw, gb];
        });
        Assert.That(calls, Is.EqualTo(expectedCalls));
    }

    [Test]
    public void What_was_refused_is_not_asked_again()
    {
        var backend = Backend();
        Window2d large = new(5, 5), small = new(2, 2);
        foreach (var (channels, window, first, later) in new[] { (13, large, 8, 0), (6, small, 8, 8) }) // the gradient of a batch norm is two of the calls
        {
            Shape of = [2, channels, 6, 5], to = [2, channels, window.OutH(6), window.OutW(5)];
            View x = Views.Of(of, Normal(of.Count, 1)), g = Views.Of(of, Normal(of.Count, 2)), gy = Views.Of(to, Normal(to.Count, 3)), m = Views.Of([2, channels], new float[2 * channels]);
            View mean = Views.Of([channels], Normal(channels, 4)), var = Views.Of([channels], [.. Normal(channels, 5).Select(v => 1 + (v * v))]);
            View[] Results(Backend k)
            {
                View[] y = [.. Enumerable.Range(0, 5).Select(_ => Views.Empty<float>(of))], pooled = [Views.Empty<float>(to), Views.Empty<float>(to)];
                ChannelNorm norm = new(mean, var, 1e-5f, mean, mean);
                k.BatchNorm(x, norm, null, relu: false, y[0]);
                k.BatchNormBackward(g, x, null, norm, relu: false, given: false, y[1], null, null, null);
                k.MaxPool2d(x, pooled[0], null, window);
                k.AvgPool2d(x, pooled[1], window, countPadding: true);
                k.AvgPool2dBackward(gy, y[2], window, countPadding: true);
                k.Softmax(x, y[3], 1, log: true);
                k.SoftmaxBackward(g, y[3], y[4], 1, log: true);
                return [.. y, .. pooled];
            }
            View[] expected = Results(cpu);
            for (int round = 0; round < 3; round++)
            {
                int before = VendorStandIn.Count("layer_calls");
                View[] results = Results(backend);
                Assert.That(VendorStandIn.Count("layer_calls") - before, Is.EqualTo(round == 0 ? first : later), $"{channels} channels, round {round}");
                for (int i = 0; i < results.Length; i++) Assert.That(Views.Get<float>(results[i]), Is.EqualTo(Views.Get<float>(expected[i])).Within(3e-5), $"result {i}");
            }
        }
    }

    [Test]
    public void A_batch_norm_without_scale_and_shift()
    {
        View x = Views.Of([3, 4, 2, 2], Normal(48, 1));
        int calls = Layer(1e-5, k =>
        {
            View y = Views.Empty<float>([3, 4, 2, 2]), moments = Views.Empty<float>([2, 4]), gx = Views.Empty<float>([3, 4, 2, 2]);
            k.BatchNormOfBatch(x, moments, 1e-5f, null, null, null, relu: false, y);
            k.Copy(x, gx);
            k.BatchNormBackward(gx, x, null, new ChannelNorm(moments.Slice(0, 0, 1).Reshape([4]), moments.Slice(0, 1, 1).Reshape([4]), 1e-5f), relu: false, given: false, gx, null, null, null);
            return [moments, y, gx];
        });
        Assert.That(calls, Is.EqualTo(3));
    }

    [Test]
    public void Without_being_asked_cuDNN_computes_no_layers()
    {
        VendorStandIn.Forget();
        View x = Views.Of([5, 7], Normal(35, 1));
        Assert.That(Layer(1e-6, k => [SoftmaxOf(k, x)]), Is.Zero);
    }

    static View SoftmaxOf(Backend k, View x)
    {
        View y = Views.Empty<float>(x.Shape);
        k.Softmax(x, y, 1, log: false);
        return y;
    }
}
