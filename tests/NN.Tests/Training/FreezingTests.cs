using Tessera.NN;

namespace Tessera.Tests;

public sealed class FreezingTests
{
    [Test]
    public void FrozenGroupsStandStillButTheirBatchNormsLearnAndMove()
    {
        var learn = Toy.Learner().Freeze();
        var before = Toy.State(learn.Model);
        learn.Fit(1, 1e-2f);
        var after = Toy.State(learn.Model);

        Assert.That(after["0.0.weight"], Is.EqualTo(before["0.0.weight"]));
        Assert.That(after["0.0.bias"], Is.EqualTo(before["0.0.bias"]), "weight decay leaves frozen parameters alone");
        foreach (string live in (string[])["0.1.weight", "0.1.bias", "0.1.running_mean", "0.1.running_var", "1.weight", "1.bias"])
            Assert.That(after[live], Is.Not.EqualTo(before[live]), live);
    }

    [Test]
    public void WithoutTrainBnOnlyStatisticsMove()
    {
        var learn = Toy.Learner();
        learn.TrainBn = false;
        learn.Freeze();
        var before = Toy.State(learn.Model);
        learn.Fit(1, 1e-2f);
        var after = Toy.State(learn.Model);

        Assert.That(after["0.1.weight"], Is.EqualTo(before["0.1.weight"]));
        Assert.That(after["0.1.running_mean"], Is.Not.EqualTo(before["0.1.running_mean"]));
    }

    [Test]
    public void BatchNormFreezeHoldsTheStatisticsToo()
    {
        var learn = Toy.Learner();
        learn.TrainBn = false;
        learn.Freeze();
        var before = Toy.State(learn.Model);
        learn.Fit(2, 1e-2f, callbacks: [new BatchNormFreeze()]);
        Assert.That(Toy.State(learn.Model)["0.1.running_mean"], Is.EqualTo(before["0.1.running_mean"]));
    }

    [Test]
    public void BatchNormFreezeOfAPartHoldsTheStatisticsAfterUnfreezingToo()
    {
        var learn = Toy.Learner();
        var before = Toy.State(learn.Model);
        learn.Fit(2, 1e-2f, callbacks: [new BatchNormFreeze(learn.Model)]);
        var after = Toy.State(learn.Model);
        Assert.That(after["0.1.running_mean"], Is.EqualTo(before["0.1.running_mean"]));
        Assert.That(after["0.1.weight"], Is.Not.EqualTo(before["0.1.weight"]), "scale and shift learn");
    }

    [Test]
    public void AFrozenBodyIsNotRecorded()
    {
        var learn = Toy.Learner();
        learn.TrainBn = false;
        learn.Freeze();
        bool? recorded = null;
        using (Module.Watch((module, _, y) => recorded ??= module is BatchNorm1d ? y.RequiresGrad : null)) learn.Fit(1);
        Assert.That(recorded, Is.False, "a body without trained parameters costs no backward pass");
    }

    [Test]
    public void FreezingReplacesTheOptimizerAndFittingKeepsIt()
    {
        var learn = Toy.Learner();
        Assert.That(learn.Optimizer, Is.Null);
        learn.Fit(1);
        var first = learn.Optimizer;
        learn.FitOneCycle(1);
        Assert.That(learn.Optimizer, Is.SameAs(first));
        Assert.That(learn.Freeze().Optimizer, Is.Null);
        learn.Fit(1);
        Assert.That(learn.Optimizer, Is.Not.SameAs(first));
        Assert.That(learn.Unfreeze().Optimizer, Is.Null);
        Assert.That(learn.Model.Parameters().All(p => p.RequiresGrad));
    }

    [Test]
    public void EachLayerGroupIsWeightsThenVectorsAtItsOwnRate()
    {
        var learn = Toy.Learner();
        learn.BnWd = false;
        learn.Fit(1, new LearningRate(1e-4, 1e-2), wd: 0.2);
        var groups = learn.Optimizer!.Groups;
        Assert.That(groups.Select(g => g.Parameters.Count), Is.EqualTo(new[] { 1, 3, 1, 1 }));
        Assert.That(groups.Select(g => g.Lr), Is.EqualTo(new[] { 1e-4, 1e-4, 1e-2, 1e-2 }));
        Assert.That(groups.Select(g => g.WeightDecay), Is.EqualTo(new[] { 0.2, 0, 0.2, 0 }));
        learn.BnWd = true;
        learn.Fit(1);
        Assert.That(groups.Select(g => g.WeightDecay), Is.All.EqualTo(0.01));
        Assert.That(groups.Select(g => g.Lr), Is.EqualTo(new[] { 3e-4, 3e-4, 3e-3, 3e-3 }).Within(1e-15), "slice(3e-3) is the default");
    }

    [Test]
    public void FreezeToCountsFromTheEndToo()
    {
        var learn = Toy.Learner();
        Assert.That(learn.FreezeTo(-1).FrozenTo, Is.EqualTo(1));
        Assert.That(() => learn.FreezeTo(3), Throws.TypeOf<TesseraException>().With.Message.Contains("got 3"));
    }

    [Test]
    public void NewGroupsLeaveFrozenWhatIs()
    {
        var learn = Toy.Learner().Freeze();
        var body = (Sequential)((Sequential)learn.Model)[0];
        learn.TrainBn = false;
        learn.Freeze();
        learn.Split(body[1], ((Sequential)learn.Model)[1]);
        Assert.That((learn.LayerGroups.Count, learn.FrozenTo), Is.EqualTo((3, 2)));
        learn.LayerGroups = [new LayerGroup("all", learn.Model)];
        Assert.That(learn.FrozenTo, Is.EqualTo(1), "not all of it learns");
        Assert.That(learn.Unfreeze().Split(((Sequential)learn.Model)[1]).FrozenTo, Is.Zero);
    }

    [Test]
    public void SplitCutsBeforeTheFirstLayerOfAModule()
    {
        var model = Toy.Model();
        var body = (Sequential)model[0];
        var groups = LayerGroup.Split(model, body[1], model[1]);
        Assert.That(groups.Select(g => g.Modules), Is.EqualTo(new[] { new[] { body[0] }, [body[1], body[2]], [model[1]] }));
        Assert.That(() => LayerGroup.Split(model, model[1], body[1]), Throws.TypeOf<TesseraException>());
        Assert.That(() => LayerGroup.Split(model, new Relu()), Throws.TypeOf<TesseraException>());
    }
}
