using System.IO.Compression;
using Google.Protobuf;
using Tessera.NN;
using Tessera.Testing;
using static Tessera.Tests.OnnxBytes;

namespace Tessera.Tests;

/// <summary>Files that are wrong give one DataException with the file's name: no crash, no hang, no huge allocation.</summary>
public sealed class BadOnnxTests
{
    static DataException Refuses(ModelProto model) => Refuses(() => model.Parse());

    static DataException Refuses(Action load)
    {
        var error = Assert.Throws<DataException>(() => load())!;
        Assert.That(error.Message, Does.StartWith("small.onnx: "));
        return error;
    }

    [Test]
    public void NotOnnxAtAll()
    {
        Refuses(() => OnnxModel.Parse("this is a text, not a model"u8.ToArray(), "small.onnx"));
        Refuses(() => OnnxModel.Parse([], "small.onnx"));
        Refuses(() => OnnxModel.Parse([0x89, (byte)'P', (byte)'N', (byte)'G', 13, 10, 26, 10, 0, 0, 0, 13], "small.onnx"));
    }

    [Test]
    public void Truncated()
    {
        byte[] whole = Classifier().ToByteArray();
        for (int n = 0; n < whole.Length; n += 7) Refuses(() => OnnxModel.Parse(whole[..n], "small.onnx"));
    }

