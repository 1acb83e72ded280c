using System.Globalization;
using Tessera.NN;

namespace Tessera.Benchmarks;

/// <summary>Operations that are bound by memory, against a copy that moves as many bytes.</summary>
static class PassWorks
{
    public static IEnumerable<Work> All => MemoryPass.All.Select(p => new Work(p.Name, b => [Measure(b, p)]));

    static Row Measure(Bench bench, MemoryPass pass)
    {
        using var scope = Scope.Begin();
        var work = pass.Create(bench.Size.IsTiny);
        var copy = new CopyPass(work.Bytes / 2);
        var (ours, theirs, _) = bench.Sampling.Compare(work.Run, copy.Ways);
        string note = string.Create(CultureInfo.InvariantCulture, $"{pass.Counted}; {work.Bytes / 1e6:0} MB");
        if (pass.OnlyReads)
        {
            double read = bench.Sampling.For(bench.Sampling.Seconds / 4).Alternate(copy.Read)[0].Milliseconds;
            note += string.Create(CultureInfo.InvariantCulture, $"; the sum of as many: {work.Bytes / read / 1e6:0} GB/s");
        }
        return Row.OfRates(new Target(pass.Name, "copy", pass.Gate), work.Bytes, "GB/s", ours, theirs, note);
    }
}

/// <summary>An operation bound by memory.</summary>
/// <param name="Name">What tables call it.</param>
/// <param name="Counted">Which bytes count: those that must be read and written at least.</param>
/// <param name="Gate">The share of copy bandwidth it must reach; null where none is asked.</param>
/// <param name="Create">Makes it, tiny or whole.</param>
/// <param name="OnlyReads">Whether next to nothing is written: then the sum of a tensor says what reading can reach.</param>
sealed record MemoryPass(string Name, string Counted, double? Gate, Func<bool, RunningPass> Create, bool OnlyReads = false)
{
    const double Share = 0.8;

    // STREAM's rule (McCalpin 1995): arrays of at least four times the last cache, so that memory is measured. 205 MB where nobody tells how large that is.
    static readonly int batch = (int)Math.Clamp(((4 * Tessera.Cpu.Caches.Last / MapBytes) + 15) / 16 * 16, 64, 256);

    const long MapBytes = 64 * 112 * 112 * sizeof(float);

    public static IReadOnlyList<MemoryPass> All { get; } =
    [
        new("max pool 3x3/2 forward", "x read, y written", Share, tiny => Forward(Map(tiny, 112), x => x.MaxPool2d(3, 2, 1), 1.25)),
        new("max pool 3x3/2, training, forward", "x read, y and positions written", null, tiny => Forward(Map(tiny, 112), x => x.MaxPool2d(3, 2, 1), 1.5, recorded: true)),
        new("global average pool forward", "x read", Share, tiny => Forward(Map(tiny, 112), x => x.AdaptiveAvgPool2d(1, 1), 1), OnlyReads: true),
        new("global max pool forward", "x read", Share, tiny => Forward(Map(tiny, 112), x => x.AdaptiveMaxPool2d(1, 1), 1), OnlyReads: true),
        new("cross-entropy forward+backward", "logits read, gradient written", Share, CrossEntropy),
        new("AdamW step, 22 million parameters", "w m v read and written, g read", Share, AdamW),
        new("ReLU forward", "x read, y written", null, tiny => Forward(Map(tiny, 112), x => x.Relu(), 2)),
        new("addition forward", "a and b read, y written", null, tiny => Sum(Map(tiny, 112), Map(tiny, 112))),
        new("batch norm, training, forward", "x read twice, y written", null, tiny => Forward(Map(tiny, 112), new BatchNorm2d(64).Forward, 3)),
    ];

    static Tensor Map(bool tiny, int side) => Tensor.Normal([tiny ? 1 : batch, 64, tiny ? 8 : side, tiny ? 8 : side], new Philox(1));

    static RunningPass Forward(Tensor x, Func<Tensor, Tensor> f, double passes, bool recorded = false)
    {
        x.RequiresGrad = recorded;
        return new((long)(x.Count * sizeof(float) * passes), () =>
        {
            using var scope = Scope.Begin();
            if (recorded) f(x);
            else Autograd.NoGrad(() => f(x));
        });
    }

    static RunningPass Sum(Tensor a, Tensor b) => Forward(a, x => x + b, 3);

    static RunningPass CrossEntropy(bool tiny)
    {
        int n = tiny ? 4 : 800 * batch, classes = tiny ? 10 : 1000;
        var x = Tensor.Normal([n, classes], new Philox(1));
        var y = Tensor.From(Networks.Classes(n, classes), [n]);
        var loss = new CrossEntropyLoss();
        x.RequiresGrad = true;
        return new(2 * x.Count * sizeof(float), () =>
        {
            using var scope = Scope.Begin();
            loss.Forward(x, y).Backward();
            x.ZeroGrad();
        });
    }

    static RunningPass AdamW(bool tiny)
    {
        var network = new Vision.ResNet(Networks.Options(34, tiny ? 8 : 64));
        var optimizer = new AdamW(network.Parameters());
        using (Scope.Begin()) network.Parameters().Select(p => (p * p).Sum()).Aggregate((a, b) => a + b).Backward();
        return new(7 * network.Parameters().Sum(p => p.Count) * sizeof(float), optimizer.Step);
    }
}

/// <summary>A pass that is ready to run.</summary>
/// <param name="Bytes">Bytes it must move.</param>
/// <param name="Run">Does it once.</param>
sealed record RunningPass(long Bytes, Action Run);
