using System.Runtime.InteropServices;
using Google.Protobuf;
using Tessera.NN;
using static Tessera.Tests.OnnxBytes;
using Type = Tessera.NN.TensorProto.Types.DataType;

namespace Tessera.Tests;

/// <summary>Stored tensors: every element type, raw and typed, inside the file and outside.</summary>
public sealed class OnnxTensorTests
{
    string folder = "";

    [SetUp]
    public void MakeFolder() => folder = Directory.CreateTempSubdirectory("tessera-onnx").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(folder, recursive: true);

    static IEnumerable<TestCaseData> Stored()
    {
        yield return Raw(Type.Float, MemoryMarshal.AsBytes<float>([1.5f, -2]), DType.Float32, 1.5, -2);
        yield return Raw(Type.Double, MemoryMarshal.AsBytes<double>([1.5, -2]), DType.Float32, 1.5, -2);
        yield return Raw(Type.Float16, MemoryMarshal.AsBytes<Half>([(Half)1.5, (Half)(-2)]), DType.Float32, 1.5, -2);
        yield return Raw(Type.Bfloat16, [0xC0, 0x3F, 0x00, 0xC0], DType.Float32, 1.5, -2);
        yield return Raw(Type.Int8, [3, 0xFE], DType.Int32, 3, -2);
        yield return Raw(Type.Uint8, [3, 0xFE], DType.UInt8, 3, 254);
        yield return Raw(Type.Int16, MemoryMarshal.AsBytes<short>([3, -2]), DType.Int32, 3, -2);
        yield return Raw(Type.Uint16, MemoryMarshal.AsBytes<ushort>([3, 65534]), DType.Int32, 3, 65534);
        yield return Raw(Type.Int32, MemoryMarshal.AsBytes<int>([3, -2]), DType.Int32, 3, -2);
        yield return Raw(Type.Uint32, MemoryMarshal.AsBytes<uint>([3, 4294967294]), DType.Int64, 3, 4294967294);
        yield return Raw(Type.Int64, MemoryMarshal.AsBytes<long>([3, -2]), DType.Int64, 3, -2);
        yield return Raw(Type.Bool, [1, 0], DType.Bool, 1, 0);
        yield return Typed(Type.Float, t => t.FloatData.Add([1.5f, -2]), DType.Float32, 1.5, -2);
        yield return Typed(Type.Double, t => t.DoubleData.Add([1.5, -2]), DType.Float32, 1.5, -2);
        yield return Typed(Type.Float16, t => t.Int32Data.Add([0x3E00, 0xC000]), DType.Float32, 1.5, -2);
        yield return Typed(Type.Bfloat16, t => t.Int32Data.Add([0x3FC0, 0xC000]), DType.Float32, 1.5, -2);
        yield return Typed(Type.Int8, t => t.Int32Data.Add([3, -2]), DType.Int32, 3, -2);
        yield return Typed(Type.Uint64, t => t.Uint64Data.Add([3, 4]), DType.Int64, 3, 4);
        yield return Typed(Type.Bool, t => t.Int32Data.Add([1, 0]), DType.Bool, 1, 0);

        static TestCaseData Raw(Type type, ReadOnlySpan<byte> bytes, DType kept, params double[] values)
        {
            var raw = ByteString.CopyFrom(bytes);
            return Case(type, "raw", t => t.RawData = raw, kept, values);
        }

        static TestCaseData Typed(Type type, Action<TensorProto> fill, DType kept, params double[] values) => Case(type, "typed", fill, kept, values);

        static TestCaseData Case(Type type, string how, Action<TensorProto> fill, DType kept, double[] values)
        {
            var t = new TensorProto { Name = "w", DataType = (int)type };
            t.Dims.Add(2);
            fill(t);
            return new TestCaseData(t, kept, values).SetArgDisplayNames($"{type} {how}");
        }
    }

