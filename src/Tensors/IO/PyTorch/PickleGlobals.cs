namespace Tessera;

/// <summary>A function or type that a pickle may name.</summary>
/// <param name="Name">Its full name.</param>
/// <param name="Call">What calling it makes: from the arguments and the file's name.</param>
sealed record PickleGlobal(string Name, Func<object?[], string, object?> Call);

/// <summary>All names a pickle of tensors may use. The list is closed: no other name is looked up anywhere.</summary>
static class PickleGlobals
{
    static readonly Dictionary<string, object> known = Known();

    /// <summary>The global of a name.</summary>
    /// <exception cref="DataException">It is not in the list.</exception>
    public static object Find(string module, string name, string file)
    {
        string full = $"{module}.{name}";
        if (known.TryGetValue(full, out object? global)) return global;
        throw new DataException($"{file}: holds more than tensors: got {Printable(full)}, expected only dictionaries of tensors. "
            + "Hint: nothing was executed; save the weights alone in Python: torch.save(model.state_dict(), path).");
    }

    /// <summary>The storage that a persistent id names: ('storage', type, key, location, count) and in old files a view (key, offset, count).</summary>
    public static StorageReference Storage(object? id, string file)
    {
        if (id is not object?[] { Length: 5 or 6 } parts || parts[0] is not "storage" || parts[1] is not StorageType type || parts[2] is not string key || parts[4] is not long count || count < 0)
            throw Error(file, "storage", "an id that does not name one", "('storage', type, key, location, count)");
        if (parts.Length == 5 || parts[5] is null) return new StorageReference(key, type, count);
        return parts[5] is object?[] { Length: 3 } view && view[1] is long start and >= 0 && view[2] is long length and >= 0 && start <= count - length
            ? new StorageReference(key, type, length, start)
            : throw Error(file, "storage", "a view outside its storage", "(key, offset, count) inside");
    }

    public static DataException Error(string file, string what, object got, object expected) =>
        new(FormattableString.Invariant($"{file}: {what}: got {got}, expected {expected}. Hint: the file is damaged or not a state dict; save it again: torch.save(model.state_dict(), path)."));

    static Dictionary<string, object> Known()
    {
        var globals = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var element in PyTorchElement.All)
        {
            var type = new StorageType(element.Name, element);
            foreach (string name in (string[])[element.Storage, "cuda." + element.Storage, element.Name]) globals["torch." + name] = type;
        }
        globals["torch.storage.UntypedStorage"] = globals["torch.UntypedStorage"] = new StorageType("bytes", null);
        Add("torch._utils._rebuild_tensor", (a, file) => Tensor(a, null, file));
        Add("torch._utils._rebuild_tensor_v2", (a, file) => Tensor(a, null, file));
        Add("torch._utils._rebuild_tensor_v3", (a, file) => Tensor(a, (a.ElementAtOrDefault(6) as StorageType)?.Element, file));
        Add("torch._utils._rebuild_parameter", Parameter);
        Add("torch._utils._rebuild_parameter_with_state", Parameter);
        Add("torch.Size", (a, _) => a is [object?[] sizes] ? sizes : a);
        Add("collections.OrderedDict", Ordered);
        return globals;

        void Add(string name, Func<object?[], string, object?> call) => globals[name] = new PickleGlobal(name, call);
    }

    // (storage, offset, sizes, strides, ...)
    static TensorReference Tensor(object?[] a, PyTorchElement? element, string file)
    {
        if (a.Length < 4 || a[0] is not StorageReference storage || a[1] is not (long offset and >= 0) || a[2] is not object?[] sizes || a[3] is not object?[] strides || sizes.Length != strides.Length)
            throw Error(file, "tensor", "arguments that do not describe one", "(storage, offset, sizes, strides, ...)");
        element = element ?? storage.Type.Element ?? throw Error(file, "tensor", "bytes without an element type", "a typed storage");
        if (!Array.TrueForAll(sizes, n => n is long and >= 0 and <= int.MaxValue) || !Array.TrueForAll(strides, n => n is long and >= 0) || sizes.Length > 64)
            throw Error(file, "tensor", $"sizes ({string.Join(", ", sizes)}) and strides ({string.Join(", ", strides)})", "none below 0 or above 2147483647");
        int[] shape = [.. sizes.Select(n => (int)(long)n!)];
        if (shape.Aggregate(UInt128.One, (product, n) => UInt128.Min(product * (uint)n, 1UL << 62)) * (uint)element.Width > (uint)Array.MaxLength)
            throw Error(file, "tensor", $"sizes ({string.Join(", ", sizes)})", $"at most {Array.MaxLength} bytes");
        return new TensorReference(storage, element, offset, shape, [.. strides.Select(n => (long)n!)]);
    }

    static TensorReference Parameter(object?[] a, string file) => a is [TensorReference data, ..] ? data : throw Error(file, "parameter", "something else", "a tensor");

    static PickleDictionary Ordered(object?[] a, string file)
    {
        var result = new PickleDictionary();
        if (a.Length == 0) return result;
        if (a is not [List<object?> pairs]) throw Error(file, "OrderedDict", "arguments", "none, or a list of pairs");
        foreach (object? pair in pairs)
        {
            object?[] items = pair switch { object?[] tuple => tuple, List<object?> list => [.. list], _ => [] };
            if (items.Length != 2) throw Error(file, "OrderedDict", "an item", "pairs");
            result.Add(items[0], items[1]);
        }
        return result;
    }

    static string Printable(string name) => string.Concat(name.Take(200).Select(c => char.IsControl(c) ? '?' : c));
}
