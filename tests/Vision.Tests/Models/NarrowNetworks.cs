using Tessera.NN;
using Tessera.Vision;
using Architecture = Tessera.Vision.Architecture;

namespace Tessera.Tests.Models;

/// <summary>Every network that <see cref="Architecture.Named"/> knows, an eighth as wide, with a head for five classes.</summary>
static class NarrowNetworks
{
    public static Sequential Create(string name)
    {
        Generator.Seed(3);
        var (body, channels) = name.StartsWith("resnet", StringComparison.Ordinal) ? Body(ResNet(name)) : Features(name);
        return new Sequential(body, Head.Create(channels, 5, [16]));
    }

    static (Module, int) Body(ResNetOptions options) => (new ResNet(options with { Width = 8, Classes = 0 }).Body(), 8 * (options.Features / 64));

    static (Module, int) Features(string name)
    {
        var network = Architecture.Narrow(8).Single(n => n.Name == name).Make();
        return (network.Features, network.Channels);
    }

    static ResNetOptions ResNet(string name) => name switch
    {
        "resnet18" => ResNetOptions.ResNet18,
        "resnet34" => ResNetOptions.ResNet34,
        "resnet50" => ResNetOptions.ResNet50,
        "resnet101" => ResNetOptions.ResNet101,
        _ => ResNetOptions.ResNet152,
    };
}
