using Tessera.NN;

namespace Tessera.Tests.Training;

public sealed class InspectionTests
{
    /// <summary>A convolution, its batch norm and its ReLU run as one in networks: guided, they are what they are one by one.</summary>
    [TestCase(true)]
    [TestCase(false)]
    public void GuidanceReachesReluInsideFusedSteps(bool norm)
    {
        Generator.Seed(5);
        Module[] layers = [new Conv2d(2, 4, 3, padding: 1), .. norm ? new Module[] { new BatchNorm2d(4) } : [], new Relu(), new Conv2d(4, 3, 3), new Relu()];
        var model = new Sequential(layers);
        float[] Gradient(Func<Tensor, Tensor> f)
        {
            var x = Tensor.Normal([2, 2, 6, 6], new Philox(9));
            x.RequiresGrad = true;
            using (Autograd.Guided()) f(x).Sum().Backward();
            return x.Grad!.ToArray<float>();
        }

        using var inspecting = model.Inspecting();
        float[] fused = Gradient(x => model.Call(x));
        Assert.That(fused, Is.EqualTo(Gradient(x => layers.Aggregate(x, (y, m) => m.Forward(y)))).Within(1e-6f));
        var plain = Tensor.Normal([2, 2, 6, 6], new Philox(9));
        plain.RequiresGrad = true;
        model.Call(plain).Sum().Backward();
        Assert.That(fused, Is.Not.EqualTo(plain.Grad!.ToArray<float>()).Within(1e-3f));
    }

    [Test]
    public void InspectionLeavesNoTrace()
    {
        var model = new Sequential(new Linear(3, 4), new BatchNorm1d(4), new Dropout(0.5), new Linear(4, 2));
        model[0].RequiresGrad(false);
        model[1].Eval();
        using (model.Inspecting())
        {
            Assert.That(model.Parameters().Any(p => p.RequiresGrad) || model.NamedModules().Any(m => m.Module.IsTraining), Is.False);
            var x = Tensor.Ones([2, 3]);
            x.RequiresGrad = true;
            model.Call(x).Sum().Backward();
            Assert.That(x.Grad, Is.Not.Null);
        }
        Assert.That(model.Parameters().All(p => p.Grad is null));
        Assert.That(model.Select(m => m.IsTraining), Is.EqualTo(new[] { true, false, true, true }));
        Assert.That(model.Select(m => m.Parameters().All(p => p.RequiresGrad)), Is.EqualTo(new[] { false, true, true, true }));
    }

    static Learner WithDropout(double p)
    {
        Generator.Seed(2);
        var model = new Sequential(new Linear(6, 8), new BatchNorm1d(8), new Dropout(p), new Linear(8, 3));
        var set = new TensorDataset(Tensor.Normal([8, 6], new Philox(4)), Tensor.Zeros([8], DType.Int64));
        return new Learner(new DataBunch(new DataLoader(set, 4, workers: 0)), model, new CrossEntropyLoss()) { Display = null };
    }

    [Test]
    public void DropoutPredictionsAreRepeatedByTheSeedAndAverageToThePlainOneWhereNothingDrops()
    {
        var learner = WithDropout(0.5);
        var x = Tensor.Normal([5, 6], new Philox(8));
        float[] statistics = ((BatchNorm1d)((Sequential)learner.Model)[1]).RunningMean.ToArray<float>();
        ulong position = Generator.Default.Position;
        var p = learner.PredictWithMonteCarloDropout(x, times: 4, seed: 1);
        Assert.That(p.Shape, Is.EqualTo(new Shape(4, 5, 3)));
        float[][] rows = [.. p.ToArray<float>().Chunk(15)];
        Assert.That(rows.Select(r => r[0]).Distinct().Count(), Is.EqualTo(4));
        Assert.That(learner.PredictWithMonteCarloDropout(x, 4, 1).ToArray<float>(), Is.EqualTo(p.ToArray<float>()));
        Assert.That(learner.PredictWithMonteCarloDropout(x, 4, 2).ToArray<float>(), Is.Not.EqualTo(p.ToArray<float>()));
        Assert.That((Generator.Default.Position, Generator.Default.SeedValue), Is.EqualTo((position, 2UL)));
        Assert.That(((BatchNorm1d)((Sequential)learner.Model)[1]).RunningMean.ToArray<float>(), Is.EqualTo(statistics), "batch norms stay in evaluation mode");
        Assert.That(learner.Model.NamedModules().All(m => m.Module.IsTraining));

        var sure = WithDropout(0);
        Assert.That(sure.PredictWithMonteCarloDropout(x, 2).ToArray<float>()[15..], Is.EqualTo(sure.Predict(x).ToArray<float>()));
    }

    [Test]
    public void DropoutPredictionsNeedDropout()
    {
        var learner = WithDropout(0.5);
        Assert.That(() => learner.PredictWithMonteCarloDropout(Tensor.Ones([1, 6]), times: 0), Throws.TypeOf<TesseraException>().With.Message.Contains("got 0"));
        var plain = new Learner(learner.Data, new Linear(6, 3), new CrossEntropyLoss());
        Assert.That(() => plain.PredictWithMonteCarloDropout(Tensor.Ones([1, 6])), Throws.TypeOf<TesseraException>().With.Message.Contains("nothing is random"));
    }
}
