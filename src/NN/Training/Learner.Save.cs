using System.Globalization;

namespace Tessera.NN;

public partial class Learner
{
    const string OptimizerPrefix = "optimizer/";
    const string OptimizerKey = "optimizer";

    /// <summary>Saves the model's state, and the optimizer's, as one safetensors file: whole or not at all.</summary>
    /// <param name="name">A name in <see cref="ModelFolder"/>, or a path that ends in <c>.safetensors</c>.</param>
    /// <param name="withOptimizer">Whether the optimizer's state goes along.</param>
    /// <returns>The file.</returns>
    /// <exception cref="TesseraException">The file cannot be written; an older one is left as it was.</exception>
    public string Save(string name, bool withOptimizer = true)
    {
        string path = PathOf(name);
        using var scope = Scope.Begin();
        OrderedDictionary<string, Tensor> tensors = new(Model.StateDict(), StringComparer.Ordinal);
        if (withOptimizer && Optimizer is { } optimizer)
            foreach (var (key, tensor) in optimizer.State()) tensors.Add(OptimizerPrefix + key, tensor);
        var metadata = Metadata();
        LossScaler?.Describe(metadata);
        if (withOptimizer && Optimizer is not null) metadata[OptimizerKey] = OptimizerContent(Optimizer);
        Safetensors.Write(path, tensors, metadata.AsReadOnly());
        return path;
    }

    /// <summary>
    /// Takes over a state that <see cref="Save"/> wrote, or the model's state of any other safetensors file. An optimizer's state that does not fit
    /// the present layer groups and their freezing is ignored; what is frozen stays as it is, and so do the count of epochs and the random generator, which the file only names.
    /// </summary>
    /// <param name="name">As for <see cref="Save"/>.</param>
    /// <param name="withOptimizer">Whether the optimizer's state is wanted.</param>
    /// <param name="strict">Whether the names must agree.</param>
    /// <exception cref="DataException">The file is missing or damaged.</exception>
    /// <exception cref="TesseraException">The state does not fit the model; the message lists the differences.</exception>
    public Learner Load(string name, bool withOptimizer = true, bool strict = true)
    {
        using var scope = Scope.Begin();
        var file = Safetensors.Read(PathOf(name));
        var parts = file.Tensors.ToLookup(t => t.Key.StartsWith(OptimizerPrefix, StringComparison.Ordinal));
        Model.LoadStateDict(parts[false].ToDictionary(StringComparer.Ordinal), strict);
        LossScaler?.Restore(file.Metadata);
        if (!withOptimizer || !parts[true].Any()) return this;
        if (file.Metadata.GetValueOrDefault(OptimizerKey) == OptimizerContent(Made()))
            Made().LoadState(parts[true].ToDictionary(t => t.Key[OptimizerPrefix.Length..], t => t.Value, StringComparer.Ordinal));
        else
            Display?.Line("Load: the optimizer's state is of other layer groups or another freezing and was left out.");
        return this;
    }

    /// <summary>What <see cref="Save"/> writes beside the tensors; subclasses add to it.</summary>
    protected virtual IDictionary<string, string> Metadata() => new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["format"] = "tessera.learner/1",
        ["model"] = Model.GetType().Name,
        ["loss"] = Loss.Name,
        ["layer_groups"] = LayerGroups.Count.ToString(CultureInfo.InvariantCulture),
        ["frozen_to"] = FrozenTo.ToString(CultureInfo.InvariantCulture),
        ["epochs_trained"] = EpochsTrained.ToString(CultureInfo.InvariantCulture),
        ["generator_seed"] = Generator.Default.SeedValue.ToString(CultureInfo.InvariantCulture),
        ["generator_position"] = Generator.Default.Position.ToString(CultureInfo.InvariantCulture),
    };

    /// <summary>The kind of optimizer and the names of the parameters of each of its groups: states of others do not fit.</summary>
    string OptimizerContent(Optimizer optimizer)
    {
        var names = Model.NamedParameters().ToDictionary(p => p.Tensor, p => p.Name);
        return $"{optimizer.GetType().Name}: {string.Join(" | ", optimizer.Groups.Select(g => string.Join(' ', g.Parameters.Select(p => names[p]))))}";
    }

    string PathOf(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length == 0) throw new TesseraException("Learner: no name of a file: got an empty text, expected one. Hint: such as stage-1.");
        return name.EndsWith(".safetensors", StringComparison.Ordinal) ? name : Path.Combine(ModelFolder, $"{name}.safetensors");
    }
}
