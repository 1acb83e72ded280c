using Tessera.Testing;

namespace Tessera.Tests.IO;

public sealed class NpyTests
{
    [Test]
    public void WrittenArraysComeBackAndOthersCanReadThem()
    {
        using var folder = new TemporaryFolder();
        foreach (var dtype in new[] { DType.Float32, DType.Float16, DType.UInt8, DType.Int32, DType.Int64, DType.Bool })
        {
            string path = folder.File($"{dtype}.npy");
            var x = Tensor.From([.. Enumerable.Range(0, 24).Select(i => (float)i)], [2, 3, 2, 2]).To(dtype);
            Npy.Write(path, x);
            var y = Npy.Read(path);
            Assert.That(y.DType, Is.EqualTo(dtype));
            Assert.That(y.Shape, Is.EqualTo(x.Shape));
            Assert.That(y.ToBytes(), Is.EqualTo(x.ToBytes()));
            Assert.That(NpyReader.Read(path).Shape, Is.EqualTo(x.Shape.ToArray()));
        }
    }

    [Test]
    public void FortranOrderIsTurned()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("f.npy");
        byte[] header = System.Text.Encoding.ASCII.GetBytes("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }".PadRight(117) + "\n");
        byte[] data = [.. new double[] { 1, 4, 2, 5, 3, 6 }.SelectMany(BitConverter.GetBytes)];
        File.WriteAllBytes(path, [0x93, .. "NUMPY"u8, 1, 0, (byte)header.Length, 0, .. header, .. data]);
        Assert.That(Npy.Read(path).ToArray<float>(), Is.EqualTo(new float[] { 1, 2, 3, 4, 5, 6 }));
    }

    [TestCase("")]
    [TestCase("hello")]
    [TestCase("\u0093NUMPY")]
    public void OtherFilesAreRefused(string content)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("bad.npy");
        File.WriteAllText(path, content, System.Text.Encoding.Latin1);
        Assert.That(() => Npy.Read(path), Throws.TypeOf<DataException>().With.Message.StartsWith(path));
    }

    [Test]
    public void BFloat16HasNoNumpyType() =>
        Assert.That(() => Npy.Write("x.npy", Tensor.Ones([1]).To(DType.BFloat16)), Throws.TypeOf<DTypeException>());
}
