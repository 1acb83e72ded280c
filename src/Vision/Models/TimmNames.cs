using System.Text.RegularExpressions;

namespace Tessera.Vision;

/// <summary>The names that timm, the other large collection of PyTorch networks, gives to tensors that torchvision has too.</summary>
/// <param name="modules">Modules that are called otherwise: path in torchvision, path in timm.</param>
sealed partial class TimmNames(IEnumerable<(string Own, string Timm)> modules)
{
    readonly Dictionary<string, string> modules = modules.ToDictionary(m => m.Own, m => m.Timm, StringComparer.Ordinal);

    /// <summary>timm's name of a tensor of torchvision's.</summary>
    public string Of(string name)
    {
        int dot = name.LastIndexOf('.');
        if (dot < 0 || !modules.TryGetValue(name[..dot], out string? module)) return name;
        string leaf = name[(dot + 1)..];
        return $"{module}.{(leaf == "layer_scale" ? "gamma" : leaf)}";
    }

    /// <summary>Whether tensors of these names come from timm.</summary>
    public static bool Are(IEnumerable<string> names) => names.Any(n => n.StartsWith("conv_stem.", StringComparison.Ordinal) || n.StartsWith("stem.", StringComparison.Ordinal));

    /// <summary>A tensor in the shape it has there: layers that act on single pixels are 1×1 convolutions, those on 7×7 maps 7×7 convolutions; scales have one dimension.</summary>
    public static Tensor Shaped(string name, Tensor value) => name switch
    {
        "conv_head.weight" or "pre_logits.fc2.weight" when value.Rank == 2 => value.Detach().Reshape(value.Shape[0], value.Shape[1], 1, 1),
        "pre_logits.fc1.weight" => value.Detach().Reshape(value.Shape[0], -1, 7, 7),
        _ when name.EndsWith(".gamma", StringComparison.Ordinal) => value.Detach().Flatten(0),
        _ => value,
    };

    /// <summary>A DenseNet's name today: the weights of 2017 have <c>norm.1</c> for <c>norm1</c>.</summary>
    public static string WithoutDots(string name) => Dotted().Replace(name, "$1$2.");

    [GeneratedRegex(@"(?<=denselayer\d+\.)(norm|conv)\.([12])\.")]
    private static partial Regex Dotted();
}
