using System.Globalization;

namespace Tessera.Emulator;

/// <summary>The names of a block or of the module: variables, registers, functions, branch tables and labels.</summary>
sealed class Scope(Scope? parent)
{
    readonly Dictionary<string, object> symbols = new(StringComparer.Ordinal);
    readonly Dictionary<string, Variable> ranges = new(StringComparer.Ordinal);
    readonly HashSet<string> labels = new(StringComparer.Ordinal);

    public Scope? Parent { get; } = parent;

    /// <summary>What the name stands for here or further out; null for nothing.</summary>
    public object? Find(string name)
    {
        for (Scope? scope = this; scope != null; scope = scope.Parent)
            if (scope.FindHere(name) is object found) return found;
        return null;
    }

    /// <summary>What the name stands for in this very block.</summary>
    public object? FindHere(string name) => symbols.TryGetValue(name, out object? found) ? found : InRange(name);

    /// <summary><c>%r7</c> belongs to <c>%r&lt;8&gt;</c>.</summary>
    Variable? InRange(string name)
    {
        if (ranges.Count == 0 || !char.IsAsciiDigit(name[^1])) return null;
        int end = name.Length;
        while (end > 0 && char.IsAsciiDigit(name[end - 1])) end--;
        // %r07 is no register of %r<8>, and %r1<8> with %r12 is: every cut between digits may be the place where the number starts.
        for (int cut = end; cut < name.Length; cut++)
        {
            if (name[cut] == '0' && cut < name.Length - 1) continue;
            if (ranges.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(name.AsSpan(0, cut), out Variable? range)
                && long.TryParse(name.AsSpan(cut), NumberStyles.None, CultureInfo.InvariantCulture, out long index) && index < range.Count)
                return range;
        }
        return null;
    }

    /// <summary>Adds a name; false where the block has it already.</summary>
    public bool Add(string name, object symbol)
    {
        if (symbol is Variable { Count: >= 0 } range)
        {
            foreach (string other in symbols.Keys)
                if (other.Length > name.Length && other.StartsWith(name, StringComparison.Ordinal)
                    && long.TryParse(other.AsSpan(name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long index) && index < range.Count)
                    return false;
            return ranges.TryAdd(name, range);
        }
        return FindHere(name) == null && symbols.TryAdd(name, symbol);
    }

    public void Replace(string name, object symbol) => symbols[name] = symbol;

    public bool AddLabel(string name) => labels.Add(name);

    public bool HasLabelHere(string name) => labels.Contains(name);

    public bool HasLabel(string name)
    {
        for (Scope? scope = this; scope != null; scope = scope.Parent)
            if (scope.labels.Contains(name)) return true;
        return false;
    }
}
