using System.Globalization;

namespace Tessera.Vision;

public sealed partial class Architecture
{
    const string Timm = "@timm"; // a name of a body whose weights are timm's: some batch norms have another ε there

    /// <summary>Networks without classifier; true for the ε of timm.</summary>
    static readonly OrderedDictionary<string, Func<bool, ImageNetwork>> networks = new(StringComparer.Ordinal)
    {
        ["squeezenet1_0"] = _ => new SqueezeNet(light: false, classes: 0),
        ["squeezenet1_1"] = _ => new SqueezeNet(light: true, classes: 0),
        ["vgg11"] = _ => new Vgg(11, false, 0),
        ["vgg11_bn"] = _ => new Vgg(11, true, 0),
        ["vgg13"] = _ => new Vgg(13, false, 0),
        ["vgg13_bn"] = _ => new Vgg(13, true, 0),
        ["vgg16"] = _ => new Vgg(16, false, 0),
        ["vgg16_bn"] = _ => new Vgg(16, true, 0),
        ["vgg19"] = _ => new Vgg(19, false, 0),
        ["vgg19_bn"] = _ => new Vgg(19, true, 0),
        ["densenet121"] = _ => new DenseNet(121, 0),
        ["densenet161"] = _ => new DenseNet(161, 0),
        ["densenet169"] = _ => new DenseNet(169, 0),
        ["densenet201"] = _ => new DenseNet(201, 0),
        ["mobilenet_v2"] = _ => new MobileNetV2(0),
        ["mobilenet_v3_small"] = timm => new MobileNetV3(large: false, 0, timm ? 1e-5 : 1e-3),
        ["mobilenet_v3_large"] = timm => new MobileNetV3(large: true, 0, timm ? 1e-5 : 1e-3),
        ["efficientnet_b0"] = timm => new EfficientNet(0, 0, eps: timm ? 1e-5 : null),
        ["efficientnet_b1"] = timm => new EfficientNet(1, 0, eps: timm ? 1e-5 : null),
        ["efficientnet_b2"] = timm => new EfficientNet(2, 0, eps: timm ? 1e-5 : null),
        ["efficientnet_b3"] = timm => new EfficientNet(3, 0, eps: timm ? 1e-5 : null),
        ["efficientnet_b4"] = timm => new EfficientNet(4, 0, eps: timm ? 1e-5 : null),
        ["efficientnet_b5"] = timm => new EfficientNet(5, 0, eps: timm ? 1e-5 : null),
        ["efficientnet_b6"] = timm => new EfficientNet(6, 0, eps: timm ? 1e-5 : null),
        ["efficientnet_b7"] = timm => new EfficientNet(7, 0, eps: timm ? 1e-5 : null),
        ["convnext_tiny"] = _ => new ConvNeXt("tiny", 0),
        ["convnext_small"] = _ => new ConvNeXt("small", 0),
        ["convnext_base"] = _ => new ConvNeXt("base", 0),
        ["convnext_large"] = _ => new ConvNeXt("large", 0),
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
        if (networks.TryGetValue(name, out var make)) return new(name, null, make, weights);
        throw new TesseraException($"Architecture: unknown network: got '{name}', expected one of {string.Join(", ", Names)}.");
    }

    /// <summary>The body of a saved model, made again by the name it was saved under; null for an unknown one.</summary>
    internal static Backbone? Body(string name)
    {
        bool timm = name.EndsWith(Timm, StringComparison.Ordinal);
        return networks.TryGetValue(timm ? name[..^Timm.Length] : name, out var make) ? Backbone.Of(make(timm), name, name) : null;
    }

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
