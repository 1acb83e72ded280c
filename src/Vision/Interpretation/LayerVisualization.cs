using Tessera.NN;

namespace Tessera.Vision;

/// <summary>What the layers of a network look for, in the manner of Zeiler &amp; Fergus (2014).</summary>
public static class LayerVisualization
{
    /// <summary>The filters of the first convolution as pictures, one an output channel: grey is 0, colours are signed weights in units of the filter's largest.</summary>
    /// <exception cref="TesseraException">The model has no convolution, or its first one reads neither one channel nor three.</exception>
    public static IReadOnlyList<Image> Filters(Module model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var w = model.NamedModules().Select(m => m.Module).OfType<Conv2d>().FirstOrDefault()?.Weight
            ?? throw new TesseraException($"Filters: no convolution: got a {model.GetType().Name} without Conv2d, expected at least one. Hint: give a network of photos.");
        if (w.Shape[1] is not (1 or 3))
            throw new ShapeException(
                $"Filters: no colours: got weights {w.Shape} in the first convolution, expected 1 or 3 input channels. "
                    + "Hint: only the first layer of a photo network sees colours.");
        using var noGrad = Autograd.NoGrad();
        float[] krsc = w.Permute(0, 2, 3, 1).ToArray<float>();
        return [.. krsc.Chunk(krsc.Length / w.Shape[0]).Select(rsc => Pictures.OfSigned(rsc, w.Shape[2], w.Shape[3]))];
    }

    /// <summary>
    /// The patches of photos that excite a channel of a layer most, one a photo, strongest first, each with its guided gradients. A patch is what
    /// the gradient of the channel's strongest unit reaches: the unit's receptive field.
    /// </summary>
    /// <param name="learner">The model.</param>
    /// <param name="layer">The layer's name in <see cref="Module.NamedModules"/>, such as <c>0.4</c>; it gives <c>[N, C, h, w]</c> or <c>[N, C]</c>.</param>
    /// <param name="channel">0..C-1.</param>
    /// <param name="count">How many.</param>
    /// <param name="set">Photos to search; default the validation set.</param>
    /// <exception cref="TesseraException">There is no such layer, channel or set.</exception>
    public static IReadOnlyList<Patch> Patches(Learner learner, string layer, int channel, int count = 9, DataLoader? set = null) =>
        Patches(learner, layer, [channel], count, set)[0];

    /// <summary>The same for several channels, with one search through the photos.</summary>
    /// <inheritdoc cref="Patches(Learner, string, int, int, DataLoader?)"/>
    /// <param name="learner">The model.</param>
    /// <param name="layer">The layer's name in <see cref="Module.NamedModules"/>, such as <c>0.4</c>; it gives <c>[N, C, h, w]</c> or <c>[N, C]</c>.</param>
    /// <param name="channels">Each 0..C-1.</param>
    /// <param name="count">How many of each.</param>
    /// <param name="set">Photos to search; default the validation set.</param>
    public static IReadOnlyList<IReadOnlyList<Patch>> Patches(Learner learner, string layer, IReadOnlyList<int> channels, int count = 9, DataLoader? set = null)
    {
        ArgumentNullException.ThrowIfNull(learner);
        ArgumentNullException.ThrowIfNull(channels);
        if (count < 1) throw new TesseraException($"Patches: number of patches: got {count}, expected at least 1. Hint: 9 is usual.");
        set = set is null ? learner.WholeSet() : learner.WholeSet(set, "Patches");
        var probe = new LayerProbe(learner, layer);
        float[][] strongest = probe.Strongest(set, channels); // [channels][items]
        return [.. channels.Select((channel, i) => probe.Patches(set, channel, [.. strongest[i].Index().OrderByDescending(s => s.Item).Take(count).Select(s => s.Index)]))];
    }
}

/// <summary>A part of a photo that excites a unit, and why.</summary>
/// <param name="Item">The photo's index in its set.</param>
/// <param name="Activation">The unit's output.</param>
/// <param name="Row">First row of the patch in the photo as the model got it.</param>
/// <param name="Col">First column.</param>
/// <param name="Photo">The patch.</param>
/// <param name="Gradient">Guided gradients of the unit with respect to the patch; grey is 0.</param>
public sealed record Patch(int Item, float Activation, int Row, int Col, Image Photo, Image Gradient);
