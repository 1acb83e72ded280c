namespace Tessera.NN;

/// <summary>Layers that learn at one rate, and are frozen together.</summary>
public sealed class LayerGroup
{
    /// <summary>A group.</summary>
    /// <param name="name">What people call it: <c>body</c>, <c>head</c>.</param>
    /// <param name="modules">Its modules; those without children inside them are taken.</param>
    public LayerGroup(string name, params IEnumerable<Module> modules)
    {
        Name = name;
        Modules = [.. modules.SelectMany(Layers).Distinct()];
    }

    /// <summary>What people call it.</summary>
    public string Name { get; }

    /// <summary>The layers: modules without children, or with parameters of their own.</summary>
    public IReadOnlyList<Module> Modules { get; }

    /// <summary>All parameters.</summary>
    public IEnumerable<Tensor> Parameters => Modules.SelectMany(Own).Distinct();

    /// <summary>Scale and shift of the batch norms.</summary>
    public IEnumerable<Tensor> BatchNormParameters => Modules.OfType<BatchNorm>().SelectMany(Own).Distinct();

    /// <summary>The layers inside a module, in order: modules without children, or with parameters of their own.</summary>
    public static IEnumerable<Module> Layers(Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        return module.NamedModules().Select(m => m.Module).Where(m => !m.NamedChildren().Any() || Own(m).Any());
    }

    /// <summary>Cuts a model's layers before the first layer of each of <paramref name="splitPoints"/>.</summary>
    /// <exception cref="TesseraException">A split point is not in the model, or stands before an earlier one.</exception>
    public static IReadOnlyList<LayerGroup> Split(Module model, params IReadOnlyList<Module> splitPoints)
    {
        ArgumentNullException.ThrowIfNull(splitPoints);
        List<Module> layers = [.. Layers(model)];
        List<int> cuts = [0, .. splitPoints.Select(p => layers.IndexOf(Layers(p).First())), layers.Count];
        for (int i = 1; i < cuts.Count; i++)
            if (cuts[i] <= cuts[i - 1])
                throw new TesseraException(
                    $"LayerGroup.Split: split point {i} of {splitPoints.Count} is not a later part of the model: "
                        + $"got a {splitPoints[i - 1].GetType().Name}, expected modules of the model in its order. "
                        + "Hint: the first group begins with the model itself.");
        return [.. Enumerable.Range(0, cuts.Count - 1).Select(i => new LayerGroup(Named(i, cuts.Count - 1), layers[cuts[i]..cuts[i + 1]]))];
    }

    /// <summary>The parameters of a module itself, without those of its children.</summary>
    internal static IEnumerable<Tensor> Own(Module module) =>
        module.OwnParameters.Select(p => p.Tensor);

    static string Named(int i, int n) => n == 1 ? "model" : i == n - 1 ? "head" : n == 2 ? "body" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"body {i}");
}