    [TestCaseSource(nameof(Stored))]
    public void ElementTypes(object stored, DType kept, double[] values)
    {
        var w = Model(13, Node("Relu", "x", "y")).With((TensorProto)stored).Parse().Initializer("w");
        Assert.That(w.DType, Is.EqualTo(kept));
        Assert.That(w.To(DType.Int64).ToArray<long>(), Is.EqualTo(values.Select(v => (long)v)));
        if (kept == DType.Float32) Assert.That(w.ToArray<float>(), Is.EqualTo(values.Select(v => (float)v)));
    }

    [Test]
    public void ExternalDataLieBesideTheModel()
    {
        File.WriteAllBytes(Path.Combine(folder, "w.bin"), MemoryMarshal.AsBytes<float>([7, 7, 1.5f, -2, 7]).ToArray());
        var w = Load(("location", "w.bin"), ("offset", "8"), ("length", "8")).Initializer("w");
        Assert.That(w.ToArray<float>(), Is.EqualTo(new[] { 1.5f, -2 }));
        Assert.That(Load(("location", "w.bin")).Initializer("w").ToArray<float>(), Is.EqualTo(new[] { 7f, 7 }));
    }

    [TestCase("../outside.bin", "0", "8", "leaves the model's folder")]
    [TestCase("/etc/passwd", "0", "8", "leaves the model's folder")]
    [TestCase("a/../../outside.bin", "0", "8", "leaves the model's folder")]
    [TestCase("absent.bin", "0", "8", "missing")]
    [TestCase("w.bin", "16", "8", "do not fit")]
    [TestCase("w.bin", "9223372036854775807", "8", "do not fit")]
    [TestCase("w.bin", "0", "4", "do not fit")]
    [TestCase("w.bin", "-1", "8", "not a number")]
    [TestCase("w.bin", "x", "8", "not a number")]
    [TestCase("", "0", "8", "without a location")]
    public void ExternalDataElsewhereAreRefused(string location, string offset, string length, string expected)
    {
        File.WriteAllBytes(Path.Combine(folder, "w.bin"), new byte[20]);
        File.WriteAllBytes(Path.Combine(Path.GetDirectoryName(folder)!, "outside.bin"), new byte[20]);
        Assert.That(() => Load(("location", location), ("offset", offset), ("length", length)),
            Throws.InstanceOf<DataException>().With.Message.StartsWith("m.onnx: ").And.Message.Contains(expected));
        File.Delete(Path.Combine(Path.GetDirectoryName(folder)!, "outside.bin"));
    }

    [Test]
    public void ALinkOutOfTheFolderIsRefused()
    {
        string outside = Path.GetTempFileName();
        File.WriteAllBytes(outside, new byte[8]);
        File.CreateSymbolicLink(Path.Combine(folder, "w.bin"), outside);
        Assert.That(() => Load(("location", "w.bin")), Throws.InstanceOf<DataException>().With.Message.Contains("leaves the model's folder"));
        File.Delete(outside);
    }

    [Test]
    public void AModelFromMemoryHasNoFilesBesideIt()
    {
        var t = new TensorProto { Name = "w", DataType = 1, DataLocation = TensorProto.Types.DataLocation.External };
        t.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "w.bin" });
        Assert.That(() => Model(13, Node("Relu", "x", "y")).With(t).Parse(), Throws.InstanceOf<DataException>().With.Message.Contains("from memory"));
    }

    OnnxModel Load(params (string Key, string Value)[] entries)
    {
        var t = new TensorProto { Name = "w", DataType = 1, DataLocation = TensorProto.Types.DataLocation.External };
        t.Dims.Add(2);
        t.ExternalData.Add(entries.Select(e => new StringStringEntryProto { Key = e.Key, Value = e.Value }));
        string path = Path.Combine(folder, "m.onnx");
        using (var file = File.Create(path)) Model(13, Node("Relu", "x", "y")).With(t).WriteTo(file);
        return OnnxModel.Load(path);
    }
}
