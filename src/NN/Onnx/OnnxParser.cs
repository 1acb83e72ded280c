using Google.Protobuf;

namespace Tessera.NN;

/// <summary>
/// Parses a model without copying the data of its initializers, which are nearly all of it: model, graph and initializers are taken apart field by
/// field, raw data stay where they are in the file, and all else goes through the generated parsers.
/// </summary>
internal sealed class OnnxParser
{
    // Field numbers of ModelProto, GraphProto and TensorProto.
    const int Graph = 7, Initializer = 5, RawData = 9;

    readonly IDictionary<TensorProto, ReadOnlyMemory<byte>> raw;
    readonly long most;
    long copied;

    OnnxParser(IDictionary<TensorProto, ReadOnlyMemory<byte>> raw, long most) => (this.raw, this.most) = (raw, most);

    /// <summary>The model; the raw data of its initializers are in <paramref name="raw"/>, not in the messages.</summary>
    /// <param name="file">The content of a file.</param>
    /// <param name="raw">Where raw data are noted.</param>
    /// <param name="parts">The most parts: see <see cref="OnnxParts"/>.</param>
    /// <param name="copied">The most bytes besides raw data of initializers.</param>
    /// <exception cref="InvalidDataException">A field runs over the end of its message, or is of an unknown kind; or there is more than allowed.</exception>
    /// <exception cref="InvalidProtocolBufferException">A message is damaged.</exception>
    public static ModelProto Parse(ReadOnlyMemory<byte> file, IDictionary<TensorProto, ReadOnlyMemory<byte>> raw, int parts = OnnxParts.Most, long copied = long.MaxValue)
    {
        OnnxParts.Require(file.Span, parts);
        return new OnnxParser(raw, copied).ParseModel(file);
    }

    ModelProto ParseModel(ReadOnlyMemory<byte> file)
    {
        GraphProto? graph = null;
        byte[] rest = Without(file, Graph, part =>
        {
            if (graph is null) graph = ParseGraph(part);
            else graph.MergeFrom(ParseGraph(part));
        });
        var model = Parsed(ModelProto.Parser, rest);
        model.Graph = graph;
        return model;
    }

    GraphProto ParseGraph(ReadOnlyMemory<byte> message)
    {
        List<TensorProto> initializers = [];
        var graph = Parsed(GraphProto.Parser, Without(message, Initializer, part => initializers.Add(ParseTensor(part))));
        graph.Initializer.AddRange(initializers);
        return graph;
    }

    TensorProto ParseTensor(ReadOnlyMemory<byte> message)
    {
        ReadOnlyMemory<byte> data = default;
        var tensor = Parsed(TensorProto.Parser, Without(message, RawData, part => data = part));
        raw[tensor] = data;
        return tensor;
    }

    static T Parsed<T>(MessageParser<T> parser, byte[] message) where T : IMessage<T> => parser.WithDiscardUnknownFields(true).ParseFrom(message);

    /// <summary>A message without the fields of one number, whose contents go to <paramref name="take"/>.</summary>
    byte[] Without(ReadOnlyMemory<byte> message, int field, Action<ReadOnlyMemory<byte>> take)
    {
        int length = 0, at = 0;
        Split(message, field, _ => { }, others => length += others.Length);
        if ((copied += length) > most) throw new InvalidDataException($"it has more than {most} bytes besides the raw data of its initializers.");
        byte[] rest = new byte[length];
        Split(message, field, take, others =>
        {
            others.Span.CopyTo(rest.AsSpan(at));
            at += others.Length;
        });
        return rest;
    }

    /// <summary>The contents of the fields of one number, and whatever stands between them.</summary>
    static void Split(ReadOnlyMemory<byte> message, int field, Action<ReadOnlyMemory<byte>> take, Action<ReadOnlyMemory<byte>> leave)
    {
        var bytes = message.Span;
        int begin = 0; // of the others
        for (int at = 0; at < bytes.Length;)
        {
            int start = at;
            ulong tag = Varint(bytes, ref at);
            ulong length = (tag & 7) switch
            {
                0 => Varint(bytes, ref at) & 0, // a number is over where it ends
                1 => 8,
                2 => Varint(bytes, ref at),
                5 => 4,
                var kind => throw new InvalidDataException($"a field is of kind {kind}."),
            };
            if (length > (ulong)(bytes.Length - at)) throw new InvalidDataException($"a field of {length} bytes runs over the end.");
            int end = at + (int)length;
            if (tag == ((ulong)field << 3 | 2))
            {
                leave(message[begin..start]);
                take(message[at..end]);
                begin = end;
            }
            at = end;
        }
        leave(message[begin..]);
    }

    /// <summary>Seven bits a byte, the lowest first; the eighth says that more follow.</summary>
    static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            if (at == bytes.Length) throw new InvalidDataException("the file ends within a number.");
            byte b = bytes[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new InvalidDataException("a number has more than 64 bits.");
    }
}
