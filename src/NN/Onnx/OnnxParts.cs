namespace Tessera.NN;

/// <summary>
/// Counts the parts of a model before it is parsed: an empty node takes two bytes in a file and two hundred in memory, so that a file of
/// nothing else would fill it.
/// </summary>
internal static class OnnxParts
{
    /// <summary>Most fields of graphs, nodes, attributes and tensors together; a network of a thousand layers has about 20,000.</summary>
    public const int Most = 1 << 19;

    const int MaxDepth = 100, VarintsAPart = 16;

    enum Kind { None, Model, Graph, Node, Attribute, Tensor, Value, Type, TensorType, Shape, Texts }

    /// <summary>Refuses a model of more parts. Where the file is damaged, what comes before counts.</summary>
    /// <param name="model">The content of a file.</param>
    /// <param name="most">How many it may have.</param>
    /// <exception cref="InvalidDataException">Too many parts, or graphs nested too deep.</exception>
    public static void Require(ReadOnlySpan<byte> model, int most = Most)
    {
        long left = most;
        Count(model, Kind.Model, 0, ref left);
        if (left < 0) throw new InvalidDataException($"it has more than {most} parts.");
    }

    static void Count(ReadOnlySpan<byte> message, Kind kind, int depth, ref long left)
    {
        if (depth > MaxDepth) throw new InvalidDataException($"messages are nested more than {MaxDepth} deep.");
        for (int at = 0; at < message.Length && left >= 0;)
        {
            left--;
            if (!TryVarint(message, ref at, out ulong tag)) return;
            ulong length = 0;
            bool read = (tag & 7) switch
            {
                0 => TryVarint(message, ref at, out _),
                1 => (length = 8) > 0,
                2 => TryVarint(message, ref at, out length),
                5 => (length = 4) > 0,
                _ => false,
            };
            if (!read || length > (ulong)(message.Length - at)) return;
            var content = message.Slice(at, (int)length);
            at += (int)length;
            if ((tag & 7) != 2) continue;
            ulong field = tag >> 3;
            if (IsVarints(kind, field)) left -= content.Length / VarintsAPart;
            else if (Inside(kind, field) is var inside and not Kind.None) Count(content, inside, depth + 1, ref left);
        }
    }

    static Kind Inside(Kind kind, ulong field) => (kind, field) switch
    {
        (Kind.Model, 7) or (Kind.Attribute, 6 or 11) => Kind.Graph,
        (Kind.Graph, 1) => Kind.Node,
        (Kind.Graph, 5) or (Kind.Attribute, 5 or 10) => Kind.Tensor,
        (Kind.Graph, 11 or 12 or 13) => Kind.Value,
        (Kind.Node, 5) => Kind.Attribute,
        (Kind.Value, 2) => Kind.Type,
        (Kind.Type, 1) => Kind.TensorType,
        (Kind.TensorType, 2) => Kind.Shape,
        (Kind.Shape, 1) or (Kind.Tensor, 13) or (Kind.Model, 8 or 14) => Kind.Texts,
        _ => Kind.None,
    };

    /// <summary>Whole numbers of one byte or more that become eight.</summary>
    static bool IsVarints(Kind kind, ulong field) => (kind, field) is (Kind.Attribute, 8) or (Kind.Tensor, 1 or 5 or 7 or 11);

    static bool TryVarint(ReadOnlySpan<byte> bytes, ref int at, out ulong value)
    {
        value = 0;
        for (int shift = 0; shift < 64 && at < bytes.Length; shift += 7)
        {
            byte b = bytes[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return true;
        }
        return false;
    }
}