    // Field 7 (graph), then a length of 2 GB, or of 2^60.
    [TestCase(new byte[] { 0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 1, 2, 3 })]
    [TestCase(new byte[] { 0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x10, 1 })]
    public void HugeLengthPrefixAllocatesNothing(byte[] bytes)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refuses(() => OnnxModel.Parse(bytes, "small.onnx"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void CyclicGraph()
        => Assert.That(Refuses(Model(13, Node("Add", "x b", "a"), Node("Relu", "a", "b"), Node("Relu", "b", "y"))).Message, Does.Contain("cycle").And.Contain("the Add"));

    [Test]
    public void NodesOutOfOrderAreSorted()
    {
        var y = Model(13, Node("Neg", "a", "y"), Node("Relu", "x", "a")).Run(Tensor.Full([1, 3, 8, 8], 2));
        Assert.That(y.ToArray<float>(), Is.All.EqualTo(-2));
    }

    [Test]
    public void NegativeAndOverflowingSizes()
    {
        Assert.That(Refuses(Model(13, Node("Add", "x w", "y")).With(Floats("w", [-1, 3], 1))).Message, Does.Contain("initializer 'w'").And.Contain("[-1, 3]"));
        Refuses(Model(13, Node("Add", "x w", "y")).With(Floats("w", [1L << 40], 1)));
        Refuses(Model(13, Node("Add", "x w", "y")).With(Floats("w", [1 << 30, 1 << 30, 1 << 30, 1 << 30], 1)));
        Refuses(Model(13, Node("Add", "x w", "y")).With(Floats("w", [1 << 20], 1, 2, 3)));
    }

    [Test]
    public void RawDataOfAnotherLength()
    {
        var w = new TensorProto { Name = "w", DataType = 1, RawData = ByteString.CopyFrom(new byte[7]) };
        w.Dims.Add(2);
        Assert.That(Refuses(Model(13, Node("Add", "x w", "y")).With(w)).Message, Does.Contain("data do not fill the shape"));
    }

    [Test]
    public void MissingAndDoubleNames()
    {
        Assert.That(Refuses(Model(13, Node("Add", "x w", "y"))).Message, Does.Contain("'w'").And.Contain("the Add"));
        Assert.That(Refuses(Model(13, Node("Relu", "x", "a"))).Message, Does.Contain("output 'y' is nowhere computed"));
        Refuses(Model(13, Node("Add", "x w", "y")).With(Floats("w", [1], 1), Floats("w", [1], 2)));
        Refuses(Model(13, Node("Relu", "x", "y"), Node("Neg", "x", "y")));
        Refuses(Model(13, Node("Relu", "x", "x"), Node("Neg", "x", "y")));
    }

    [Test]
    public void UnsupportedOperatorNamesNodeOperatorOpsetAndAlternatives()
    {
        var error = Refuses(() => Model(13, Node("LSTM", "x", "y")).Parse().ToModule());
        Assert.That(error.Message, Does.Contain("'the LSTM' (LSTM, opset 13)").And.Contain("Conv, ").And.Contain("Relu"));
        var custom = Node("Relu", "x", "y");
        custom.Domain = "com.example";
        Assert.That(Refuses(() => Model(13, custom).Parse().ToModule()).Message, Does.Contain("com.example"));
        Assert.That(Refuses(() => Model(6, Node("Add", "x x", "y")).Parse().ToModule()).Message, Does.Contain("opset 6").And.Contain("7..21"));
    }

    [Test]
    public void UnknownOpsetsAreRefused()
    {
        Assert.That(Refuses(Model(22, Node("Relu", "x", "y"))).Message, Does.Contain("22"));
        Refuses(Model(0, Node("Relu", "x", "y")));
        var none = Model(13, Node("Relu", "x", "y"));
        none.OpsetImport.Clear();
        Refuses(none);
    }

    [Test]
    public void UnsupportedElementTypesAreNamed()
    {
        var w = new TensorProto { Name = "w", DataType = (int)TensorProto.Types.DataType.Complex64 };
        Assert.That(Refuses(Model(13, Node("Add", "x w", "y")).With(w)).Message, Does.Contain("complex64"));
        Refuses(Model(13, Node("Add", "x w", "y")).With(new TensorProto { Name = "w", DataType = 999 }));
    }

    // A bomb in numbers: the file is tiny, the tensor it asks for is not.
    [Test]
    public void AskedForSizesAreBounded()
    {
        Refuses(() => Model(13, Node("ConstantOfShape", "s", "c"), Node("Add", "x c", "y")).With(Longs("s", 1 << 20, 1 << 20)).Parse().ToModule());
        Refuses(() => Model(13, Node("Range", "a b c", "y")).With(Longs("a", 0), Longs("b", long.MaxValue), Longs("c", 1)).Parse().ToModule());
        Refuses(() => Model(13, Node("Pad", "x p", "y")).With(Longs("p", 0, 0, 1 << 30, 1 << 30, 0, 0, 0, 0)).Run(Tensor.Zeros([1, 3, 8, 8])));
        Refuses(() => Model(13, Node("Tile", "x r", "y")).With(Longs("r", 1 << 15, 1, 1 << 15, 1)).Run(Tensor.Zeros([1, 3, 8, 8])));
        Refuses(() => Model(13, Node("AveragePool", "x", "y", ("kernel_shape", new long[] { 1, 1 }), ("pads", new long[] { 0, 0, 1 << 30, 0 }))).Run(Tensor.Zeros([1, 3, 8, 8])));
    }

    /// <summary>Each constant is small enough; all of them are not.</summary>
    [Test]
    public void ConstantsTogetherAreBounded()
    {
        string[] names = [.. Enumerable.Range(0, 40).Select(i => $"c{i}")];
        var model = Model(13, [Node("Relu", "x", "y"), .. names.Select(c => Node("ConstantOfShape", "s", c))]).With(Longs("s", 1 << 10, 1 << 12)).Parse();
        Assert.That(model.ToModule("c0", "c1").Run(new Dictionary<string, Tensor> { ["x"] = Tensor.Ones([1, 3, 8, 8]) })["c1"].Count, Is.EqualTo(1 << 22), "some are fine");
        Device.Cpu.Memory.ResetPeak();
        long live = Device.Cpu.Memory.Live;
        Assert.That(Refuses(() => model.ToModule(names)).Message, Does.Contain("too much memory").And.Contain("Hint: "));
        Assert.That(Device.Cpu.Memory.Peak - live, Is.LessThan(128 << 20));
    }

    // A graph of empty nodes, attributes, inputs or tensors; each takes two bytes.
    [TestCase(new byte[] { 0x0A, 0 })]
    [TestCase(new byte[] { 0x0A, 2, 0x2A, 0 })]
    [TestCase(new byte[] { 0x2A, 0 })]
    [TestCase(new byte[] { 0x5A, 0 })]
    public void ManyEmptyPartsAreRefused(byte[] part)
    {
        byte[] parts = [.. Enumerable.Repeat(part, (4 << 20) / part.Length).SelectMany(b => b)];
        byte[] file = [0x3A, .. Varint(parts.Length), .. parts];
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(Refuses(() => OnnxModel.Parse(file, "small.onnx")).Message, Does.Contain("more than 524288 parts"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));

        static byte[] Varint(int n) => n < 128 ? [(byte)n] : [(byte)(n & 127 | 128), .. Varint(n >> 7)];
    }

    /// <summary>Many tensors in one place of a file beside the model.</summary>
    [Test]
    public void SharedExternalDataAreBounded()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("w.bin"), new byte[4000]);
        OnnxModel Load(int tensors)
        {
            var model = Model(13, Node("Relu", "x", "y")).With([.. Enumerable.Range(0, tensors).Select(External)]);
            File.WriteAllBytes(folder.File("small.onnx"), model.ToByteArray());
            return OnnxModel.Load(folder.File("small.onnx"));
        }
        Assert.That(Load(2).Initializer("w1").Count, Is.EqualTo(1000));
        Assert.That(Refuses(() => Load(3)).Message, Does.Contain("tensors share external data"));

        static TensorProto External(int i)
        {
            var t = new TensorProto { Name = $"w{i}", DataType = 1, DataLocation = TensorProto.Types.DataLocation.External };
            t.Dims.Add(1000);
            t.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "w.bin" });
            return t;
        }
    }

    [Test]
    public void AnImageOfTheWrongShapeNamesTheNode()
    {
        var graph = Classifier().Parse().ToModule();
        Assert.That(() => graph.Forward(Tensor.Zeros([1, 4, 8, 8])), Throws.InstanceOf<DataException>().With.Message.Contains("the Conv").And.Message.Contains("[1, 4, 8, 8]"));
    }

    [Test]
    public void GzipFilesLoadAndDamagedOnesAreRefused()
    {
        string path = Path.Combine(TestContext.CurrentContext.WorkDirectory, "small.onnx.gz");
        using (var zip = new GZipStream(File.Create(path), CompressionLevel.Fastest)) Classifier().WriteTo(zip);
        Assert.That(OnnxModel.Load(path).Nodes, Has.Count.EqualTo(6));
        byte[] bytes = File.ReadAllBytes(path);
        foreach (byte[] damaged in (byte[][])[bytes[..(bytes.Length / 2)], bytes[..^1], bytes[..^9], [1, 2, 3]])
        {
            File.WriteAllBytes(path, damaged);
            Assert.That(() => OnnxModel.Load(path), Throws.InstanceOf<DataException>().With.Message.StartsWith("small.onnx.gz: not a gzip file, or a damaged one: "));
        }
        using (var zip = new GZipStream(File.Create(path), CompressionLevel.Fastest)) zip.Write(new byte[100 << 20]);
        Assert.That(() => OnnxModel.Load(path), Throws.InstanceOf<DataException>().With.Message.Contains("unpacks to more than an ONNX model does"));
        File.Delete(path);
        Assert.That(() => OnnxModel.Load(path), Throws.InstanceOf<DataException>());
        Assert.That(() => OnnxModel.Load(TestContext.CurrentContext.WorkDirectory), Throws.InstanceOf<DataException>());
    }
}
