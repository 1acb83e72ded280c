using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tessera.NN;

namespace Tessera.Vision;

public sealed partial class ImageClassifier
{
    const string Format = "tessera.image-classifier/";
    const int Version = 6, VersionOfWholeBodies = 5, VersionOfUsualHeads = 4, VersionWithoutPresize = 3;
    const string GraphKey = "onnx", HeadKey = "head", HistoryKey = "history";
    const int MaxDescription = 1 << 24;

    /// <summary>
    /// Writes the network and all it takes to use it, and the course of its latest training where that is known; the file appears whole or not at all.
    /// </summary>
    /// <exception cref="TesseraException">The file cannot be written; an older one stays as it was.</exception>
    public void Save(string path)
    {
        var description = new Description(Network, [.. Classes], Size.Height, Size.Width, Resize, Stats)
        {
            Padding = Pipeline.Padding,
            Interpolation = Pipeline.Mode,
            Transforms = [.. Pipeline.Transforms],
            Presize = Pipeline.Presize,
            Learning = Learning,
        };
        if (!description.IsModest())
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"Save: photos become too large on their way: "
                    + $"got {description.Transforms.Length} transforms of validation that pad by {description.Padded} pixels, "
                    + $"and {description.Presize?.ToString() ?? "no Presize"}, expected at most 100 of them, "
                    + $"padding up to the side of {Math.Max(Size.Height, Size.Width)}, and Presize up to 8 times as much. "
                    + $"Hint: pad training photos only."));
        string text = Text(description);
        if (text.Length > MaxDescription)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"Save: the description of the model is too long: got {text.Length} characters for {Classes.Count} classes, expected at most {MaxDescription}. "
                    + $"Hint: give the classes shorter names."));
        var tensors = new Dictionary<string, Tensor>(Model.StateDict(), StringComparer.Ordinal);
        if (Backbone.Graph is { } graph) tensors[GraphKey] = Tensor.From(graph, [graph.Length]);
        if (Network.OwnHead)
        {
            byte[] head = OwnHead.ToGraph((Sequential)Model, Size);
            tensors[HeadKey] = Tensor.From(head, [head.Length]);
        }
        if (History is { Losses.Count: > 0 })
            foreach (var (name, tensor) in History.ToState(HistoryKey)) tensors[name] = tensor;
        Safetensors.Write(path, tensors, new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["format"] = string.Create(CultureInfo.InvariantCulture, $"{Format}{OldestVersion}"),
            ["model"] = text,
        });
    }

    /// <summary>The first version that could say what this model is, so that as many readers as possible take it.</summary>
    int OldestVersion => Network.Parts is not null ? Version : !Network.HasUsualHead ? VersionOfWholeBodies : Pipeline.Presize is not null ? VersionOfUsualHeads : VersionWithoutPresize;

    static string Text(Description description)
    {
        try
        {
            return JsonSerializer.Serialize(description, WholeDescription.Form);
        }
        catch (ArgumentException e)
        {
            throw new TesseraException(
                $"Save: the model cannot be written: a setting of it is no number: got {e.Message.TrimEnd('.')}, expected finite ones. "
                    + "Hint: look at Wd and at the rates of the optimizer's groups.", e);
        }
        catch (NotSupportedException e)
        {
            throw new TesseraException(
                $"Save: the model cannot be written: a transform of validation is a stranger's: "
                    + $"got {string.Join(", ", description.Transforms!.Select(t => t.GetType().Name))}, expected those of this library. "
                    + "Hint: validate with transforms of this library; those of training are not stored and may be any.", e);
        }
    }

    /// <summary>Reads what <see cref="Save"/> wrote, in this version of the format or an older one.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="DataException">Missing, damaged, or another kind of file.</exception>
    public static ImageClassifier Load(string path) => Of(Safetensors.Read(path), path);

    /// <summary>Reads a model that is no file, such as an embedded resource.</summary>
    /// <param name="stream">The whole content of a model file, from its position to its end.</param>
    /// <param name="name">How messages call it.</param>
    /// <exception cref="DataException">Damaged, or no model.</exception>
    public static ImageClassifier Load(Stream stream, string name) => Of(Safetensors.Read(stream, name), name);

    /// <summary>Whether a file says that it is a model of this library, of whatever version.</summary>
    internal static bool IsFormat(string? format) => format?.StartsWith(Format, StringComparison.Ordinal) == true;

    internal static ImageClassifier Of(SafetensorsFile file, string path)
    {
        try
        {
            CheckFormat(file.Metadata.GetValueOrDefault("format"), path);
            if (!Safetensors.HasChecksum(file))
                throw new DataException(
                    $"{path}: the file has no checksum: got none, expected the SHA-256 that Save writes: it is damaged. "
                        + "Hint: copy or train it again.");
            return Rebuild(Describe(file.Metadata.GetValueOrDefault("model", ""), path), file, path);
        }
        catch (TesseraException e) when (e is not DataException)
        {
            throw new DataException($"{path}: {e.Message}", e);
        }
        finally
        {
            foreach (var tensor in file.Tensors.Values) tensor.Dispose();
        }
    }

    static void CheckFormat(string? format, string path)
    {
        if (!IsFormat(format) || !int.TryParse(format![Format.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out int version) || version < 1)
            throw new DataException($"{path}: not a classifier: got format '{format ?? "none"}', expected {Format}{Version}. Hint: tessera train writes one.");
        if (version > Version)
            throw new DataException($"{path}: written by a newer Tessera: got version {version} of the format, expected 1..{Version}. Hint: update Tessera.");
    }

    static Description Describe(string text, string path)
    {
        try
        {
            if (text.Length <= MaxDescription && JsonSerializer.Deserialize(text, WholeDescription.Form) is { } d && d.IsWhole()) return d;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or TesseraException)
        {
            throw new DataException($"{path}: the description of the model is damaged: {e.Message}", e);
        }
        throw new DataException($"{path}: the description of the model is incomplete or impossible: expected network, classes, size and statistics. Hint: train and save the model again.");
    }

    static ImageClassifier Rebuild(Description d, SafetensorsFile file, string path)
    {
        using var unset = Init.Skip();
        var state = file.Tensors.Where(t => !t.Key.StartsWith(HistoryKey + "/", StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal);
        byte[]? graph = state.Remove(GraphKey, out var bytes) ? bytes.ToArray<byte>() : null;
        byte[]? ownHead = state.Remove(HeadKey, out var head) ? head.ToArray<byte>() : null;
        var (backbone, model) = Build(d, graph, ownHead, state.Values, path);
        model.LoadStateDict(state);
        var pipeline = new TransformPipeline(d.Transforms ?? Transforms.None().Valid, new ImageSize(d.Height, d.Width), d.Resize, d.Padding, d.Interpolation) { Presize = d.Presize };
        return new ImageClassifier(d.Network, model, d.Classes, pipeline, d.Stats, backbone, d.Learning, Recorder.FromState(file.Tensors, HistoryKey, path));
    }

    /// <summary>The network of a description. It is made of what the file holds, so it may take as much memory as that and no more, whatever the description says.</summary>
    static (Backbone Backbone, Sequential Model) Build(Description d, byte[]? graph, byte[]? head, IReadOnlyCollection<Tensor> weights, string path)
    {
        if (d.Network.OwnHead != head is not null)
            throw new DataException($"{path}: the description of the model does not fit its tensors: got {(head is null ? "no head" : "a head")} beside it. Hint: train and save the model again.");
        (Module Head, int Features)? own = head is null ? null : OwnHead.Read(head, d.Classes.Length, path);
        if (d.Network.Body is null && graph is not null)
        {
            var cut = Backbone.Of(OnnxModel.Parse(graph, path), d.Network.Cut);
            using var ofHead = AllowanceOf(weights, d, path);
            return (cut, Joined(cut));
        }
        using var allowance = AllowanceOf(weights, d, path);
        var backbone = d.Network.Body is { } form ? Backbone.Of(new ResNet(form), path) : Architecture.Body(d.Network.Name, d.Network.Parts)
            ?? throw new DataException(
                $"{path}: neither the form nor the graph of the body is in the file, and its name is unknown: got '{d.Network.Name}', "
                    + $"expected one of {string.Join(", ", Architecture.Names)}.");
        return (backbone, Joined(backbone));

        Sequential Joined(Backbone body) => own is { Features: var features } && features != body.Features
            ? throw new DataException(string.Create(CultureInfo.InvariantCulture,
                $"{path}: the head is of another body: got one for {features} features, expected {body.Features}. "
                    + $"Hint: train and save the model again."))
            : d.Network.Join(body, d.Classes.Length, own?.Head);
    }

    static MemoryAllowance AllowanceOf(IEnumerable<Tensor> weights, Description d, string path)
    {
        const long small = 1 << 16; // numbers on the way
        long cut = d.Network.Parts is null ? 0 : Backbone.MostLeftOut + Backbone.MostOfOnePhoto;
        long bytes = small + cut + weights.Sum(t => MemoryPool.RoundedUp(t.Count * (t.DType.IsFloat() ? DType.Float32 : t.DType).Size()));
        return MemoryAllowance.Begin(bytes, wanted => new DataException(string.Create(CultureInfo.InvariantCulture,
            $"{path}: the description of the model does not fit its tensors: got tensors for {bytes} bytes of weights, "
                + $"expected at least {wanted} for {d.Network.Name} with {d.Classes.Length} classes. "
                + $"Hint: train and save the model again.")));
    }

    internal sealed record Description(NetworkDescription Network, string[] Classes, int Height, int Width, ResizeMethod Resize, ImageStats? Stats)
    {
        const long MaxPixels = 1 << 24;
        const int MaxTransforms = 100;

        public PaddingMode Padding { get; init; } = PaddingMode.Reflection;

        public InterpolationMode Interpolation { get; init; } = InterpolationMode.Bilinear;

        /// <summary>How photos are cut right after decoding; from version 4 on.</summary>
        public Presize? Presize { get; init; }

        /// <summary>Those of validation; version 1 has the centre crop.</summary>
        public Transform[]? Transforms { get; init; }

        public LearningDescription? Learning { get; init; }

        /// <summary>How much all padding adds to each side of a photo.</summary>
        [JsonIgnore]
        public long Padded => Transforms?.OfType<Pad>().Sum(p => (long)p.Padding) ?? 0;

        /// <summary>Whether a photo takes little memory on its way: no more padding than the photo's side, not cut to far more pixels, not many transforms.</summary>
        public bool IsModest() => Padded <= Math.Max(Height, Width)
            && (Presize is null || Presize.Size + Presize.ValidExtra <= Math.Max(1 << 10, 8L * Math.Max(Height, Width)))
            && !(Transforms?.Length > MaxTransforms);

        /// <summary>Nothing is missing, and the numbers are possible; each transform has looked at its own.</summary>
        public bool IsWhole() =>
            Network?.IsWhole() == true && Classes is { Length: > 0 } && Array.TrueForAll(Classes, c => c is not null) && Classes.Distinct(StringComparer.Ordinal).Count() == Classes.Length
            && Height > 0 && Width > 0 && (long)Height * Width <= MaxPixels && Enum.IsDefined(Resize) && Enum.IsDefined(Padding) && Enum.IsDefined(Interpolation)
            && (Transforms is null || Array.TrueForAll(Transforms, t => t is not null)) && IsModest() && Learning?.IsWhole(Classes.Length) != false
            && (Stats is null || (Stats is { Mean: { Count: 1 or Image.Channels } mean, Std: { } std } && std.Count == mean.Count && std.All(s => s > 0)));
    }
}
