using System.Diagnostics;
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
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        Assert.That(() => OnnxModel.Load(path), Throws.InstanceOf<DataException>().With.Message.StartsWith("small.onnx.gz: "));
        File.WriteAllBytes(path, [1, 2, 3]);
        Assert.That(() => OnnxModel.Load(path), Throws.InstanceOf<DataException>().With.Message.StartsWith("small.onnx.gz: "));
        File.Delete(path);
        Assert.That(() => OnnxModel.Load(path), Throws.InstanceOf<DataException>());
        Assert.That(() => OnnxModel.Load(TestContext.CurrentContext.WorkDirectory), Throws.InstanceOf<DataException>());
    }

    // Bytes changed, cut, doubled: a model or a DataException (or, on running it, another error of ours), soon, and without filling the memory. TESSERA_FUZZ is how many to try.
    [Test, CancelAfter(3_600_000)]
    public void MutatedFilesNeverCrash()
    {
        byte[][] files = [Classifier().ToByteArray(), new Sequential(new ConvTranspose2d(3, 4, 3, 2), new Gelu(), new AdaptiveMaxPool2d((3, 5)), new GroupNorm(2, 4), new Dropout(), new Flatten(), new Linear(60, 3)).ToOnnxBytes([3, 8, 8])];
        int count = int.TryParse(Environment.GetEnvironmentVariable("TESSERA_FUZZ"), System.Globalization.CultureInfo.InvariantCulture, out int n) ? n : 2000;
        var clock = Stopwatch.StartNew();
        long slowest = 0, most = 0;
        for (int i = 0; i < count; i++)
        {
            byte[] whole = files[i % files.Length], bytes = Mutate(whole, new Random(i));
            Device.Cpu.Memory.ResetPeak();
            long live = Device.Cpu.Memory.Live;
            long start = clock.ElapsedMilliseconds, before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var scope = Scope.Begin();
                using var noGrad = Autograd.NoGrad();
                var model = OnnxModel.Parse(bytes, "small.onnx");
                _ = model.Describe();
                _ = model.ToModule().Forward(Tensor.Ones([1, 3, 8, 8]));
            }
            catch (TesseraException e)
            {
                Assert.That(e.Message, Does.StartWith("small.onnx: "), $"mutation {i}");
            }
            catch (Exception e)
            {
                Assert.Fail($"mutation {i}: {e}");
            }
            slowest = Math.Max(slowest, clock.ElapsedMilliseconds - start);
            most = Math.Max(most, GC.GetAllocatedBytesForCurrentThread() - before + Device.Cpu.Memory.Peak - live);
        }
        TestContext.Out.WriteLine($"slowest {slowest} ms, most bytes {most}");
        Assert.That(slowest, Is.LessThan(5000));
        Assert.That(most, Is.LessThan((4L * files.Max(f => f.Length)) + (256 << 20)));
    }

    static byte[] Mutate(byte[] whole, Random random)
    {
        byte[] bytes = [.. whole];
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(bytes.Length), length = random.Next(1, 16);
            bytes = random.Next(5) switch
            {
                0 => [.. bytes[..at], .. bytes[Math.Min(bytes.Length, at + length)..]],
                1 => [.. bytes[..at], .. bytes[at..Math.Min(bytes.Length, at + length)], .. bytes[at..]],
                2 => Set(bytes, at, (byte)(1 << random.Next(8) ^ bytes[at])),
                3 => Set(bytes, at, (byte[])[0, 1, 0x7F, 0x80, 0xFF] is var odd ? odd[random.Next(5)] : (byte)0),
                _ => Set(bytes, at, (byte)random.Next(256)),
            };
            if (bytes.Length == 0) return [0];
        }
        return bytes;
    }

    static byte[] Set(byte[] bytes, int at, byte value)
    {
        bytes[at] = value;
        return bytes;
    }
}
