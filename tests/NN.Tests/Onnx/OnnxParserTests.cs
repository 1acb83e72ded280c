using System.Runtime.InteropServices;
using Google.Protobuf;
using Tessera.NN;
using Tessera.Testing;
using static Tessera.Tests.OnnxBytes;

namespace Tessera.Tests;

/// <summary>Models are taken apart without copying their weights, and mean the same as through the generated parser.</summary>
public sealed class OnnxParserTests
{
    static TensorProto Raw(string name, params float[] values)
    {
        var t = new TensorProto { Name = name, DataType = (int)TensorProto.Types.DataType.Float, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())) };
        t.Dims.Add(values.Length);
        return t;
    }

    static ModelProto Sum() => Model(13, Node("Add", "x w", "a"), Node("Add", "a v", "b"), Node("Add", "b f", "y"))
        .With(Raw("w", 1, 2, 3, 4, 5, 6, 7, 8), Raw("v", 10, 20, 30, 40, 50, 60, 70, 80), Floats("f", [1], 0.5f));

    [Test]
    public void RawDataStayWhereTheyAre()
    {
        byte[] file = Sum().ToByteArray();
        Dictionary<TensorProto, ReadOnlyMemory<byte>> raw = new(ReferenceEqualityComparer.Instance);
        var model = OnnxParser.Parse(file, raw);
        var (w, f) = (model.Graph.Initializer[0], model.Graph.Initializer[2]);
        Assert.That(MemoryMarshal.TryGetArray(raw[w], out var data) && ReferenceEquals(data.Array, file), Is.True, "a copy");
        Assert.That(MemoryMarshal.Cast<byte, float>(raw[w].Span).ToArray(), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6, 7, 8 }));
        Assert.That(raw[f].Length, Is.Zero);

        foreach (var t in model.Graph.Initializer)
            if (raw[t].Length > 0) t.RawData = ByteString.CopyFrom(raw[t].Span);
        Assert.That(model, Is.EqualTo(ModelProto.Parser.ParseFrom(file)), "nothing is lost");
    }

    /// <summary>Fields of a message may come in parts: their contents add up.</summary>
    [Test]
    public void AGraphInPartsIsOneGraph()
    {
        var whole = Sum();
        var second = new ModelProto { Graph = new GraphProto() };
        second.Graph.Initializer.Add(whole.Graph.Initializer[1]);
        whole.Graph.Initializer.RemoveAt(1);
        byte[] file = [.. whole.ToByteArray(), .. second.ToByteArray()];
        var x = Tensor.Zeros([1, 3, 8, 8]);
        Assert.That(Autograd.NoGrad(() => OnnxModel.Parse(file).ToModule().Forward(x)).ToArray<float>(), Is.EqualTo(Sum().Run(x).ToArray<float>()));
    }

    [Test]
    public void AMappedFileGivesTheNumbersOfTheBytes()
    {
        using var folder = new TemporaryFolder();
        byte[] bytes = Sum().ToByteArray();
        File.WriteAllBytes(folder.File("sum.onnx"), bytes);
        var model = OnnxModel.Load(folder.File("sum.onnx"));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.That(model.Initializer("v").ToArray<float>(), Is.EqualTo(new float[] { 10, 20, 30, 40, 50, 60, 70, 80 }));
        Assert.That(model.ToBytes(), Is.EqualTo(bytes));
    }

    [Test]
    public void SkippedStartingValuesLeaveTheStreamsAsTheyAre()
    {
        Generator.Seed(3);
        _ = new Linear(4, 5);
        ulong position = Generator.Default.Position;
        Generator.Seed(3);
        using (Init.Skip()) _ = new Linear(4, 5);
        Assert.That(Generator.Default.Position, Is.EqualTo(position));
        float[] after = new Linear(4, 5).Weight.ToArray<float>();
        Generator.Seed(3);
        _ = new Linear(4, 5);
        Assert.That(new Linear(4, 5).Weight.ToArray<float>(), Is.EqualTo(after));
    }
}
