using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Tessera.Tests.IO;

/// <summary>Long headers: at most 8 MiB, and little memory whatever stands in them.</summary>
[NonParallelizable]
public sealed class SafetensorsHeaderTests
{
    const string Name = "w.safetensors";

    static byte[] Joined(StringBuilder header, int data = 0)
    {
        byte[] file = new byte[8 + header.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(file, header.Length);
        Encoding.ASCII.GetBytes(header.ToString(), file.AsSpan(8));
        return file;
    }

    /// <summary>Items until the header has the length, and the end.</summary>
    static StringBuilder Filled(string begin, Func<int, string> item, string end, int length = Safetensors.MaxHeader)
    {
        var header = new StringBuilder(begin, length);
        for (int i = 0; ; i++)
        {
            string next = (i == 0 ? "" : ",") + item(i);
            if (header.Length + next.Length + end.Length > length) return header.Append(end);
            header.Append(next);
        }
    }

    static string Number(int i) => i.ToString("x", CultureInfo.InvariantCulture);

    static IEnumerable<TestCaseData> Long()
    {
        const string empty = "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
        yield return Case("tensors", Filled("{", i => $"\"{Number(i)}\":{empty}", "}"));
        yield return Case("metadata", Filled("{\"__metadata__\":{", i => $"\"{Number(i)}\":\"\"", "}}"));
        yield return Case("sizes", Filled("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0],\"shape\":[", _ => "0", "]}}"));
        yield return Case("what nobody reads", Filled("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,0],\"shape\":[0],\"b\":[", _ => "0", "]}}"));
        yield return Case("arrays", Filled("[", _ => "[]", "]"));
        yield return Case("a name", Filled("{\"", _ => "aaaaaaaa", $"\":{empty[..^2]}1]}}}}"));
        yield return Case("blanks", Filled("{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1],\"shape\":[9999999999" + new string(' ', Safetensors.MaxHeader - 100), _ => "0", "]}}"));

        static TestCaseData Case(string what, StringBuilder header) => new TestCaseData(header).SetArgDisplayNames(what);
    }

    [Test]
    public void NoTensorIsCalledAsTheMetadataAre()
    {
        string path = Path.Combine(Path.GetTempPath(), $"tessera-{Guid.NewGuid():N}.safetensors");
        Assert.That(() => Safetensors.Write(path, new Dictionary<string, Tensor> { ["__metadata__"] = Tensor.Ones([1]) }),
            Throws.TypeOf<TesseraException>().With.Message.Contains("a tensor is called '__metadata__'"));
        Assert.That(path, Does.Not.Exist);
    }

    /// <summary>The memory of a whole file that is nothing but its header: at most 4 times its length and 256 MiB.</summary>
    [TestCaseSource(nameof(Long))]
    public void ALongHeaderTakesLittleMemory(StringBuilder header)
    {
        ArgumentNullException.ThrowIfNull(header);
        byte[] file = Joined(header);
        Device.Cpu.Memory.ResetPeak();
        long live = Device.Cpu.Memory.Live, managed = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            foreach (var tensor in Safetensors.Read(new MemoryStream(file), Name).Tensors.Values) tensor.Dispose();
        }
        catch (DataException e)
        {
            Assert.That(e.Message, Does.StartWith(Name));
        }
        long memory = GC.GetAllocatedBytesForCurrentThread() - managed + Device.Cpu.Memory.Peak - live;
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{memory >> 20} MiB for {file.Length >> 20}"));
        Assert.That(memory, Is.LessThan((4L * file.Length) + (256 << 20)));
    }

    [Test]
    public void ALongerHeaderIsRefused()
    {
        byte[] file = Joined(Filled("{\"__metadata__\":{", i => $"\"{Number(i)}\":\"\"", "}}", Safetensors.MaxHeader + 1).Append(' ', 20));
        Assert.That(() => Safetensors.Read(new MemoryStream(file), Name), Throws.TypeOf<DataException>().With.Message.StartsWith($"{Name}: the header is too long: got ").And.Message.Contains("expected at most 8388608"));
        Assert.That(() => Safetensors.Read(new MemoryStream(file[..1000]), Name), Throws.TypeOf<DataException>().With.Message.Contains("cut off"));
    }

    [Test]
    public void NoFileIsWrittenThatCouldNotBeRead()
    {
        using var folder = new Testing.TemporaryFolder();
        string path = folder.File(Name);
        var metadata = new Dictionary<string, string> { ["note"] = new('x', Safetensors.MaxHeader) };
        Assert.That(() => Safetensors.Write(path, new Dictionary<string, Tensor>(), metadata), Throws.TypeOf<TesseraException>().With.Message.Contains("the header is too long"));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
        metadata["note"] = new('x', Safetensors.MaxHeader - 200);
        Safetensors.Write(path, new Dictionary<string, Tensor>(), metadata);
        Assert.That(Safetensors.Read(path).Metadata["note"], Has.Length.EqualTo(Safetensors.MaxHeader - 200));
    }
}
