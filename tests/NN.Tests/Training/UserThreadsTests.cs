using Tessera.NN;

namespace Tessera.Tests;

[NonParallelizable]
public sealed class UserThreadsTests
{
    const int Users = 8, Repeats = 6;

    /// <summary>Threads of the caller that compute at once share the compute threads or do without: each gets the numbers it gets alone.</summary>
    [Test]
    [CancelAfter(120_000)]
    public void UserThreadsAtOnceGetTheBitsTheyGetAlone([Values(1, 2, 3)] int threads, CancellationToken cancellation)
    {
        int before = CpuThreads.Count;
        CpuThreads.Count = threads;
        try
        {
            float[][] alone = [.. Enumerable.Range(0, Users).Select(Work)];
            var together = new float[Users][];
            var failures = new Exception?[Users];
            using var start = new Barrier(Users);
            Thread[] users = [.. Enumerable.Range(0, Users).Select(u => new Thread(() =>
            {
                try
                {
                    start.SignalAndWait(cancellation);
                    for (int i = 0; i < Repeats; i++)
                    {
                        together[u] = Work(u);
                        if (!together[u].AsSpan().SequenceEqual(alone[u])) break;
                    }
                }
                catch (Exception e)
                {
                    failures[u] = e;
                }
            }) { IsBackground = true })];
            foreach (var user in users) user.Start();
            Assert.That(Array.TrueForAll(users, u => u.Join(TimeSpan.FromSeconds(100))), Is.True, "a call does not return");
            Assert.That(failures, Is.All.Null);
            Assert.That(together, Is.EqualTo(alone));
        }
        finally
        {
            CpuThreads.Count = before;
        }
    }

    /// <summary>A product, and a step through convolutions, batch norm and pooling: outputs and gradients.</summary>
    static float[] Work(int user)
    {
        using var scope = Scope.Begin();
        var random = new Philox((ulong)user + 1);
        Tensor a = Tensor.Normal([70, 130], random), b = Tensor.Normal([130, 90], random.At(1, 0));
        Tensor w = Tensor.Normal([24, 8, 3, 3], random.At(2, 0)), v = Tensor.Normal([16, 24, 1, 1], random.At(3, 0));
        w.RequiresGrad = v.RequiresGrad = true;
        var x = Tensor.Normal([4, 8, 20 + user, 22], random.At(4, 0));
        var norm = new BatchNorm2d(24);
        var y = norm.Call(x.Conv2d(w, padding: 1)).Relu().MaxPool2d(2).Conv2d(v).Square().Mean();
        y.Backward();
        return [.. a.MatMul(b).ToArray<float>(), y.Item(), .. w.Grad!.ToArray<float>(), .. v.Grad!.ToArray<float>()];
    }
}
