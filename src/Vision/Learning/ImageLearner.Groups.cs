using System.Globalization;
using Tessera.NN;

namespace Tessera.Vision;

public sealed partial class ImageLearner
{
    /// <summary>The layer groups that are usual for a network: those of its body, and the head.</summary>
    static LayerGroup[] Groups(Backbone backbone, Sequential model) =>
        [.. backbone.Groups.Index().Select(g => new LayerGroup(string.Create(CultureInfo.InvariantCulture, $"body {g.Index}"), g.Item)), new LayerGroup("head", model[1])];

    /// <summary>
    /// The layer groups for a file: the names of the outermost modules with which all but the first begin, or that they are not to be told so; nothing where they are the usual ones.
    /// </summary>
    (IReadOnlyList<string>? SplitAt, bool Other) DescribedGroups()
    {
        if (Same(LayerGroups, Groups(backbone, (Sequential)Model))) return (null, false);
        var names = new Dictionary<Module, string>();
        foreach (var (name, module) in Model.NamedModules()) names.TryAdd(LayerGroup.Layers(module).First(), name);
        Module?[] first = [.. LayerGroups.Skip(1).Select(g => g.Modules.FirstOrDefault())];
        if (!Array.TrueForAll(first, m => m is not null && names.ContainsKey(m))) return (null, true);
        string[] at = [.. first.Select(m => names[m!])];
        if (network.OwnHead && at.Any(name => name.StartsWith("1.", StringComparison.Ordinal))) return (null, true); // a file has the graph of such a head, not its modules
        try
        {
            return Same(LayerGroups, LayerGroup.Split(Model, first!)) ? (at, false) : (null, true);
        }
        catch (TesseraException) // not in the model's order
        {
            return (null, true);
        }
    }

    static bool Same(IReadOnlyList<LayerGroup> a, IReadOnlyList<LayerGroup> b) => a.Count == b.Count && a.Zip(b).All(p => p.First.Modules.SequenceEqual(p.Second.Modules));

    /// <summary>The layer groups of a file.</summary>
    static IReadOnlyList<LayerGroup> SplitAt(Sequential model, IReadOnlyList<string> names, string path)
    {
        var modules = model.NamedModules().ToDictionary(m => m.Name, m => m.Module, StringComparer.Ordinal);
        if (names.FirstOrDefault(name => !modules.ContainsKey(name)) is { } unknown)
            throw new DataException($"{path}: the layer groups are of another network: got one from '{unknown}' on, expected a module of this one. Hint: train and save the model again.");
        try
        {
            return LayerGroup.Split(model, [.. names.Select(name => modules[name])]);
        }
        catch (TesseraException e)
        {
            throw new DataException($"{path}: the layer groups are impossible: {e.Message}", e);
        }
    }
}
