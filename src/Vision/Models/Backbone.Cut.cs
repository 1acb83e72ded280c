using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

public sealed partial record Backbone
{
    const int StemOfResNet = 4, Side = 64;

    /// <summary>Bytes of weights that a cut may leave out of a network other than a ResNet: a model file is read by making the whole network first.</summary>
    internal const long MostLeftOut = 128 << 20;

    /// <summary>Bytes for the way of one photo of 64 x 64 through any known network.</summary>
    internal const long MostOfOnePhoto = 64 << 20;

    /// <summary>The first parts of a network of a known form: of a ResNet the stem and whole stages, of another the children of its features.</summary>
    /// <exception cref="TesseraException">A graph, no such part, or too much is left out.</exception>
    internal Backbone CutAt(Index cut)
    {
        if (Body is not Sequential body || (Form is null && Known is null))
            throw new TesseraException($"Cut: no network of known parts: got {Report}, expected a named one. Hint: Architecture.FromOnnx(path, cut: \"value\") cuts a graph.");
        int least = Form is null ? 1 : StemOfResNet + 1, count = cut.GetOffset(body.Count);
        if (count < least || count > body.Count)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"Cut: no such part of the body: got {cut}, expected {least}..{body.Count}, which is all of it{(Form is null ? "" : ", the stem and at least one stage")}. "
                    + $"Hint: ^1 leaves the last one out."));
        if (count == body.Count) return this;
        var (kept, left) = (body.Take(count).ToArray(), body.Skip(count).ToHashSet<Module>(ReferenceEqualityComparer.Instance));
        if (Form is null) Require(left);
        var shorter = new Sequential(kept);
        IReadOnlyList<Module>[] groups = [.. Groups.Select(g => (IReadOnlyList<Module>)[.. g.Where(m => !left.Contains(m))]).Where(g => g.Count > 0)];
        return new Backbone(shorter, ChannelsOf(shorter), groups, string.Create(CultureInfo.InvariantCulture, $"{Report}, the first {count} of {body.Count} parts"), recreate)
        {
            Form = Form is null ? null : Form with { Blocks = [.. Form.Blocks.Take(count - StemOfResNet)] },
            Known = Known,
            Parts = Form is null ? count : null,
            Warning = Warning,
        };
    }

    void Require(IEnumerable<Module> left)
    {
        long bytes = left.SelectMany(m => m.StateDict().Values).Sum(t => t.Count * t.DType.Size());
        if (bytes > MostLeftOut)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"Cut: too much of {Known} is left out: got {bytes >> 20} MiB of weights, expected at most {MostLeftOut >> 20}. "
                    + $"Hint: export it to ONNX; Architecture.FromOnnx(path, cut: \"value\") cuts it there."));
    }

    static int ChannelsOf(Sequential body)
    {
        using var noGrad = Autograd.NoGrad();
        using var scope = Scope.Begin();
        using var evaluating = body.Evaluating();
        return body.Call(Tensor.Zeros([1, Image.Channels, Side, Side], DType.Float32, body.Parameters().First().Device)).Shape[1];
    }
}
