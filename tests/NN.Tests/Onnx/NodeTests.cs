using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The conformance cases of the ONNX standard: every case of the archive whose operator is supported gives the recorded outputs.</summary>
[Category("Golden")]
public sealed class NodeTests
{
    const string Archive = "onnx-1.12-node-tests";

    // Cases that ask for what an operator leaves out, by the beginning of their name.
    static readonly string[] leftOut = ["test_convtranspose_3d"];

    // Their outputs are draws of NumPy's generator.
    static readonly string[] random = ["test_training_dropout", "test_training_dropout_default", "test_training_dropout_default_mask", "test_training_dropout_mask"];

    static IEnumerable<TestCaseData> Cases()
    {
        if (TestData.FindData(Archive) is not string root) return [new TestCaseData("").Ignore(TestData.ReasonAbsent(Archive, "TESSERA_DATA"))];
        return Directory.GetFiles(root, "model.onnx", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(model =>
        {
            string folder = Path.GetDirectoryName(model)!;
            return new TestCaseData(folder).SetArgDisplayNames(Path.GetRelativePath(root, folder).Replace('\\', '/'));
        });
    }

    [TestCaseSource(nameof(Cases))]
    public void Case(string folder)
    {
        using var scope = Scope.Begin();
        var model = OnnxModel.Load(Path.Combine(folder, "model.onnx"));
        if (model.Report().Unsupported is { Count: > 0 } unsupported) Assert.Ignore($"operator not supported: {string.Join(", ", unsupported)}");
        if (random.Contains(Path.GetFileName(folder))) Assert.Ignore("the outputs are draws of another random generator");
        if (leftOut.Any(name => Path.GetFileName(folder).StartsWith(name, StringComparison.Ordinal)))
        {
            Assert.That(() => Check(model, folder), Throws.InstanceOf<DataException>().With.Message.Contains("not supported"));
            return;
        }
        Check(model, folder);
    }

    static void Check(OnnxModel model, string folder)
    {
        var graph = model.ToModule();
        foreach (string set in Directory.GetDirectories(folder, "test_data_set_*"))
        {
            var inputs = model.Inputs.Select((input, i) => (input.Name, Tensor: Read(Path.Combine(set, $"input_{i}.pb")))).ToDictionary(p => p.Name, p => p.Tensor);
            var outputs = graph.Run(inputs);
            for (int i = 0; i < model.Outputs.Count; i++)
                Compare(outputs[model.Outputs[i].Name], Read(Path.Combine(set, $"output_{i}.pb")), model.Outputs[i].Name);
        }
    }

    static Tensor Read(string path) => OnnxTensors.Decode(TensorProto.Parser.ParseFrom(File.ReadAllBytes(path)), new OnnxSource(Path.GetFileName(path), null), Path.GetFileName(path));

    static void Compare(Tensor actual, Tensor expected, string name)
    {
        Assert.That(actual.Shape, Is.EqualTo(expected.Shape), name);
        Assert.That(actual.DType, Is.EqualTo(expected.DType), name);
        float[] y = actual.To(DType.Float32).ToArray<float>(), e = expected.To(DType.Float32).ToArray<float>();
        for (int i = 0; i < e.Length; i++)
            Assert.That(y[i], Is.EqualTo(e[i]).Within(1e-6f + (1e-4f * Math.Abs(e[i]))), $"{name}[{i}]");
    }
}
