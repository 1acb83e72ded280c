using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

/// <summary>
/// The inverted residual block of the mobile networks (Sandler et al. 2018, <see href="https://arxiv.org/abs/1801.04381"/>): x + f(x), or f(x) where sizes change.
/// f widens by a 1×1 convolution, filters each channel on its own, possibly weighs the channels, and narrows by a 1×1 convolution without activation.
/// </summary>
public sealed class InvertedResidual : Module
{
    readonly Sequential path;
    readonly StochasticDepth? drop;

    /// <summary>A block from its path; the path is the child of this name.</summary>
    internal InvertedResidual(string name, Sequential path, bool residual, double drop = 0)
    {
        this.path = Register(name, path);
        HasResidual = residual;
        if (residual && drop > 0) this.drop = Register("stochastic_depth", new StochasticDepth(drop));
    }

    /// <summary>Whether x is added.</summary>
    public bool HasResidual { get; }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        var y = path.Call(x);
        return HasResidual ? x + (drop?.Call(y) ?? y) : y;
    }

    /// <summary>The path as torchvision's MobileNetV3 and EfficientNet write it: each convolution with its norm is a child.</summary>
    internal static Sequential Path(int from, int expanded, int to, int kernel, int stride, Func<Module> activation, SqueezeExcitation? weigh, double eps, double momentum)
    {
        List<Module> path = [];
        if (expanded != from) path.Add(ConvNorm.Create(from, expanded, 1, activation: activation(), eps: eps, momentum: momentum));
        path.Add(ConvNorm.Create(expanded, expanded, kernel, stride, expanded, activation(), eps, momentum));
        if (weigh is not null) path.Add(weigh);
        path.Add(ConvNorm.Create(expanded, to, 1, eps: eps, momentum: momentum));
        return new Sequential([.. path]);
    }

    /// <summary>timm's names of the layers of a block, whose path has this name in torchvision.</summary>
    internal IEnumerable<(string Own, string Timm)> TimmModules(string own, string timm)
    {
        string prefix = $"{own}.{NamedChildren().First().Name}.";
        var layers = path.Index().SelectMany(m => Layers(m.Item, m.Index.ToString(CultureInfo.InvariantCulture))).ToList();
        bool widens = layers.Count(l => l.Layer is Conv2d) == 3;
        Queue<string> convolutions = new(widens ? ["conv_pw", "conv_dw", "conv_pwl"] : ["conv_dw", "conv_pw"]), norms = new(["bn1", "bn2", "bn3"]);
        foreach (var (at, layer) in layers)
        {
            if (layer is Conv2d) yield return (prefix + at, $"{timm}.{convolutions.Dequeue()}");
            if (layer is BatchNorm2d) yield return (prefix + at, $"{timm}.{norms.Dequeue()}");
            if (layer is not SqueezeExcitation) continue;
            yield return ($"{prefix}{at}.fc1", $"{timm}.se.conv_reduce");
            yield return ($"{prefix}{at}.fc2", $"{timm}.se.conv_expand");
        }
    }

    static IEnumerable<(string At, Module Layer)> Layers(Module module, string at) =>
        module is Sequential chain ? chain.Index().Select(m => (string.Create(CultureInfo.InvariantCulture, $"{at}.{m.Index}"), m.Item)) : [(at, module)];
}
