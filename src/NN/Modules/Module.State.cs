using System.Globalization;

namespace Tessera.NN;

public abstract partial class Module
{
    /// <summary>What a batch norm counts; older state dicts lack it.</summary>
    internal const string BatchCounter = "num_batches_tracked";

    const int Named = 5; // names of a kind in a message

    /// <summary>All parameters and buffers by state-dict name: the tensors themselves, not copies, in the order of the modules.</summary>
    public IReadOnlyDictionary<string, Tensor> StateDict()
    {
        OrderedDictionary<string, Tensor> state = new(StringComparer.Ordinal);
        Collect("", state);
        return state;
    }

    /// <summary>
    /// Copies tensors into the parameters and buffers of the same names, cast and moved as needed. Either all is copied or, after an error, nothing.
    /// </summary>
    /// <param name="state">Tensors by state-dict name. The batch counters of batch norms may be absent.</param>
    /// <param name="strict">Whether every name must be there and no other; shapes must fit in any case.</param>
    /// <exception cref="TesseraException">Names are missing or unexpected (strict), or shapes differ; the message names the first of each kind.</exception>
    public void LoadStateDict(IReadOnlyDictionary<string, Tensor> state, bool strict = true)
    {
        ArgumentNullException.ThrowIfNull(state);
        var own = StateDict();
        string[] missing = [.. own.Keys.Where(name => !state.ContainsKey(name) && !IsBatchCounter(name))];
        string[] unexpected = [.. state.Keys.Where(name => !own.ContainsKey(name))];
        string[] mismatched = [.. own.Where(t => state.TryGetValue(t.Key, out var value) && value.Shape != t.Value.Shape)
            .Select(t => $"{t.Key} (got {state[t.Key].Shape}, expected {t.Value.Shape})")];
        if (mismatched.Length > 0 || (strict && missing.Length + unexpected.Length > 0))
            throw new TesseraException($"LoadStateDict: the state does not fit {GetType().Name}: got {state.Count} tensors, expected {own.Count}."
                + List("Missing", strict ? missing : []) + List("Unexpected", strict ? unexpected : []) + List("Other shape", mismatched)
                + " Hint: " + (mismatched.Length > 0 ? "build the module with the sizes the state was saved with." : "strict: false loads the names that agree."));
        foreach (var (name, tensor) in own)
            if (state.TryGetValue(name, out var value)) tensor.CopyFrom(value);
    }

    void Collect(string path, OrderedDictionary<string, Tensor> state)
    {
        foreach (var (name, tensor) in parameters.Concat(buffers)) state.Add(Join(path, name), tensor);
        foreach (var (name, child) in children) child.Collect(Join(path, name), state);
    }

    static bool IsBatchCounter(string name) => name == BatchCounter || name.EndsWith("." + BatchCounter, StringComparison.Ordinal);

    static string List(string what, string[] names) => names.Length == 0 ? ""
        : string.Create(CultureInfo.InvariantCulture, $" {what}: {string.Join(", ", names.Take(Named))}{(names.Length > Named ? $" and {names.Length - Named} more" : "")}.");
}
