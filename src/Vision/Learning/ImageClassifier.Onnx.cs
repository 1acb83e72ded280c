using System.Text.Json;
using Tessera.NN;

namespace Tessera.Vision;

public sealed partial class ImageClassifier
{
    /// <summary>
    /// Writes the network as an ONNX file for other programs, for any batch size. Its metadata say what goes in and what comes out, as JSON by key: <c>classes</c>,
    /// <c>size</c> (rows, columns), <c>presize</c> (the centre square that photos are cut to before, and the margin around it; not always
    /// there), <c>resize</c> (crop, pad, squish), <c>color</c>, <c>layout</c>, <c>range</c> of the input's numbers, <c>mean</c> and
    /// <c>std</c> still to be
    /// applied by the caller, and <c>output</c>.
    /// </summary>
    /// <param name="path">The file; it appears whole or not at all.</param>
    /// <param name="preprocessing">
    /// Whether scaling and normalisation are part of the graph: the input is then the photo's bytes <c>[N, H, W, 3]</c> (RGB, already of the right size) instead of
    /// normalised floats <c>[N, 3, H, W]</c>.
    /// </param>
    /// <param name="probabilities">Whether the graph ends in a softmax: the output is then probabilities instead of logits.</param>
    /// <param name="foldBatchNorms">Folds batch norms into convolutions: smaller and faster, for inference only.</param>
    /// <exception cref="TesseraException">The file cannot be written; an older one stays as it was.</exception>
    public void ExportOnnx(string path, bool preprocessing = false, bool probabilities = false, bool foldBatchNorms = false)
    {
        Module model = probabilities ? new Probabilities(Model) : Model;
        if (preprocessing) model = new Photos(model, Stats);
        Shape input = preprocessing ? [Size.Height, Size.Width, Image.Channels] : [Image.Channels, Size.Height, Size.Width];
        model.ExportOnnx(path, input, new OnnxExportOptions
        {
            FoldBatchNorms = foldBatchNorms,
            InputName = preprocessing ? "photo" : "input",
            OutputName = probabilities ? "probabilities" : "logits",
            InputType = preprocessing ? DType.UInt8 : DType.Float32,
            Metadata = OnnxMetadata(preprocessing, probabilities),
        });
    }

    Dictionary<string, string> OnnxMetadata(bool preprocessing, bool probabilities)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["classes"] = JsonSerializer.Serialize([.. Classes], DescriptionJson.Default.StringArray),
            ["size"] = FormattableString.Invariant($"[{Size.Height},{Size.Width}]"),
            ["resize"] = Resize.ToString().ToLowerInvariant(),
            ["color"] = "RGB",
            ["layout"] = preprocessing ? "NHWC" : "NCHW",
            ["range"] = preprocessing ? "[0,255]" : "[0,1]",
            ["output"] = probabilities ? "probabilities" : "logits",
        };
        if (Pipeline.Presize is { } presize) metadata["presize"] = FormattableString.Invariant($"[{presize.Size},{presize.ValidExtra}]");
        if (preprocessing || Stats is null) return metadata;
        metadata["mean"] = JsonSerializer.Serialize([.. Stats.Mean], DescriptionJson.Default.SingleArray);
        metadata["std"] = JsonSerializer.Serialize([.. Stats.Std], DescriptionJson.Default.SingleArray);
        return metadata;
    }

    /// <summary>Its children under their own names, so that stored tensors keep theirs.</summary>
    abstract class Wrapped : Module
    {
        protected Wrapped(Module inner)
        {
            Inner = inner;
            foreach (var (name, child) in inner.NamedChildren()) Register(name, child);
        }

        protected Module Inner { get; }
    }

    sealed class Probabilities(Module inner) : Wrapped(inner)
    {
        public override Tensor Forward(Tensor x) => Inner.Call(x).Softmax(1);
    }

    /// <summary>Bytes [N, H, W, 3] to what a network takes.</summary>
    sealed class Photos(Module inner, ImageStats? stats) : Wrapped(inner)
    {
        public override Tensor Forward(Tensor x)
        {
            var y = x.To(DType.Float32).Permute(0, 3, 1, 2) * (1 / 255f);
            return Inner.Call(stats?.Normalize(y) ?? y);
        }
    }
}
