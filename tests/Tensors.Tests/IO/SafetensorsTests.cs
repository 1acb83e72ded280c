using CsCheck;
using Tessera.Testing;

namespace Tessera.Tests.IO;

public sealed class SafetensorsTests
{
    static IEnumerable<TestCaseData> Verdicts => GoldenCase.All("safetensors/cases.json");

    [Category("Golden")]
    [TestCaseSource(nameof(Verdicts))]
    public void AgreesWithTheReferenceImplementation(GoldenCase c)
    {
        ArgumentNullException.ThrowIfNull(c);
        string path = c.File(c["file"].GetString()!);
        if (c["verdict"].GetString() == "reject")
        {
            Assert.That(() => Safetensors.Read(path), Throws.TypeOf<DataException>().With.Message.StartsWith(path));
            return;
        }
        var tensors = Safetensors.Read(path).Tensors;
        Assert.That(tensors, Has.Count.EqualTo(c["tensors"].EnumerateObject().Count()));
        foreach (var expected in c["tensors"].EnumerateObject())
        {
            var x = tensors[expected.Name];
            Assert.That(x.Shape.ToArray(), Is.EqualTo(expected.Value.GetProperty("shape").Ints()), expected.Name);
            if (x.DType == DType.Float32)
                Assert.That(x.ToArray<float>().Select(v => (double)v), Is.EqualTo(expected.Value.GetProperty("values").Numbers()), expected.Name);
        }
    }

    [Test]
    public void EveryElementTypeAndLayoutComesBack()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("all.safetensors");
        var image = Tensor.From([.. Enumerable.Range(0, 24).Select(i => (float)i)], [1, 2, 3, 4]);
        var written = new Dictionary<string, Tensor>
        {
            ["f32 channels-last"] = image,
            ["f32 view"] = image.Permute(0, 2, 3, 1),
            ["f16"] = image.To(DType.Float16),
            ["bf16"] = image.To(DType.BFloat16),
            ["u8"] = image.To(DType.UInt8),
            ["i32"] = image.To(DType.Int32),
            ["i64"] = image.To(DType.Int64),
            ["bool"] = image.To(DType.Bool),
            ["scalar"] = Tensor.Scalar(2.5),
            ["empty"] = Tensor.Zeros([0, 3]),
        };
        Safetensors.Write(path, written, new Dictionary<string, string> { ["note"] = "naïve \"quotes\" \n" });

        var read = Safetensors.Read(path);
        Assert.That(read.Metadata["note"], Is.EqualTo("naïve \"quotes\" \n"));
        Assert.That(read.Tensors.Keys, Is.EquivalentTo(written.Keys));
        foreach (var (name, x) in written)
        {
            Assert.That(read.Tensors[name].DType, Is.EqualTo(x.DType), name);
            Assert.That(read.Tensors[name].Shape, Is.EqualTo(x.Shape), name);
            Assert.That(read.Tensors[name].ToBytes(), Is.EqualTo(x.ToBytes()), name);
        }
        var independent = SafetensorsReader.Read(path);
        Assert.That(independent["f32 channels-last"].Shape, Is.EqualTo(new[] { 1, 2, 3, 4 }));
    }

    [Test]
    public void DamagedDataIsNoticed()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("x.safetensors");
        Safetensors.Write(path, new Dictionary<string, Tensor> { ["x"] = Tensor.Ones([4]) });
        byte[] bytes = File.ReadAllBytes(path);
        bytes[^3] ^= 1;
        File.WriteAllBytes(path, bytes);
        Assert.That(() => Safetensors.Read(path), Throws.TypeOf<DataException>().With.Message.Contains("checksum"));
    }

    [Test]
    public void MutatedFilesNeverCrash()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("good.safetensors"), mutant = folder.File("mutant.safetensors");
        Safetensors.Write(path, new Dictionary<string, Tensor> { ["a"] = Tensor.Ones([3]), ["b"] = Tensor.Zeros([2, 2]) });
        byte[] good = File.ReadAllBytes(path);
        Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, good.Length]).Sample((at, value, length) =>
        {
            byte[] bytes = [.. good];
            bytes[at] = value;
            File.WriteAllBytes(mutant, bytes.AsSpan(0, length == 0 ? good.Length : length).ToArray());
            try
            {
                Safetensors.Read(mutant);
            }
            catch (DataException)
            {
                // The only way to refuse.
            }
        }, iter: 2000, threads: 1);
    }

    [Test]
    public void MissingFileIsNamed() =>
        Assert.That(() => Safetensors.Read("no/such.safetensors"), Throws.TypeOf<DataException>().With.Message.StartsWith("no/such.safetensors"));

    [Test]
    public void FailedWriteLeavesTheOldFile()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("model.safetensors");
        Safetensors.Write(path, new Dictionary<string, Tensor> { ["x"] = Tensor.Ones([4]) });
        byte[] before = File.ReadAllBytes(path);
        Assert.That(() => AtomicFile.Write(path, s =>
        {
            s.Write(new byte[1000]);
            throw new IOException("No space left on device");
        }), Throws.TypeOf<TesseraException>().With.Message.Contains("No space left").And.Message.Contains(path));
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(before));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void FullDiskIsReported()
    {
        if (!File.Exists("/dev/full")) Assert.Ignore("/dev/full is not on this system");
        using var folder = new TemporaryFolder();
        Assert.That(() => AtomicFile.Write(folder.File("x"), _ =>
        {
            using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write);
            full.Write(new byte[100_000]);
            full.Flush();
        }), Throws.TypeOf<TesseraException>().With.Message.Contains("could not be written"));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }
}
