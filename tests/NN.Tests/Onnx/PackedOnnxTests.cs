using System.Globalization;
using System.IO.Compression;
using Google.Protobuf;
using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests.Onnx;

/// <summary>Files that end in .gz: what they unpack to, and all that is made of it, takes at most 4 times their length and 256 MiB.</summary>
[NonParallelizable]
public sealed class PackedOnnxTests
{
    const int Mebibyte = 1 << 20;

    static string Packed(TemporaryFolder folder, params byte[][] members)
    {
        string path = folder.File("m.onnx.gz");
        using var file = File.Create(path);
        foreach (byte[] member in members)
            using (var zip = new GZipStream(file, CompressionLevel.Fastest, leaveOpen: true)) zip.Write(member);
        return path;
    }

    /// <summary>x + w with a vector of so many bytes, all zeros.</summary>
    static ModelProto Sum(int bytes, Action<TensorProto, int>? fill = null)
    {
        var model = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "g" } };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 13 });
        var w = new TensorProto { Name = "w", DataType = 1 };
        w.Dims.Add(bytes / 4);
        if (fill is null) w.RawData = UnsafeByteOperations.UnsafeWrap(new byte[bytes]);
        else fill(w, bytes / 4);
        model.Graph.Initializer.Add(w);
        model.Graph.Input.Add(new ValueInfoProto { Name = "x" });
        model.Graph.Output.Add(new ValueInfoProto { Name = "y" });
        var node = new NodeProto { OpType = "Add" };
        node.Input.Add(["x", "w"]);
        node.Output.Add("y");
        model.Graph.Node.Add(node);
        return model;
    }

    static IEnumerable<TestCaseData> Large()
    {
        yield return Case("raw data that fit", true, () => Sum(50 * Mebibyte).ToByteArray());
        yield return Case("more than may be unpacked", false, () => Sum(100 * Mebibyte).ToByteArray());
        yield return Case("numbers one by one", false, () => Sum(90 * Mebibyte, (w, n) => w.FloatData.Add(new float[n])).ToByteArray());
        yield return Case("a text", false, () =>
        {
            var model = Sum(4);
            model.DocString = new string(' ', 90 * Mebibyte);
            return model.ToByteArray();
        });
        yield return Case("constants of constants", false, () =>
        {
            var model = Sum(40 * Mebibyte);
            for (int i = 0; i < 8; i++)
            {
                var node = new NodeProto { OpType = "Neg" };
                node.Input.Add("w");
                node.Output.Add($"c{i}");
                model.Graph.Node.Add(node);
                model.Graph.Output.Add(new ValueInfoProto { Name = $"c{i}" });
            }
            return model.ToByteArray();
        });
        yield return Case("nodes", false, () =>
        {
            var model = Sum(4);
            for (int i = 0; i < 400_000; i++) model.Graph.Node.Add(new NodeProto());
            return model.ToByteArray();
        });

        static TestCaseData Case(string what, bool loads, Func<byte[]> make) => new TestCaseData(make, loads).SetArgDisplayNames(what);
    }

    [TestCaseSource(nameof(Large))]
    public void ASmallFileTakesLittleMemory(Func<byte[]> make, bool loads)
    {
        ArgumentNullException.ThrowIfNull(make);
        using var folder = new TemporaryFolder();
        string path = Packed(folder, make());
        Device.Cpu.Memory.ResetPeak();
        long live = Device.Cpu.Memory.Live, managed = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var scope = Scope.Begin();
            _ = OnnxModel.Load(path).ToModule();
            Assert.That(loads, "nothing was refused");
        }
        catch (DataException e)
        {
            Assert.That(loads, Is.False, e.Message);
            Assert.That(e.Message, Does.StartWith("m.onnx.gz: ").And.Contains("Hint: "));
        }
        long memory = GC.GetAllocatedBytesForCurrentThread() - managed + Device.Cpu.Memory.Peak - live, length = new FileInfo(path).Length;
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{memory / Mebibyte} MiB for {length} bytes"));
        Assert.That(memory, Is.LessThan((4 * length) + (256L * Mebibyte)));
    }

    /// <summary>The last bytes say how long the last member is, or lie: the content is what it is.</summary>
    [Test]
    public void SeveralMembersAreOneFile()
    {
        using var folder = new TemporaryFolder();
        byte[] model = Sum(1000).ToByteArray();
        foreach (int cut in (int[])[1, model.Length / 2, model.Length - 1])
            Assert.That(OnnxModel.Load(Packed(folder, model[..cut], model[cut..])).Initializer("w").Count, Is.EqualTo(250));
    }
}
