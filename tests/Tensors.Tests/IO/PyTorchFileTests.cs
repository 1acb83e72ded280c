using System.IO.Compression;
using System.Runtime.InteropServices;
using Tessera.Testing;

namespace Tessera.Tests.IO;

public sealed class PyTorchFileTests
{
    [TestCase(PyTorchSamples.Zip, TestName = "PicklesOfPythonAreRead(zip)")]
    [TestCase(PyTorchSamples.Protocol4, TestName = "PicklesOfPythonAreRead(zip, protocol 4)")]
    [TestCase(PyTorchSamples.Legacy, TestName = "PicklesOfPythonAreRead(before 1.6)")]
    public void PicklesOfPythonAreRead(string compressed)
    {
        using var folder = new TemporaryFolder();
        var state = Load(folder, PyTorchSamples.Unpack(compressed));
        Assert.That(state.Keys, Is.EqualTo(new[] { "fc.weight", "fc.weight_t", "bn.num_batches_tracked" }));
        Assert.That(state["fc.weight"].Shape, Is.EqualTo(new Shape(2, 3)));
        Assert.That(state["fc.weight"].ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
        Assert.That(state["fc.weight_t"].Shape, Is.EqualTo(new Shape(3, 2)));
        Assert.That(state["fc.weight_t"].ToArray<float>(), Is.EqualTo(new float[] { 1, 4, 2, 5, 3, 6 }));
        Assert.That(state["bn.num_batches_tracked"].ToArray<long>(), Is.EqualTo(new[] { 7L }));
        Assert.That(state["bn.num_batches_tracked"].Shape.Rank, Is.Zero);
    }

    static IEnumerable<TestCaseData> Elements()
    {
        yield return Case<float>("FloatStorage", [1.5f, -2], DType.Float32, [1.5f, -2]);
        yield return Case<double>("DoubleStorage", [0.1, -2], DType.Float32, [0.1f, -2]);
        yield return Case<Half>("HalfStorage", [(Half)1.5, (Half)(-2)], DType.Float16, [1.5f, -2]);
        yield return Case<ushort>("BFloat16Storage", [0x3FC0, 0xC000], DType.BFloat16, [1.5f, -2]);
        yield return Case<long>("LongStorage", [1L << 40, -2], DType.Int64, [1L << 40, -2]);
        yield return Case<int>("IntStorage", [7, -2], DType.Int32, [7, -2]);
        yield return Case<short>("ShortStorage", [300, -2], DType.Int32, [300, -2]);
        yield return Case<sbyte>("CharStorage", [100, -2], DType.Int32, [100, -2]);
        yield return Case<byte>("ByteStorage", [200, 2], DType.UInt8, [200, 2]);
        yield return Case<byte>("BoolStorage", [1, 0], DType.Bool, [1, 0]);

        static TestCaseData Case<T>(string type, T[] elements, DType dtype, float[] expected) where T : unmanaged
            => new TestCaseData(type, MemoryMarshal.AsBytes(elements.AsSpan()).ToArray(), dtype, expected).SetArgDisplayNames(type);
    }

    [TestCaseSource(nameof(Elements))]
    public void EveryElementType(string type, byte[] bytes, DType dtype, float[] expected)
    {
        using var folder = new TemporaryFolder();
        var x = new SavedTensor(new SavedStorage("0", type, 2, bytes), 0, [2], [1]);
        foreach (byte[] file in Forms(State(("x", x))))
        {
            var read = Load(folder, file)["x"];
            Assert.That(read.DType, Is.EqualTo(dtype));
            Assert.That(read.To(DType.Float32).ToArray<float>(), Is.EqualTo(expected));
        }
    }

    [Test]
    public void ViewsOfOneStorageAndTheirStrides()
    {
        using var folder = new TemporaryFolder();
        var storage = Floats("0", 24);
        var whole = new SavedTensor(storage, 0, [2, 3, 2, 2], [12, 4, 2, 1]);
        var state = State(
            ("whole", whole), ("again", whole),
            ("channels last", new SavedTensor(storage, 0, [2, 3, 2, 2], [12, 1, 6, 3])),
            ("part", new SavedTensor(storage, 5, [2, 2], [10, 3])),
            ("repeated", new SavedTensor(storage, 3, [2, 2], [0, 1])),
            ("scalar", new SavedTensor(storage, 23, [], [])),
            ("empty", new SavedTensor(storage, 24, [0, 3], [3, 1])));
        foreach (byte[] file in Forms(state))
        {
            var read = Load(folder, file);
            Assert.That(read["whole"].ToArray<float>(), Is.EqualTo(Enumerable.Range(0, 24)));
            Assert.That(read["channels last"].ToArray<float>()[..5], Is.EqualTo(new float[] { 0, 3, 6, 9, 1 }));
            Assert.That(read["part"].ToArray<float>(), Is.EqualTo(new float[] { 5, 8, 15, 18 }));
            Assert.That(read["repeated"].ToArray<float>(), Is.EqualTo(new float[] { 3, 4, 3, 4 }));
            Assert.That(read["scalar"].ToArray<float>(), Is.EqualTo(new float[] { 23 }));
            Assert.That(read["empty"].Shape, Is.EqualTo(new Shape(0, 3)));
        }
    }

    [Test]
    public void NamesOfNestedDictionaries()
    {
        using var folder = new TemporaryFolder();
        var x = new SavedTensor(Floats("0", 1), 0, [1], [1]);
        Assert.That(Names(State(("a", State(("b", x), ("c", new List<object?> { x, 3, null, x }))), ("epoch", 7))), Is.EqualTo(new[] { "a.b", "a.c.0", "a.c.3" }));
        Assert.That(Names(State(("model", State(("w", x))), ("opt", State(("m", x))))), Is.EqualTo(new[] { "w" }));
        Assert.That(Names(State(("model", State(("state_dict", State(("module.w", x), ("module.b", x))))))), Is.EqualTo(new[] { "w", "b" }));
        Assert.That(Names(State(("module.w", x), ("b", x))), Is.EqualTo(new[] { "module.w", "b" }));

        IEnumerable<string> Names(object state) => Load(folder, PyTorchWriter.Archive(state)).Keys;
    }

    [TestCase("os", "system")]
    [TestCase("builtins", "eval")]
    [TestCase("torch._utils", "_rebuild_qtensor")]
    [TestCase("torchvision.models.resnet", "ResNet")]
    public void OtherGlobalsAreRefusedByName(string module, string name)
    {
        using var folder = new TemporaryFolder();
        foreach (byte[] file in Forms(State(("x", new SavedCall(module, name, ["touch /tmp/x"])))))
            Assert.That(() => Load(folder, file), Throws.TypeOf<DataException>().With.Message.Contains($"got {module}.{name}, expected only dictionaries of tensors").And.Message.Contains("Hint: nothing was executed"));
    }

    static IEnumerable<TestCaseData> Wrong()
    {
        var storage = Floats("0", 4);
        yield return Case("outside its storage", State(("x", new SavedTensor(storage, 1, [4], [1]))), "20 for a tensor of shape");
        yield return Case("stride outside its storage", State(("x", new SavedTensor(storage, 0, [2, 2], [3, 1]))), "for a tensor of shape");
        yield return Case("repeated without end", State(("x", new SavedTensor(storage, 0, [1 << 14, 1 << 14], [0, 0]))), "at most");
        yield return Case("product of sizes overflows", State(("x", new SavedTensor(storage, 0, [1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30], [0, 0, 0, 0, 0]))), "at most");
        yield return Case("negative stride", State(("x", new SavedTensor(storage, 0, [2], [-1]))), "none below 0");
        yield return Case("record shorter than promised", State(("x", new SavedTensor(storage with { Count = 400 }, 0, [400], [1]))), "");
        yield return Case("no tensor", State(("epoch", 3)), "no tensor");
        yield return Case("no dictionary", 3, "no dictionary");
        yield return Case("one name twice", State(("a.b", new SavedTensor(storage, 0, [1], [1])), ("a", State(("b", new SavedTensor(storage, 0, [1], [1]))))), "two tensors named 'a.b'");

        object laughs = State(("x", new SavedTensor(storage, 0, [1], [1])));
        for (int i = 0; i < 40; i++) laughs = State(("a", laughs));
        yield return Case("nested too deep", laughs, "nested too deep");

        static TestCaseData Case(string what, object state, string message) => new TestCaseData(state, message).SetArgDisplayNames(what);
    }

    [TestCaseSource(nameof(Wrong))]
    public void WrongContentIsRefused(object state, string message)
    {
        using var folder = new TemporaryFolder();
        foreach (byte[] file in Forms(state))
            Assert.That(() => Load(folder, file), Throws.TypeOf<DataException>().With.Message.StartsWith(folder.Path).And.Message.Contains(message));
    }

    /// <summary>A list that contains itself, and ten lists each of which holds the one before ten times.</summary>
    [Test, CancelAfter(20_000)]
    public void ListsWithoutEndAreRefused()
    {
        using var folder = new TemporaryFolder();
        byte[] head = [0x80, 2, (byte)'}', (byte)'X', 1, 0, 0, 0, (byte)'a', (byte)']', (byte)'q', 0];
        Assert.That(() => Load(folder, PyTorchWriter.Archive([.. head, .. "h\0as."u8])), Throws.TypeOf<DataException>().With.Message.Contains("nested too deep"));
        byte[] doubled = [.. Enumerable.Range(0, 10).SelectMany(i => (byte[])[(byte)'0', (byte)']', (byte)'(', .. Enumerable.Repeat<byte[]>([(byte)'h', (byte)i], 10).SelectMany(b => b), (byte)'e', (byte)'q', (byte)(i + 1)])];
        Assert.That(() => Load(folder, PyTorchWriter.Archive([.. head, .. doubled, (byte)'s', (byte)'.'])), Throws.TypeOf<DataException>().With.Message.Contains("1000000 values"));
    }

    [Test]
    public void OtherFilesAreRefused()
    {
        using var folder = new TemporaryFolder();
        object state = State(("x", new SavedTensor(Floats("0", 4096), 0, [4096], [1])));
        Assert.That(() => PyTorchFile.Load(folder.File("absent.pth")), Throws.TypeOf<DataException>().With.Message.Contains("absent.pth: cannot be read"));
        Refused(PyTorchWriter.Archive(state, byteOrder: "big"), "big-endian");
        Refused(PyTorchWriter.Legacy(state, littleEndian: false), "big-endian");
        Refused(PyTorchWriter.Archive(state, compression: CompressionLevel.SmallestSize), "record");
        Refused("no tensors here"u8.ToArray(), "not a PyTorch file");
        Refused([0x80, 2, (byte)'N', (byte)'.'], "not one of torch.save");
        Refused([], "not a PyTorch file");

        void Refused(byte[] file, string message) => Assert.That(() => Load(folder, file), Throws.TypeOf<DataException>().With.Message.Contains(message));
    }

    static IReadOnlyDictionary<string, Tensor> Load(TemporaryFolder folder, byte[] file)
    {
        string path = folder.File("weights.pth");
        File.WriteAllBytes(path, file);
        return PyTorchFile.Load(path);
    }

    static byte[][] Forms(object state) => [PyTorchWriter.Archive(state), PyTorchWriter.Legacy(state)];

    static Dictionary<string, object?> State(params (string Name, object? Value)[] items) => items.ToDictionary(i => i.Name, i => i.Value);

    static SavedStorage Floats(string key, int count)
        => new(key, "FloatStorage", count, MemoryMarshal.AsBytes(Enumerable.Range(0, count).Select(i => (float)i).ToArray().AsSpan()).ToArray());
}
