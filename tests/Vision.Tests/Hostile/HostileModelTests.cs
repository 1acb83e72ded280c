using System.Diagnostics;
using Google.Protobuf;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests.Hostile;

/// <summary>Small model files that ask for large networks are refused before memory is taken for them.</summary>
public sealed class HostileModelTests
{
    static IEnumerable<TestCaseData> Greedy()
    {
        foreach (string name in Architecture.Names.Where(n => !n.StartsWith("resnet", StringComparison.Ordinal))) yield return Case(name, text => Named(text, name));
        yield return Case("a wide body", text => text.Replace("\"Width\":4", "\"Width\":65536", StringComparison.Ordinal));
        yield return Case("a deep body", text => text.Replace("\"Blocks\":[1]", "\"Blocks\":[2000,2000]", StringComparison.Ordinal));
        yield return Case("a wide head", text => text.Replace("\"Hidden\":[4]", "\"Hidden\":[1000000]", StringComparison.Ordinal));
        yield return Case("the widest head", text => text.Replace("\"Hidden\":[4]", "\"Hidden\":[2147483647,2147483647]", StringComparison.Ordinal));
        yield return Case("a deep head", text => text.Replace("\"Hidden\":[4]", $"\"Hidden\":[{string.Join(',', Enumerable.Repeat(4096, 60))}]", StringComparison.Ordinal));
        yield return Case("many classes", text => text.Replace("[\"cat\",\"dog\"]", $"[{string.Join(',', Enumerable.Range(0, 200_000).Select(i => $"\"{i:x}\""))}]", StringComparison.Ordinal));

        static TestCaseData Case(string what, Func<string, string> change) => new TestCaseData(change).SetArgDisplayNames(what);
    }

    static string Named(string text, string name)
    {
        int body = text.IndexOf("\"Body\":{", StringComparison.Ordinal), end = text.IndexOf('}', body);
        return (text[..body] + "\"Body\":null" + text[(end + 1)..]).Replace("\"Name\":\"small\"", $"\"Name\":\"{name}\"", StringComparison.Ordinal);
    }

    [TestCaseSource(nameof(Greedy))]
    public void AFileThatAsksForMoreThanItHoldsIsRefused(Func<string, string> change)
    {
        byte[] sound = SmallModels.OfResNet(), file = SmallModels.Described(sound, text => change(text) is var changed && changed != text ? changed : throw new UnreachableException("nothing to change"));
        Device.Cpu.Memory.ResetPeak();
        long live = Device.Cpu.Memory.Live, managed = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => ImageClassifier.Load(new MemoryStream(file), "m.safetensors"), Throws.TypeOf<DataException>().With.Message.StartsWith("m.safetensors: ").And.Message.Contains("does not fit its tensors"));
        Assert.That(Device.Cpu.Memory.Peak - live, Is.LessThan(1 << 20), "memory of tensors");
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - managed, Is.LessThan((16 * file.Length) + (8 << 20)), "managed memory");
    }

    /// <summary>Nodes that lack what every node of their kind has.</summary>
    [TestCase("GlobalAveragePool")]
    [TestCase("Relu", "GlobalAveragePool")]
    [TestCase("Dropout", "GlobalAveragePool")]
    [TestCase("Conv", "GlobalAveragePool")]
    public void AGraphOfNodesWithoutInputsIsRefused(params string[] ops)
    {
        var model = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "g" } };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 13 });
        for (int i = 0; i < ops.Length; i++)
        {
            var node = new NodeProto { OpType = ops[i] };
            if (i > 0) node.Input.Add($"v{i}");
            node.Output.Add($"v{i + 1}");
            model.Graph.Node.Add(node);
        }
        model.Graph.Output.Add(new ValueInfoProto { Name = $"v{ops.Length}" });
        Assert.That(() => Backbone.Of(OnnxModel.Parse(model.ToByteArray(), "m.onnx")), Throws.TypeOf<DataException>().With.Message.StartsWith("m.onnx: "));
    }

    [Test]
    public void ASoundFileIsReadAndOneWithoutChecksumIsNot()
    {
        foreach (byte[] file in new[] { SmallModels.OfResNet(), SmallModels.OfGraph() })
        {
            Assert.That(Load(SmallModels.Described(file, text => text)).Classes, Is.EqualTo(new[] { "cat", "dog" }));
            var (header, data) = SmallModels.Parts(file);
            header["__metadata__"]!.AsObject().Remove("sha256_file");
            Assert.That(() => Load(SmallModels.Joined(header.ToJsonString(), data)), Throws.TypeOf<DataException>().With.Message.Contains("the file has no checksum"));
        }

        static ImageClassifier Load(byte[] file) => ImageClassifier.Load(new MemoryStream(file), "m.safetensors");
    }
}
