using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Benchmarks;

/// <summary>Where the time of a ResNet-34 goes: its stem, each kind of block, its head and the optimizer, times how often it has them.</summary>
static class LayerWorks
{
    public static IEnumerable<Work> All => [Of("resnet34 layers, training", training: true), Of("resnet34 layers, inference", training: false)];

    // Stage, block inside the stage, how many such blocks: the first block of a stage differs where it steps.
    static readonly (int Stage, int Block, int Times)[] blocks = [(0, 1, 3), (1, 0, 1), (1, 1, 3), (2, 0, 1), (2, 1, 5), (3, 0, 1), (3, 1, 2)];
    static readonly int[] stageStarts = [4, 7, 11, 17];

    static Work Of(string name, bool training) => new(name, b => Measure(b, name, training));

    static IEnumerable<Row> Measure(Bench bench, string name, bool training)
    {
        var (ours, theirs) = (OurParts(bench.Size, training), Peer.TorchSharp.Loaded ? TorchParts(bench.Size, training) : []);
        var sampling = bench.Sampling.For(bench.Sampling.Seconds * 3 / ours.Count);
        List<(Row Row, int Times)> rows = [];
        foreach (var (i, part) in ours.Index())
        {
            var target = new Target($"{name}: {part.Name}", "TorchSharp");
            if (theirs.Count == 0)
            {
                rows.Add((Row.Alone(target, sampling.Alternate(part.Run)[0].Milliseconds, "ms", Peer.TorchSharp), part.Times));
                continue;
            }
            var (us, them, _) = sampling.Compare(part.Run, theirs[i].Run);
            rows.Add((Row.OfTimes(target, us, them, $"x{part.Times}"), part.Times));
        }
        double ourSum = rows.Sum(r => r.Row.Ours!.Value * r.Times);
        double? theirSum = theirs.Count == 0 ? null : rows.Sum(r => r.Row.Theirs * r.Times);
        yield return new(name, "TorchSharp", ourSum, theirSum, "ms", theirSum / ourSum, null, null, false, rows.Min(r => r.Row.Samples), rows.Sum(r => r.Row.Disturbed),
            theirSum is null ? Peer.TorchSharp.ToString() : "sum of the parts; TorchSharp channels-last");
        foreach (var (row, _) in rows) yield return row;
    }

    static List<LayerPart> OurParts(BenchSize size, bool training)
    {
        var network = new ResNet(Networks.Options(34, size.Width));
        network.Train(training);
        var body = network.Body();
        List<LayerPart> parts = [Part("stem", new Sequential(body[0], body[1], body[2], body[3]), 3, size.Side, 1)];
        foreach (var (stage, block, times) in blocks)
        {
            var (c, side) = Input(stage, block, size);
            parts.Add(Part(Name(stage, block, size), network.Stages[stage][block], c, side, times));
        }
        parts.Add(Part("pool and linear", new Sequential(new AdaptiveAvgPool2d(1), new Flatten(), network.Classifier!), network.Options.Features, size.Side / 32, 1));
        if (!training) return parts;
        var optimizer = new AdamW(network.Parameters());
        using (Scope.Begin()) network.Parameters().Select(p => (p * p).Sum()).Aggregate((a, b) => a + b).Backward();
        return [.. parts, new("AdamW", optimizer.Step, 1)];

        LayerPart Part(string name, Module module, int channels, int side, int times)
        {
            var x = Tensor.Normal([size.Batch, channels, side, side], new Philox(1));
            x.RequiresGrad = training && channels > 3;
            if (!training) return new(name, Forward, times);
            Tensor gy;
            using (Autograd.NoGrad()) gy = Tensor.Normal(module.Forward(x).Shape, new Philox(2));
            return new(name, Both, times);

            void Forward()
            {
                using var noGrad = Autograd.NoGrad();
                using var scope = Scope.Begin();
                module.Forward(x);
            }

            void Both()
            {
                using var scope = Scope.Begin();
                module.Forward(x).Backward(gy);
                x.ZeroGrad();
                module.ZeroGrad();
            }
        }
    }

    static List<LayerPart> TorchParts(BenchSize size, bool training)
    {
        bool channelsLast = TorchLayout.Usual(size);
        var network = new TorchResNet(34, width: size.Width);
        TorchLayout.Apply(network, channelsLast);
        network.train(training);
        TorchModule[] body = [.. network.Body.children().Cast<TorchModule>()];
        List<LayerPart> parts = [Part("stem", TorchSharp.torch.nn.Sequential(body[..4]), 3, size.Side, 1)];
        foreach (var (stage, block, times) in blocks)
        {
            var (c, side) = Input(stage, block, size);
            parts.Add(Part(Name(stage, block, size), body[stageStarts[stage] + block], c, side, times));
        }
        parts.Add(Part("pool and linear", network.Head, 8 * size.Width, size.Side / 32, 1));
        if (!training) return parts;
        var optimizer = Torch.optim.AdamW(network.parameters());
        using (Torch.NewDisposeScope()) network.parameters().Select(p => (p * p).sum()).Aggregate((a, b) => a + b).backward();
        return [.. parts, new("AdamW", () => optimizer.step(), 1)];

        LayerPart Part(string name, TorchModule module, int channels, int side, int times)
        {
            var x = TorchLayout.Of(Torch.randn(size.Batch, channels, side, side), channelsLast);
            if (!training) return new(name, Forward, times);
            x.requires_grad = channels > 3;
            TorchTensor gy;
            using (Torch.no_grad()) gy = Torch.randn_like(module.call(x));
            TorchTensor[] wanted = [.. module.parameters(), .. channels > 3 ? [x] : Array.Empty<TorchTensor>()];
            return new(name, Both, times);

            void Forward()
            {
                using var inference = Torch.inference_mode();
                module.call(x).Dispose();
            }

            void Both()
            {
                using var scope = Torch.NewDisposeScope();
                Torch.autograd.grad([module.call(x)], wanted, [gy]);
            }
        }
    }

    static (int Channels, int Side) Input(int stage, int block, BenchSize size) =>
        block == 0 ? (size.Width << (stage - 1), size.Side >> (stage + 1)) : (size.Width << stage, size.Side >> (stage + 2));

    static string Name(int stage, int block, BenchSize size)
    {
        var (c, side) = Input(stage, block, size);
        return FormattableString.Invariant($"block {c}-{size.Width << stage} @{side}");
    }
}

/// <summary>A part of a network, ready to run.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Run">Once, forward and backward or forward alone.</param>
/// <param name="Times">How often the network has it.</param>
readonly record struct LayerPart(string Name, Action Run, int Times);
