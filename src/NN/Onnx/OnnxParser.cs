using System.Buffers;
using Google.Protobuf;

namespace Tessera.NN;

/// <summary>
/// Parses a model without copying the data of its initializers, which are nearly all of it: model, graph and initializers are taken apart field by
/// field, raw data stay where they are in the file, and all else goes through the generated parsers.
/// </summary>
internal static class OnnxParser
{
    // Field numbers of ModelProto, GraphProto and TensorProto.
    const int Graph = 7, Initializer = 5, RawData = 9;

    /// <summary>The model; the raw data of its initializers are in <paramref name="raw"/>, not in the messages.</summary>
    /// <exception cref="InvalidDataException">A field runs over the end of its message, or is of an unknown kind.</exception>
    /// <exception cref="InvalidProtocolBufferException">A message is damaged.</exception>
    public static ModelProto Parse(ReadOnlyMemory<byte> file, IDictionary<TensorProto, ReadOnlyMemory<byte>> raw)
    {
        OnnxParts.Require(file.Span);
        GraphProto? graph = null;
        byte[] rest = Without(file, Graph, part =>
        {
            if (graph is null) graph = ParseGraph(part, raw);
            else graph.MergeFrom(ParseGraph(part, raw));
        });
        var model = Parsed(ModelProto.Parser, rest);
        model.Graph = graph;
        return model;
    }

    static GraphProto ParseGraph(ReadOnlyMemory<byte> message, IDictionary<TensorProto, ReadOnlyMemory<byte>> raw)
    {
        List<TensorProto> initializers = [];
        var graph = Parsed(GraphProto.Parser, Without(message, Initializer, part => initializers.Add(ParseTensor(part, raw))));
        graph.Initializer.AddRange(initializers);
        return graph;
    }

    static TensorProto ParseTensor(ReadOnlyMemory<byte> message, IDictionary<TensorProto, ReadOnlyMemory<byte>> raw)
    {
        ReadOnlyMemory<byte> data = default;
        var tensor = Parsed(TensorProto.Parser, Without(message, RawData, part => data = part));
        raw[tensor] = data;
        return tensor;
    }

    static T Parsed<T>(MessageParser<T> parser, byte[] message) where T : IMessage<T> => parser.WithDiscardUnknownFields(true).ParseFrom(message);

    /// <summary>A message without the fields of one number, whose contents go to <paramref name="take"/>.</summary>
    static byte[] Without(ReadOnlyMemory<byte> message, int field, Action<ReadOnlyMemory<byte>> take)
    {
        var rest = new ArrayBufferWriter<byte>();
        var bytes = message.Span;
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
            if (tag == ((ulong)field << 3 | 2)) take(message.Slice(at, (int)length));
            else rest.Write(bytes[start..(at + (int)length)]);
            at += (int)length;
        }
        return rest.WrittenSpan.ToArray();
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
