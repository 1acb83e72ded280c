using System.Globalization;

namespace Tessera.Emulator;

/// <summary>The forms of all instructions and the properties of opcodes, read once from <c>opcodes.txt</c>.</summary>
static class FormTable
{
    static readonly Lazy<(Dictionary<string, Form[]> Forms, HashSet<(string, string)> Properties)> table = new(Load);

    /// <summary>The forms of an opcode, those with the longest prefix first; null for an unknown one.</summary>
    public static Form[]? Of(string opcode) => table.Value.Forms.GetValueOrDefault(opcode);

    /// <summary>Whether the table gives an opcode a property, such as <c>warp</c>.</summary>
    public static bool Is(string opcode, string property) => table.Value.Properties.Contains((opcode, property));

    static (Dictionary<string, Form[]>, HashSet<(string, string)>) Load()
    {
        using Stream stream = typeof(FormTable).Assembly.GetManifestResourceStream("opcodes.txt")!;
        using StreamReader reader = new(stream);
        Dictionary<string, string> lists = new(StringComparer.Ordinal);
        List<Form> all = [];
        HashSet<(string, string)> properties = [];
        while (reader.ReadLine() is string line)
        {
            line = line.Trim();
            if (line.Length == 0 || line[0] == '#') continue;
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (line[0] == '$') lists.Add(line[1..equals].Trim(), Expand(line[(equals + 1)..].Trim(), lists));
            else if (line[0] == '!') properties.UnionWith(line[(equals + 1)..].Split(',').Select(opcode => (opcode.Trim(), line[1..equals].Trim())));
            else all.AddRange(Line(line, lists));
        }
        var forms = all.GroupBy(f => f.Opcode, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => g.OrderByDescending(f => f.Prefix.Length).ToArray(), StringComparer.Ordinal);
        return (forms, properties);
    }

    static string Expand(string text, Dictionary<string, string> lists) =>
        string.Join('/', text.Split('/').Select(item => item.StartsWith('$') ? lists[item[1..]] : item));

    static IEnumerable<Form> Line(string line, Dictionary<string, string> lists)
    {
        string[] parts = line.Split(';', StringSplitOptions.TrimEntries);
        string[] words = parts[0].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Slot[] slots = [.. words[1..].Select(w => ReadSlot(w, lists))];
        OperandRule[] operands = [.. parts[1].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ReadOperand)];
        Gate gate = parts.Length > 2 ? Gate.Parse(parts[2]) : default;
        foreach (string name in words[0].Split(','))
        {
            string[] gated = name.Split('@');
            string[] pieces = gated[0].Split('.');
            yield return new(pieces[0], pieces[1..], slots, operands, gate, gated.Length > 1 ? Gate.Parse(gated[1]) : default);
        }
    }

    /// <summary><c>.x/y@7.0,80</c>, <c>[.x/y]</c> or <c>:u32/s32</c>.</summary>
    static Slot ReadSlot(string word, Dictionary<string, string> lists)
    {
        bool optional = word[0] == '[';
        if (optional) word = word[1..^1];
        Choice[] choices = [.. Expand(word[1..], lists).Split('/').Select(ReadChoice)];
        return new(word[0] == ':', !optional, choices);
    }

    static Choice ReadChoice(string text)
    {
        int at = text.IndexOf('@', StringComparison.Ordinal);
        return at < 0 ? new(text, default) : new(text[..at], Gate.Parse(text[(at + 1)..]));
    }

    static OperandRule ReadOperand(string text)
    {
        OperandRule rule = new(text[0] switch
        {
            'd' => OperandKind.Result,
            'a' => OperandKind.Value,
            'r' => OperandKind.Register,
            'p' => OperandKind.Predicate,
            'q' => OperandKind.PlainPredicate,
            'P' => OperandKind.PredicateResult,
            'k' => OperandKind.Constant,
            'm' => OperandKind.Address,
            'y' => OperandKind.Symbol,
            'l' => OperandKind.Label,
            't' => OperandKind.Table,
            '_' => OperandKind.Sink,
            _ => OperandKind.Any,
        });
        for (int i = 1; i < text.Length; i++)
        {
            string rest = text[(i + 1)..];
            switch (text[i])
            {
                case '~': rule = rule with { Wider = true }; break;
                case '?': rule = rule with { Optional = true }; break;
                case '_': rule = rule with { MaySink = true }; break;
                case '|': rule = rule with { SecondResult = true }; i++; break;
                case '&': rule = rule with { SecondResult = true, NeedsSecond = true }; i++; break;
                case '%':
                    string multiple = string.Concat(rest.TakeWhile(char.IsAsciiDigit));
                    rule = rule with { Multiple = int.Parse(multiple, CultureInfo.InvariantCulture) };
                    i += multiple.Length;
                    break;
                case '{':
                    string size = rest[..rest.IndexOf('}', StringComparison.Ordinal)];
                    rule = rule with { Vector = size switch { "v" => -1, "*" => -2, "n/2" => -3, "n/4" => -4, _ => int.Parse(size, CultureInfo.InvariantCulture) } };
                    i += size.Length + 1;
                    break;
                case '(':
                    string values = rest[..rest.IndexOf(')', StringComparison.Ordinal)];
                    rule = WithValues(rule, values);
                    i += values.Length + 1;
                    break;
                case ':':
                    string type = rest[..(rest.IndexOfAny(['~', '?', '_', '|', '&', '%', '{', '(']) is >= 0 and int end ? end : rest.Length)];
                    rule = char.IsAsciiDigit(type[0]) ? rule with { TypeSlot = type[0] - '0' }
                        : rule.Kind == OperandKind.Address ? rule with { Space = Enum.Parse<Space>(type, ignoreCase: true) }
                        : rule with { Type = PtxTypes.Parse(type) };
                    i += type.Length;
                    break;
            }
        }
        return rule;
    }

    static OperandRule WithValues(OperandRule rule, string text)
    {
        if (!text.Contains('-', StringComparison.Ordinal))
            return rule with { Values = [.. text.Split(',').Select(v => long.Parse(v, CultureInfo.InvariantCulture))] };
        string[] ends = text.Split('-');
        return rule with { Range = (long.Parse(ends[0], CultureInfo.InvariantCulture), long.Parse(ends[1], CultureInfo.InvariantCulture)) };
    }
}
