using System.Globalization;

namespace Tessera.Vision;

public sealed partial class Architecture
{
    const string Timm = "@timm"; // a name of a body whose weights are timm's: some batch norms have another ε there

    /// <summary>Networks without classifier; true for the ε of timm; a number that divides all widths.</summary>
    static readonly OrderedDictionary<string, Func<bool, int, ImageNetwork>> networks = new(StringComparer.Ordinal)
    {
        ["squeezenet1_0"] = (_, n) => new SqueezeNet(light: false, classes: 0, n),
        ["squeezenet1_1"] = (_, n) => new SqueezeNet(light: true, classes: 0, n),
        ["vgg11"] = (_, n) => new Vgg(11, false, 0, n),
        ["vgg11_bn"] = (_, n) => new Vgg(11, true, 0, n),
        ["vgg13"] = (_, n) => new Vgg(13, false, 0, n),
        ["vgg13_bn"] = (_, n) => new Vgg(13, true, 0, n),
        ["vgg16"] = (_, n) => new Vgg(16, false, 0, n),
        ["vgg16_bn"] = (_, n) => new Vgg(16, true, 0, n),
        ["vgg19"] = (_, n) => new Vgg(19, false, 0, n),
        ["vgg19_bn"] = (_, n) => new Vgg(19, true, 0, n),
        ["densenet121"] = (_, n) => new DenseNet(121, 0, n),
        ["densenet161"] = (_, n) => new DenseNet(161, 0, n),
        ["densenet169"] = (_, n) => new DenseNet(169, 0, n),
        ["densenet201"] = (_, n) => new DenseNet(201, 0, n),
        ["mobilenet_v2"] = (_, n) => new MobileNetV2(0, n),
        ["mobilenet_v3_small"] = (timm, n) => new MobileNetV3(large: false, 0, timm ? 1e-5 : 1e-3, n),
        ["mobilenet_v3_large"] = (timm, n) => new MobileNetV3(large: true, 0, timm ? 1e-5 : 1e-3, n),
        ["efficientnet_b0"] = (timm, n) => new EfficientNet(0, 0, 0.2, timm ? 1e-5 : null, n),
        ["efficientnet_b1"] = (timm, n) => new EfficientNet(1, 0, 0.2, timm ? 1e-5 : null, n),
        ["efficientnet_b2"] = (timm, n) => new EfficientNet(2, 0, 0.2, timm ? 1e-5 : null, n),
        ["efficientnet_b3"] = (timm, n) => new EfficientNet(3, 0, 0.2, timm ? 1e-5 : null, n),
        ["efficientnet_b4"] = (timm, n) => new EfficientNet(4, 0, 0.2, timm ? 1e-5 : null, n),
        ["efficientnet_b5"] = (timm, n) => new EfficientNet(5, 0, 0.2, timm ? 1e-5 : null, n),
        ["efficientnet_b6"] = (timm, n) => new EfficientNet(6, 0, 0.2, timm ? 1e-5 : null, n),
        ["efficientnet_b7"] = (timm, n) => new EfficientNet(7, 0, 0.2, timm ? 1e-5 : null, n),
        ["convnext_tiny"] = (_, n) => new ConvNeXt("tiny", 0, null, n),
        ["convnext_small"] = (_, n) => new ConvNeXt("small", 0, null, n),
        ["convnext_base"] = (_, n) => new ConvNeXt("base", 0, null, n),
        ["convnext_large"] = (_, n) => new ConvNeXt("large", 0, null, n),
    };

    static readonly OrderedDictionary<string, ResNetOptions> resNets = new(StringComparer.Ordinal)
    {
        ["resnet18"] = ResNetOptions.ResNet18,
        ["resnet34"] = ResNetOptions.ResNet34,
        ["resnet50"] = ResNetOptions.ResNet50,
        ["resnet101"] = ResNetOptions.ResNet101,
        ["resnet152"] = ResNetOptions.ResNet152,
    };

    /// <summary>All names that <see cref="Named"/> knows: those of torchvision.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. resNets.Keys, .. networks.Keys];

    /// <summary>A network by the name torchvision gives it.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="weights">A .pth, .pt or .safetensors file with torchvision's or timm's names, or an ONNX export of it; null for fresh weights.</param>
    /// <exception cref="TesseraException">There is no such network.</exception>
    public static Architecture Named(string name, string? weights = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (resNets.TryGetValue(name, out var options)) return new(name, options, null, weights);
        if (networks.TryGetValue(name, out var make)) return new(name, null, timm => make(timm, 1), weights);
        throw new TesseraException($"Architecture: unknown network: got '{name}', expected one of {string.Join(", ", Names)}. Hint: resnet34 is a good beginning.");
    }

