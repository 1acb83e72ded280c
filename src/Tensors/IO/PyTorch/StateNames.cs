using System.Globalization;

namespace Tessera;

/// <summary>
/// Names for the tensors of nested dictionaries: the keys on the way, joined by dots; an item of a list is named by its number. Of a checkpoint with
/// an entry <c>state_dict</c>, <c>model_state_dict</c> or <c>model</c> only that is taken; a prefix <c>module.</c> of all names (DataParallel) is dropped.
/// </summary>
static class StateNames
{
    const int MaxDepth = 16;
    const int MaxVisits = 1_000_000; // shared dictionaries may stand under many names
    const int MaxTensors = 50_000;
    const int MaxName = 1000;
    const string Parallel = "module.";

    static readonly string[] wrappers = ["state_dict", "model_state_dict", "model"];

    /// <summary>The tensors of what a pickle made, by name; other values are left out.</summary>
    /// <exception cref="DataException">There is no tensor, or the dictionaries are nested without end.</exception>
    public static OrderedDictionary<string, TensorReference> Of(object? root, string file)
    {
        if (root is not PickleDictionary dictionary) throw PickleGlobals.Error(file, "content", root is TensorReference ? "a single tensor" : "no dictionary", "a dictionary of tensors");
        for (int depth = 0; depth < MaxDepth && Wrapped(dictionary) is { } inner; depth++) dictionary = inner;
        OrderedDictionary<string, TensorReference> found = new(StringComparer.Ordinal);
        int visits = 0;
        Visit(dictionary, "", 0);
        if (found.Count == 0) throw PickleGlobals.Error(file, "content", "no tensor", "a dictionary of tensors");
        return found.Keys.All(name => name.StartsWith(Parallel, StringComparison.Ordinal) && name.Length > Parallel.Length)
            ? new(found.Select(t => KeyValuePair.Create(t.Key[Parallel.Length..], t.Value)), StringComparer.Ordinal)
            : found;

        void Visit(object? value, string name, int depth)
        {
            if (depth > MaxDepth || visits > MaxVisits || found.Count > MaxTensors || name.Length > MaxName)
                throw PickleGlobals.Error(file, "content", "dictionaries nested too deep, too often or under too long names", $"at most {MaxDepth} levels, {MaxVisits} values, {MaxTensors} tensors and names of {MaxName} characters");
            if (value is TensorReference tensor && !found.TryAdd(name, tensor)) throw PickleGlobals.Error(file, "content", $"two tensors named '{name}'", "one");
            foreach (var (key, item) in Items(value))
            {
                visits++;
                if (item is TensorReference or PickleDictionary or IEnumerable<object?>) Visit(item, name.Length == 0 ? key : $"{name}.{key}", depth + 1);
            }
        }
    }

    static PickleDictionary? Wrapped(PickleDictionary dictionary) =>
        wrappers.Select(w => dictionary.Items.GetValueOrDefault(w)).OfType<PickleDictionary>().FirstOrDefault();

    static IEnumerable<KeyValuePair<string, object?>> Items(object? value) => value switch
    {
        PickleDictionary d => d.Items,
        IEnumerable<object?> list => list.Select((item, i) => KeyValuePair.Create(i.ToString(CultureInfo.InvariantCulture), item)),
        _ => [],
    };
}
