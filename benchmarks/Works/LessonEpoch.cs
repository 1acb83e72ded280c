using Tessera.NN;
using Tessera.Vision;
using static TorchSharp.torch.nn;
using static TorchSharp.torch.nn.functional;
using Architecture = Tessera.Vision.Architecture;

namespace Tessera.Benchmarks;

/// <summary>One epoch of the lesson: a ResNet-34 with its body frozen, batch norms live, over a folder of photos named <c>breed_number.jpg</c>.</summary>
static class LessonEpoch
{
    const string Pattern = @"/([^/]+)_\d+.jpg$";
    const int Hidden = 512;

    /// <summary>The epoch in Tessera; always a first one, whose photos are not yet decoded.</summary>
    public static Action Ours(string[] files, int side, int batch)
    {
        var learn = ImageLearner.Create(Data(), Architecture.ResNet34());
        learn.Freeze();
        learn.Display = null;
        return () =>
        {
            learn.Data = Data();
            learn.Fit(1, 1e-3);
        };

        ImageDataBunch Data() => ImageDataBunch.FromLists(
            files, [.. files.Select(Breed)], Transforms.Default(), side, batch, new ImageDataOptions { Seed = 1, ValidFraction = 0 }).Normalize(ImageNet.Stats);
    }

    /// <summary>The same in TorchSharp, with a loader of its own.</summary>
    public static Action Theirs(string[] files, int side, int batch, bool channelsLast)
    {
        string[] breeds = [.. files.Select(Breed).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var loader = new TorchLoader(files, [.. files.Select(f => (long)Array.IndexOf(breeds, Breed(f)))], side, batch);
        var network = new TorchResNet(34, features => new LessonHead(features, breeds.Length));
        TorchLayout.Apply(network, channelsLast);
        network.train();
        TorchTraining.Freeze(network, Learned.HeadAndNorms);
        var optimizer = Torch.optim.AdamW(network.parameters().Where(p => p.requires_grad));
        return () =>
        {
            foreach (var (photos, classes) in loader.Epoch())
            {
                using var scope = Torch.NewDisposeScope();
                var x = Torch.tensor(photos, [classes.Length, side, side, 3]).permute(0, 3, 1, 2);
                if (!channelsLast) x = x.contiguous();
                cross_entropy(network.call(x), Torch.tensor(classes)).backward();
                optimizer.step();
                optimizer.zero_grad();
            }
        };
    }

    static string Breed(string file) => System.Text.RegularExpressions.Regex.Match(file, Pattern, System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1)).Groups[1].Value;

    /// <summary>Max and average pool, then batch norm, dropout and linear, twice: the head of <c>ImageLearner</c>.</summary>
    sealed class LessonHead : TorchModule
    {
        readonly TorchModule max = AdaptiveMaxPool2d([1, 1]), mean = AdaptiveAvgPool2d(1), layers;

        public LessonHead(int features, int classes) : base("head")
        {
            layers = Sequential(
                Flatten(), BatchNorm1d(2 * features), TorchSharp.torch.nn.Dropout(0.25), TorchSharp.torch.nn.Linear(2 * features, Hidden), ReLU(inplace: true),
                BatchNorm1d(Hidden), TorchSharp.torch.nn.Dropout(0.5), TorchSharp.torch.nn.Linear(Hidden, classes));
            RegisterComponents();
        }

        public override TorchTensor forward(TorchTensor input)
        {
            using var scope = Torch.NewDisposeScope();
            return layers.call(Torch.cat([max.call(input), mean.call(input)], 1)).MoveToOuterDisposeScope();
        }
    }
}
