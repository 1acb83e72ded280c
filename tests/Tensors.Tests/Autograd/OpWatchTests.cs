namespace Tessera.Tests;

public sealed class OpWatchTests
{
    [Test]
    public void WhoWatchesSeesEachOperationOnceWithItsArguments()
    {
        var x = Tensor.From([1f, 2, 3, 4], [2, 2]);
        List<OpCall> seen = [];
        Tensor y;
        using (Op.Watch(seen.Add)) y = (x.LogSumExp(1) + x.LeakyRelu(0.5f)).Softmax(0);
        _ = x.Exp();
        Assert.That(seen.Select(c => c.Op.Name), Is.EqualTo(new[] { "LogSumExp", "Reshape", "LeakyRelu", "Add", "Softmax" }));
        Assert.That(seen[0].Inputs, Is.EqualTo(new[] { x }));
        Assert.That(seen[3].Inputs, Is.EqualTo(new[] { seen[1].Output, seen[2].Output }));
        Assert.That(seen[^1].Output, Is.SameAs(y));
        Assert.That(seen[2].Op.Arguments["parameters"], Is.EqualTo(new[] { 0.5f }));
        Assert.That(seen[^1].Op.Arguments["dim"], Is.Zero);
        Assert.That(seen[0].Op.Arguments, Is.Empty);
        Assert.That(() => Op.Watch(null!), Throws.ArgumentNullException);
    }

    [Test]
    public void AnErrorInsideAnOperationDoesNotEndTheWatching()
    {
        int n = 0;
        using (Op.Watch(_ => n++))
        {
            Assert.That(() => Tensor.Cat([Tensor.Ones([1, 2]), Tensor.Ones([1, 3])]), Throws.InstanceOf<ShapeException>());
            _ = Tensor.Ones([2]) + Tensor.Ones([2]);
        }
        Assert.That(n, Is.EqualTo(1));
    }
}
