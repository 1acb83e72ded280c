using Tessera.NN;

namespace Tessera.Vision;

/// <summary>Looks at the output of one layer while the model runs, and at the gradients of its units with respect to the photo.</summary>
sealed class LayerProbe
{
    readonly Learner learner;
    readonly string name;
    readonly Module layer;

    /// <exception cref="TesseraException">There is no such layer.</exception>
    public LayerProbe(Learner learner, string name)
    {
        (this.learner, this.name) = (learner, name);
        layer = learner.Model.NamedModules().FirstOrDefault(m => m.Name == name).Module
            ?? throw new TesseraException(
                $"Patches: no such layer: got \"{name}\", expected a name of NamedModules, "
                    + $"such as {string.Join(", ", learner.Model.NamedModules().Select(m => m.Name).Where(n => n.Length > 0).Take(6))}. "
                    + "Hint: print learn.Model to see them all.");
    }

    /// <summary>The largest output of each channel for each item: <c>[channels][items]</c>.</summary>
    public float[][] Strongest(DataLoader set, IReadOnlyList<int> channels)
    {
        float[][] strongest = [.. channels.Select(_ => new float[set.Dataset.Count])];
        using var evaluating = learner.Model.Evaluating();
        using var noGrad = Autograd.NoGrad();
        foreach (var batch in set.Epoch())
        {
            using var scope = Scope.Begin();
            using var y = Output(learner.Data.Prepare(batch.X)); // [N, C, h, w]
            var max = y.Flatten(2).AMax(2);
            float[] all = max.ToArray<float>();
            for (int i = 0; i < channels.Count; i++)
                for (int n = 0; n < batch.Items.Length; n++)
                    strongest[i][batch.Items.Span[n]] = all[(n * max.Shape[1]) + Existing(channels[i], max.Shape[1])];
        }
        return strongest;
    }

    /// <summary>The patches that excite a channel in items.</summary>
    public IReadOnlyList<Patch> Patches(DataLoader set, int channel, IReadOnlyList<int> items)
    {
        using var inspecting = learner.Model.Inspecting();
        List<(int Item, float Activation, LoadedItem Photo, float[] Guided, Box Box)> found = [];
        foreach (int[] some in items.Chunk(set.BatchSize))
        {
            using var scope = Scope.Begin();
            LoadedItem[] photos = [.. some.Select(i => LoadedItem.Of(set, i))];
            var x = learner.Data.Prepare(LoadedItem.Batch(photos, set.Device));
            var (_, plain) = Gradients(x, channel);
            using var guided = Autograd.Guided();
            var (activations, gradients) = Gradients(x, channel);
            for (int n = 0; n < some.Length; n++)
                found.Add((some[n], activations[n], photos[n], gradients[n], Box.Around(plain[n], photos[n].Shape)));
        }
        var (height, width) = (found.Max(f => f.Box.Height), found.Max(f => f.Box.Width));
        return [.. found.Select(f =>
        {
            var box = f.Box.Grown(height, width, f.Photo.Shape);
            var photo = f.Photo.ToImage().Crop(box.Row, box.Col, height, width);
            return new Patch(f.Item, f.Activation, box.Row, box.Col, photo, Pictures.OfSigned(Cut(f.Guided, f.Photo.Shape, box), height, width));
        })];
    }

    /// <summary>The strongest unit of a channel in each photo, and its gradients with respect to the photo, in the order H, W, C.</summary>
    (float[] Activations, float[][] Gradients) Gradients(Tensor x, int channel)
    {
        x = x.Detach();
        x.RequiresGrad = true;
        using var y = Output(x);
        var (unit, _) = y.Narrow(1, channel, 1).Flatten(1).Max(1); // [N]
        unit.Sum().Backward();
        float[] g = x.Grad!.Permute(0, 2, 3, 1).ToArray<float>();
        x.ZeroGrad();
        return (unit.ToArray<float>(), [.. g.Chunk(g.Length / x.Shape[0])]);
    }

    /// <summary>What the layer gives when the model is run on x, as <c>[N, C, h, w]</c>; of a layer that is called several times, the last output.</summary>
    Tensor Output(Tensor x)
    {
        Tensor? output = null;
        using (Module.Watch((module, _, y) => output = module == layer ? Scope.Keep(y) : output)) learner.Model.Call(x);
        if (output is null) throw new TesseraException($"Patches: layer: got \"{name}\", which the model does not call by itself, expected one that it calls. Hint: name a layer inside or around it.");
        return output.Rank switch
        {
            4 => output,
            2 => Scope.Keep(output.Reshape([.. output.Shape, 1, 1])),
            _ => throw new ShapeException(
                $"Patches: layer \"{name}\" has no channels: got an output of shape {output.Shape}, expected [N, C, h, w] or [N, C]. "
                    + "Hint: choose a convolution or a linear layer."),
        };
    }

    int Existing(int channel, int channels) => (uint)channel < (uint)channels ? channel
        : throw new TesseraException(FormattableString.Invariant($"Patches: no such channel: got {channel}, expected 0..{channels - 1} of layer \"{name}\". Hint: channels count from 0."));

    static float[] Cut(float[] hwc, Shape shape, Box box)
    {
        int row = shape[2] * shape[0], from = box.Col * shape[0];
        return [.. Enumerable.Range(box.Row, box.Height).SelectMany(r => hwc.AsSpan((r * row) + from, box.Width * shape[0]).ToArray())];
    }
}
