using Tessera.NN;

namespace Tessera.Tests;

/// <summary>Mixup and CutMix against the same written out item by item.</summary>
public sealed class MixingTests
{
    [TestCase(1.0), TestCase(0.5), TestCase(2.0)]
    public void BetaNumbersAreDistributedAsTheyShould(double alpha)
    {
        const int n = 4000;
        double[] b = [.. Enumerable.Range(0, n).Select(i => Beta.Sample(alpha, new Philox(3, (ulong)i))).Order()];
        Func<double, double> cdf = alpha switch
        {
            1 => x => x,
            2 => x => x * x * (3 - (2 * x)),
            _ => x => 2 / Math.PI * Math.Asin(Math.Sqrt(x)),
        };
        double distance = b.Index().Max(x => Math.Max(Math.Abs(cdf(x.Item) - ((double)x.Index / n)), Math.Abs(cdf(x.Item) - ((x.Index + 1.0) / n))));
        Assert.That(distance, Is.LessThan(1.63 / Math.Sqrt(n)), "Kolmogorov-Smirnov at 1 %");
    }

    [TestCase(0.4), TestCase(0.01), TestCase(50)]
    public void BetaNumbersHaveTheirVariance(double alpha)
    {
        double[] b = [.. Enumerable.Range(0, 4000).Select(i => Beta.Sample(alpha, new Philox(4, (ulong)i)))];
        Assert.That(b, Is.All.InRange(0, 1));
        Assert.That(b.Average(), Is.EqualTo(0.5).Within(0.03));
        Assert.That(b.Average(x => (x - 0.5) * (x - 0.5)), Is.EqualTo(1 / (4 * ((2 * alpha) + 1))).Within(6).Percent);
    }

    [Test]
    public void MixupMixesInputsAndLosses()
    {
        var mixup = new Mixup();
        int batches = 0;
        Watch(Toy.Learner(), mixup, (x, mixed, y, output, loss, random) =>
        {
            int n = y.Length, size = x.Length / n;
            int[] partner = random.At(0, 0).Permutation(n);
            float[] w = [.. mixup.Weights];
            Assert.That(w, Is.All.InRange(0.5f, 1f));
            Assert.That(mixed, Is.EqualTo(Enumerable.Range(0, x.Length).Select(i => (w[i / size] * x[i]) + ((1 - w[i / size]) * x[(partner[i / size] * size) + (i % size)]))).Within(1e-6f));
            Assert.That(loss, Is.EqualTo(Enumerable.Range(0, n).Average(i => (w[i] * CrossEntropy(output, i, y[i])) + ((1 - w[i]) * CrossEntropy(output, i, y[partner[i]])))).Within(1e-5));
            batches++;
        });
        Assert.That(batches, Is.EqualTo(6));
    }

    [Test]
    public void CutMixCutsAndMixesLosses()
    {
        var cut = new CutMix();
        List<float> weights = [];
        Watch(Images(), cut, (x, mixed, y, output, loss, random) =>
        {
            const int h = 5, w = 7, plane = h * w;
            int[] partner = random.At(0, 0).Permutation(y.Length);
            var (rows, columns) = cut.Cut;
            float[] expected = [.. Enumerable.Range(0, x.Length).Select(i =>
            {
                var (item, row, column) = (i / (2 * plane), i % plane / w, i % w);
                bool inside = row >= rows.Start.Value && row < rows.End.Value && column >= columns.Start.Value && column < columns.End.Value;
                return x[inside ? i + ((partner[item] - item) * 2 * plane) : i];
            })];
            Assert.That(mixed, Is.EqualTo(expected));
            int area = (rows.End.Value - rows.Start.Value) * (columns.End.Value - columns.Start.Value);
            float kept = 1 - ((float)area / plane);
            Assert.That(cut.Weight, Is.EqualTo(kept));
            Assert.That(loss, Is.EqualTo(Enumerable.Range(0, y.Length).Average(i => (kept * CrossEntropy(output, i, y[i])) + ((1 - kept) * CrossEntropy(output, i, y[partner[i]])))).Within(1e-5));
            weights.Add(kept);
        });
        Assert.That(weights.Distinct().Count(), Is.GreaterThan(3), "rectangles of many sizes");
    }

    [Test]
    public void ValidationSeesTheItemsThemselves()
    {
        var learn = Toy.Learner();
        learn.Fit(1, callbacks: [new Mixup()]);
        Assert.That(learn.Recorder.ValidLosses[^1], Is.EqualTo(learn.Validate().Loss));
    }

    [Test]
    public void ASeedRepeatsTheMixing()
    {
        double[] Losses()
        {
            var learn = Toy.Learner();
            learn.Fit(2, callbacks: [new Mixup(0.2)]);
            return [.. learn.Recorder.BatchLosses];
        }
        double[] first = Losses(), again = Losses();
        Assert.That(again, Is.EqualTo(first));
    }

    [Test]
    public void WhatCannotBeMixedIsAnError()
    {
        Assert.That(() => new Mixup(0), Throws.TypeOf<TesseraException>().With.Message.StartsWith("Mixup: alpha: got 0, expected a positive number."));
        Assert.That(() => Toy.Learner().Fit(1, callbacks: [new CutMix()]), Throws.TypeOf<ShapeException>().With.Message.Contains("expected images [N, C, H, W]"));
    }

    delegate void See(float[] x, float[] mixed, long[] y, float[] output, double loss, Philox random);

    /// <summary>Shows each training batch before and after the callback, the output, the loss, and the stream that the callback drew from.</summary>
    static void Watch(Learner learn, Callback callback, See see)
    {
        float[] x = [], mixed = [];
        Philox random = default;
        Probe before = new()
        {
            At = -1,
            Event = (e, s) =>
            {
                if (e is not "batch_begin" || !s.IsTraining) return;
                x = s.X.ToArray<float>();
                random = new Philox(Generator.Default.SeedValue, Generator.Default.Position + 1);
            }
        };
        Probe after = new()
        {
            At = 1,
            Event = (e, s) =>
            {
                if (e is "batch_begin") mixed = s.X.ToArray<float>();
                if (e is "backward_begin") see(x, mixed, s.Y.ToArray<long>(), s.Output.ToArray<float>(), s.LossValue, random);
            }
        };
        learn.Fit(1, callbacks: [before, callback, after]);
    }

    static Learner Images()
    {
        Generator.Seed(2);
        using var scope = Scope.Begin();
        var data = new TensorDataset(Tensor.Normal([48, 2, 5, 7], new Philox(1)), Tensor.From([.. Enumerable.Range(0, 48).Select(i => (long)(i % 3))], [48]));
        return new Learner(new DataBunch(new DataLoader(data, 8, workers: 0)), new Sequential(new Flatten(), new Linear(70, 3)), new CrossEntropyLoss()) { Display = null };
    }

    static double CrossEntropy(float[] output, int item, long label)
    {
        double[] logits = [.. output.Skip(item * 3).Take(3).Select(o => (double)o)];
        return Math.Log(logits.Sum(Math.Exp)) - logits[label];
    }
}