    /// <summary>The body of a saved model, made again by the name it was saved under; null for an unknown one.</summary>
    /// <param name="name">The name.</param>
    /// <param name="parts">How many children of its features are the body; null for all.</param>
    internal static Backbone? Body(string name, int? parts = null)
    {
        bool timm = name.EndsWith(Timm, StringComparison.Ordinal);
        if (!networks.TryGetValue(timm ? name[..^Timm.Length] : name, out var make)) return null;
        var whole = Backbone.Of(make(timm, 1), name, name);
        return parts is { } n ? whole.CutAt(n) : whole;
    }

    /// <summary>All networks but the residual ones, without classifier, with widths divided by a number: their layers at little cost.</summary>
    internal static IEnumerable<(string Name, Func<ImageNetwork> Make)> Narrow(int by) => networks.Select(n => (n.Key, (Func<ImageNetwork>)(() => n.Value(false, by))));

    /// <summary>ResNet-18.</summary>
    /// <param name="weights">An ONNX export of it, whole or its first stages, or a .pth, .pt or .safetensors file with torchvision's names (timm has the same).</param>
    public static Architecture ResNet18(string? weights = null) => Named("resnet18", weights);

    /// <summary>ResNet-34.</summary>
    /// <inheritdoc cref="ResNet18"/>
    public static Architecture ResNet34(string? weights = null) => Named("resnet34", weights);

    /// <summary>ResNet-50.</summary>
    /// <inheritdoc cref="ResNet18"/>
    public static Architecture ResNet50(string? weights = null) => Named("resnet50", weights);

    /// <summary>ResNet-101.</summary>
    /// <inheritdoc cref="ResNet18"/>
    public static Architecture ResNet101(string? weights = null) => Named("resnet101", weights);

    /// <summary>ResNet-152.</summary>
    /// <inheritdoc cref="ResNet18"/>
    public static Architecture ResNet152(string? weights = null) => Named("resnet152", weights);

    /// <summary>SqueezeNet 1.1, or 1.0.</summary>
    /// <param name="weights">A .pth, .pt or .safetensors file with torchvision's or timm's names, or an ONNX export that keeps names and batch norms; null for fresh weights.</param>
    /// <param name="version">1.1 or 1.0.</param>
    public static Architecture SqueezeNet(string? weights = null, string version = "1.1") => Named("squeezenet" + Given(version).Replace('.', '_'), weights);

    /// <summary>VGG of 11, 13, 16 or 19 layers, by default with batch norms.</summary>
    /// <param name="depth">Weighted layers.</param>
    /// <param name="weights"><inheritdoc cref="SqueezeNet" path="/param[@name='weights']"/></param>
    /// <param name="batchNorm">Whether a batch norm follows each convolution.</param>
    public static Architecture Vgg(int depth, string? weights = null, bool batchNorm = true) => Named(Numbered("vgg", depth) + (batchNorm ? "_bn" : ""), weights);

    /// <summary>DenseNet of 121, 161, 169 or 201 layers.</summary>
    /// <inheritdoc cref="Vgg"/>
    public static Architecture DenseNet(int depth, string? weights = null) => Named(Numbered("densenet", depth), weights);

    /// <summary>MobileNetV2.</summary>
    /// <inheritdoc cref="SqueezeNet"/>
    public static Architecture MobileNetV2(string? weights = null) => Named("mobilenet_v2", weights);

    /// <summary>MobileNetV3, small.</summary>
    /// <inheritdoc cref="SqueezeNet"/>
    public static Architecture MobileNetV3Small(string? weights = null) => Named("mobilenet_v3_small", weights);

    /// <summary>MobileNetV3, large.</summary>
    /// <inheritdoc cref="SqueezeNet"/>
    public static Architecture MobileNetV3Large(string? weights = null) => Named("mobilenet_v3_large", weights);

    /// <summary>EfficientNet B0 to B7.</summary>
    /// <param name="size">0 to 7.</param>
    /// <param name="weights"><inheritdoc cref="SqueezeNet" path="/param[@name='weights']"/></param>
    public static Architecture EfficientNet(int size = 0, string? weights = null) => Named(Numbered("efficientnet_b", size), weights);

    /// <summary>ConvNeXt: <c>tiny</c>, <c>small</c>, <c>base</c> or <c>large</c>.</summary>
    /// <param name="size">Its size.</param>
    /// <param name="weights"><inheritdoc cref="SqueezeNet" path="/param[@name='weights']"/></param>
    public static Architecture ConvNeXt(string size = "tiny", string? weights = null) => Named("convnext_" + size, weights);

    static string Numbered(string family, int n) => string.Create(CultureInfo.InvariantCulture, $"{family}{n}");

    static string Given(string version)
    {
        ArgumentNullException.ThrowIfNull(version);
        return version;
    }
}
