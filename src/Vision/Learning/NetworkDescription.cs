using Tessera.NN;

namespace Tessera.Vision;

/// <summary>A body and a head, described so that the network can be built again.</summary>
/// <param name="Name">What people call it: <c>resnet34</c>.</param>
/// <param name="Body">The form of a residual body; null for an ONNX graph and for the networks that their name describes.</param>
/// <param name="Hidden">Widths of the head's hidden layers.</param>
/// <param name="Dropout">Probability of the head's last dropout.</param>
/// <param name="BnFinal">A batch norm of the scores.</param>
public sealed record NetworkDescription(string Name, ResNetOptions? Body, IReadOnlyList<int> Hidden, double Dropout, bool BnFinal)
{
    const int MaxHidden = 64, MaxBlocks = 2000;

    /// <summary>The value of an ONNX graph that is its feature maps, where one was named.</summary>
    public string? Cut { get; init; }

    /// <summary>How many children of the features of a network that its name describes are the body; null for all.</summary>
    public int? Parts { get; init; }

    /// <summary>The probability of each of the head's dropouts; null where <see cref="Dropout"/> says all.</summary>
    public IReadOnlyList<double>? Dropouts { get; init; }

    /// <summary>The head begins with an average pool alone, not with concatenated max and average pools.</summary>
    public bool AveragePool { get; init; }

    /// <summary>The head is of the user's making; nothing else here describes it.</summary>
    public bool OwnHead { get; init; }

    /// <summary>Whether the first versions of model files could say it.</summary>
    internal bool HasUsualHead => Dropouts is null && !AveragePool && !OwnHead;

    /// <summary>Nothing is missing, and the numbers are possible. Whether a file fills the network shows when it is built.</summary>
    internal bool IsWhole() => Name is not null && Parts is null or > 0 && Dropout is >= 0 and <= 1 && Hidden is { Count: <= MaxHidden } && Hidden.All(n => n > 0)
        && (Dropouts is null || (Dropouts.Count == Hidden.Count + 1 && Dropouts.All(p => p is >= 0 and <= 1)))
        && (Body is null or { Blocks: { Count: > 0 and <= 8 }, Width: > 0 and <= 1 << 16 } && Body?.Blocks.All(n => n is > 0 and <= MaxBlocks) != false);

    /// <summary>The network over a body: child 0 the body, child 1 the given head, or a fresh one.</summary>
    internal Sequential Join(Backbone backbone, int classes, Module? head = null, Action<Tensor>? init = null) =>
        new(backbone.Body, head ?? Head.Create(backbone.Features, classes, Hidden, Dropout, BnFinal, Dropouts, !AveragePool, init));
}
