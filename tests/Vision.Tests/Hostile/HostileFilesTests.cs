using System.Text;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Hostile;

/// <summary>Files of every kind that Tessera reads, damaged by chance and by design: see <see cref="Fuzz.Run"/>.</summary>
[CancelAfter(10_800_000)]
public sealed class HostileFilesTests
{
    static readonly Image photo = new(21, 15, new byte[21 * 15 * 3]);

    [Test]
    public void Onnx()
    {
        const string name = "small.onnx";
        Module[] networks =
        [
            new Sequential(new Conv2d(3, 4, 3, padding: 1), new BatchNorm2d(4), new Relu(), new MaxPool2d(2), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 3)),
            new Sequential(new ConvTranspose2d(3, 4, 3, 2), new Gelu(), new AdaptiveMaxPool2d((3, 5)), new GroupNorm(2, 4), new Dropout(), new Flatten(), new Linear(60, 3)),
        ];
        byte[][] whole = [.. networks.Select(n => n.ToOnnxBytes([3, 8, 8]))];
        int refused = Fuzz.Run(name, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random), file =>
        {
            var model = OnnxModel.Parse(file, name);
            _ = model.Describe();
            _ = model.ToModule().Forward(Tensor.Ones([1, 3, 8, 8]));
        });
        Assert.That(refused, Is.InRange(Fuzz.Count / 3, Fuzz.Count - 1));
    }

    [Test]
    public void SafetensorsFiles()
    {
        const string name = "w.safetensors";
        using var folder = new TemporaryFolder();
        string path = folder.File(name);
        Safetensors.Write(path, new Dictionary<string, Tensor> { ["a"] = Tensor.Ones([2, 3]), ["b.weight"] = Tensor.From([1L, 2], [2]) }, new Dictionary<string, string> { ["k"] = "v" });
        byte[][] whole = [File.ReadAllBytes(path), SmallModels.Joined("""{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[24,28]}}""", new byte[28])];
        int refused = Fuzz.Run(name, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random, head: 130), file =>
        {
            foreach (var tensor in Safetensors.Read(new MemoryStream(file), name).Tensors.Values) tensor.Dispose();
            _ = Safetensors.ReadHeader(new MemoryStream(file), name);
        });
        Assert.That(refused, Is.InRange(Fuzz.Count / 2, Fuzz.Count - 1));
    }

    [Test]
    public void Models()
    {
        byte[] whole = SmallModels.OfResNet();
        int header = 8 + (int)BitConverter.ToInt64(whole);
        int refused = Fuzz.Run("m.safetensors", (i, random) => Fuzz.Mutate(whole, random, header) is var file && file.AsSpan().SequenceEqual(whole) ? whole[..^1] : file, Load);
        Assert.That(refused, Is.EqualTo(Fuzz.Count), "nothing passes the checksum");
    }

    /// <summary>The checksum is right, and the description or the head of the file is wrong: what a hostile file looks like.</summary>
    [Test]
    public void ModelsUnderARightChecksum()
    {
        byte[][] whole = [SmallModels.OfResNet(), SmallModels.OfGraph(), SmallModels.OfResNet(SmallModels.ManyTransforms)];
        byte[] alphabet = "0123456789\",:[]{}-.eE"u8.ToArray();
        int refused = Fuzz.Run("m.safetensors", (i, random) =>
        {
            byte[] file = whole[i % 8 == 0 ? 1 : i % 3 == 0 ? 0 : 2];
            return i % 2 == 0 ? SmallModels.Sealed(Fuzz.Mutate(file, random, 8 + (int)BitConverter.ToInt64(file)))
                : SmallModels.Described(file, text => Encoding.UTF8.GetString(Fuzz.Mutate(Encoding.UTF8.GetBytes(text), random, int.MaxValue, alphabet)));
        }, Load);
        Assert.That(refused, Is.InRange(Fuzz.Count / 3, Fuzz.Count - 1));
    }

    /// <summary>What can be read is asked about a photo: an answer, or an error of ours.</summary>
    static void Load(byte[] file)
    {
        var model = ImageClassifier.Load(new MemoryStream(file), "m.safetensors");
        if ((long)model.Size.Height * model.Size.Width > 1 << 14) return; // as slow and as large as it says
        try
        {
            _ = model.Predict(photo);
        }
        catch (TesseraException)
        {
            // such as a crop that is larger than the picture
        }
    }

    [Test]
    public void PyTorchFiles()
    {
        const string name = "w.pth";
        var state = new Dictionary<string, object?>
        {
            ["a"] = new SavedTensor(new SavedStorage("0", "FloatStorage", 6, new byte[24]), 0, [2, 3], [3, 1]),
            ["b"] = new SavedTensor(new SavedStorage("1", "FloatStorage", 2, new byte[8]), 0, [2], [1]),
        };
        byte[][] whole =
        [
            PyTorchWriter.Archive(state), PyTorchWriter.Legacy(state), PyTorchWriter.Archive(state, compression: System.IO.Compression.CompressionLevel.Optimal),
            PyTorchSamples.Unpack(PyTorchSamples.Zip), PyTorchSamples.Unpack(PyTorchSamples.Protocol4), PyTorchSamples.Unpack(PyTorchSamples.Legacy),
        ];
        byte[] pickle = "().]}RbQqhXKJ"u8.ToArray();
        int refused = Fuzz.Run(name, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random, alphabet: random.Next(2) == 0 ? null : pickle), file =>
        {
            foreach (var tensor in PyTorchFile.Load(new MemoryStream(file), name).Values) tensor.Dispose();
        });
        Assert.That(refused, Is.InRange(Fuzz.Count / 4, Fuzz.Count - (Fuzz.Count / 50)));
    }

    [Test]
    public void Tables()
    {
        const string name = "t.csv";
        byte[][] whole =
        [
            "file,breed\na.jpg,cat\n\"b, c.jpg\",\"a \"\"dog\"\"\"\n"u8.ToArray(),
            "file;breed;is_valid\r\na.jpg;cat;0\r\nb.jpg;dog;1\r\n"u8.ToArray(),
            [0xEF, 0xBB, 0xBF, .. "path,reason,score,label,other\na.jpg,HighLoss,2.5,cat,dog\nb.jpg,NearDuplicate,0.9,cat,a.jpg\n"u8],
        ];
        Fuzz.Run(name, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random, alphabet: i % 2 == 0 ? null : "\",;\n\r\t |\0\\"u8.ToArray()), file =>
        {
            var table = Table.Read(Text(file), name);
            _ = table.ToString();
            _ = table.Column("0");
            var list = ImageList.FromTable(table, "photos");
            _ = list.ToString();
        });
        int refused = Fuzz.Run(name, (i, random) => Fuzz.Mutate(whole[2], random), file => CleaningList.Load(Text(file), name));
        Assert.That(refused, Is.InRange(Fuzz.Count / 10, Fuzz.Count - 1));

        static StreamReader Text(byte[] file) => new(new MemoryStream(file));
    }

    [Test]
    public void Images()
    {
        byte[][] whole = [.. GoldenCase.All("images/cases.json", "decode").Select(c => (GoldenCase)c.Arguments[0]!).Select(c => File.ReadAllBytes(c.File(c.Id))).Where(f => f.Length < 200_000)];
        Assert.That(whole, Has.Length.GreaterThan(10));
        int refused = Fuzz.Run("photo", (i, random) => Fuzz.Mutate(whole[i % whole.Length], random, head: 64), file =>
        {
            var image = Image.Decode(file, "photo");
            if (image.Pixels.Length != image.Width * image.Height * 3) throw new InvalidOperationException("pixels are missing");
        });
        Assert.That(refused, Is.InRange(Fuzz.Count / 10, Fuzz.Count - 1));
    }
}
