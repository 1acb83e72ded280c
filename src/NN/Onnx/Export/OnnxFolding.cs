using System.Runtime.InteropServices;
using Google.Protobuf;

namespace Tessera.NN;

/// <summary>Folds batch norms into the convolutions before them: W·s and (b - mean)·s + shift with s = scale/√(var + ε), for each output channel.</summary>
internal static class OnnxFolding
{
    /// <summary>Folds wherever a batch norm with stored numbers is the only reader of a convolution whose weights nobody else reads.</summary>
    public static void Fold(OnnxGraph graph)
    {
        var readers = graph.Nodes.SelectMany(n => n.Input).CountBy(name => name, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        var stored = graph.Initializers;
        foreach (var norm in graph.Nodes.Where(n => n.OpType == "BatchNormalization").ToArray())
        {
            if (graph.ProducerOf(norm.Input[0]) is not { OpType: "Conv" } conv || readers[norm.Input[0]] != 1 || readers[conv.Input[1]] != 1
                || !norm.Input.Skip(1).Concat(conv.Input.Skip(1)).All(stored.ContainsKey)) continue;
            Fold(stored, conv, norm);
            conv.Output[0] = norm.Output[0];
            graph.Nodes.Remove(norm);
            foreach (string name in norm.Input.Skip(1).Where(name => readers[name] == 1)) stored.Remove(name);
        }
    }

    static void Fold(Dictionary<string, TensorProto> stored, NodeProto conv, NodeProto norm)
    {
        float[] w = Floats(stored[conv.Input[1]]), scale = Floats(stored[norm.Input[1]]), shift = Floats(stored[norm.Input[2]]),
            mean = Floats(stored[norm.Input[3]]), variance = Floats(stored[norm.Input[4]]);
        float[] b = conv.Input.Count > 2 ? Floats(stored[conv.Input[2]]) : new float[scale.Length];
        float eps = norm.Attribute.Single(a => a.Name == "epsilon").F;
        int each = w.Length / scale.Length;
        for (int k = 0; k < scale.Length; k++)
        {
            double s = scale[k] / Math.Sqrt(variance[k] + (double)eps);
            for (int i = k * each; i < (k + 1) * each; i++) w[i] = (float)(w[i] * s);
            b[k] = (float)(((b[k] - mean[k]) * s) + shift[k]);
        }
        stored[conv.Input[1]].RawData = Bytes(w);
        if (conv.Input.Count == 2) conv.Input.Add(BiasOf(conv.Input[1]));
        stored[conv.Input[2]] = OnnxGraph.Proto(conv.Input[2], DType.Float32, [b.Length], [.. Bytes(b)]);
    }

    static string BiasOf(string weight) => weight.EndsWith(".weight", StringComparison.Ordinal) ? weight[..^"weight".Length] + "bias" : weight + ".bias";

    static float[] Floats(TensorProto t) => MemoryMarshal.Cast<byte, float>(t.RawData.Span).ToArray();

    static ByteString Bytes(float[] values) => ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan()));
}
