using System.CommandLine;
using Tessera.NN;
using Tessera.Vision;
using Architecture = Tessera.Vision.Architecture;

namespace Tessera.Cli;

/// <summary>Which network learns from which photos: options that commands share.</summary>
sealed class NetworkOptions
{
    readonly Option<string?> arch = new("--arch", "--architecture")
    {
        Description = "resnet34, squeezenet1_1, vgg16_bn, densenet121, "
            + "mobilenet_v3_large, efficientnet_b0, convnext_tiny ...; by default what the weights are.",
    };
    readonly Option<string?> weights = new("--weights") { Description = "Pretrained weights: .onnx, .onnx.gz, .safetensors, .pth or .pt." };
    readonly Option<bool> recreateBn = new("--recreate-bn") { Description = "Measure folded batch norms on the photos and put them back." };
    readonly Option<string?> bn = Options.OneOf("--bn",
        "live: the body's batch norms follow the photos; frozen: they stay as they came, better for a few hundred photos (live; "
            + "frozen for the photos of the repository).", hasDefault: false, "live", "frozen");
    readonly Option<double> smoothing = new("--label-smoothing") { Description = "Asks for a little of every class: 0.1 is usual; the losses shown are of it too.", DefaultValueFactory = _ => 0 };
    readonly Option<string> device = Options.Device();

    public NetworkOptions(PhotoOptions photos) => Photos = photos;

    public PhotoOptions Photos { get; }

    public void AddTo(Command command)
    {
        Photos.AddTo(command);
        foreach (Option option in new Option[] { arch, weights, recreateBn, bn, smoothing, device }) command.Add(option);
    }

    /// <summary>Makes the device that was asked for the default one.</summary>
    public void ChooseDevice(ParseResult args) => Device.Default = Device.Parse(args.GetValue(device)!);

    /// <summary>Whether the body's batch norms follow the photos.</summary>
    public bool IsLive(ParseResult args) => args.GetValue(bn) is { } chosen ? chosen == "live" : Photos.AreOwn(args);

    /// <summary>A learner on the photos, its body frozen.</summary>
    public ImageLearner ToLearner(ParseResult args, ImageDataBunch data) => ImageLearner.Create(data, Network(args), new ImageLearnerOptions
    {
        RecreateBatchNorms = args.GetValue(recreateBn),
        LiveBatchNorms = IsLive(args),
        LabelSmoothing = args.GetValue(smoothing),
    }, Metrics.ErrorRate);

    /// <summary>The file of pretrained weights; null where none was named.</summary>
    public string? Weights(ParseResult args) => args.GetValue(weights);

    Architecture Network(ParseResult args)
    {
        string? name = args.GetValue(arch), file = args.GetValue(weights);
        if (name is null) return Architecture.FromOnnx(file ?? Assets.Find("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx", "give pretrained weights: --weights resnet34.onnx"));
        string known = name.ToLowerInvariant();
        return Architecture.Names.Contains(known, StringComparer.Ordinal)
            ? Architecture.Named(known, file)
            : throw new TesseraException($"--arch: unknown network: got '{name}', expected one of {string.Join(", ", Architecture.Names)}.");
    }
}
