using System.Text;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Hostile;

/// <summary>Files of every kind that Tessera reads, damaged by chance and by design: see <see cref="Fuzz.Run"/>.</summary>
[CancelAfter(3_600_000)]
public sealed class HostileFilesTests
{
    [Test]
    public void Onnx()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("small.onnx");
        Module[] networks =
        [
            new Sequential(new Conv2d(3, 4, 3, padding: 1), new BatchNorm2d(4), new Relu(), new MaxPool2d(2), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 3)),
            new Sequential(new ConvTranspose2d(3, 4, 3, 2), new Gelu(), new AdaptiveMaxPool2d((3, 5)), new GroupNorm(2, 4), new Dropout(), new Flatten(), new Linear(60, 3)),
        ];
        byte[][] whole = [.. networks.Select(n =>
        {
            n.ExportOnnx(path, [3, 8, 8]);
            return File.ReadAllBytes(path);
        })];
        int refused = Fuzz.Run(path, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random), () =>
        {
            var model = OnnxModel.Load(path);
            _ = model.Describe();
            _ = model.ToModule().Forward(Tensor.Ones([1, 3, 8, 8]));
        });
        Assert.That(refused, Is.InRange(Fuzz.Count / 3, Fuzz.Count - 1));
    }

    [Test]
    public void SafetensorsFiles()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("w.safetensors");
        Safetensors.Write(path, new Dictionary<string, Tensor> { ["a"] = Tensor.Ones([2, 3]), ["b.weight"] = Tensor.From([1L, 2], [2]) }, new Dictionary<string, string> { ["k"] = "v" });
        byte[][] whole = [File.ReadAllBytes(path), Unchecked("""{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"BF16","shape":[2,1],"data_offsets":[24,28]}}""", 28)];
        int refused = Fuzz.Run(path, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random, head: 130), () =>
        {
            foreach (var tensor in Safetensors.Read(path).Tensors.Values) tensor.Dispose();
            _ = Safetensors.ReadHeader(path);
        });
        Assert.That(refused, Is.InRange(Fuzz.Count / 2, Fuzz.Count - 1));
    }

    /// <summary>A header and zeros, without a checksum.</summary>
    static byte[] Unchecked(string header, int bytes) => [.. BitConverter.GetBytes((long)header.Length), .. Encoding.ASCII.GetBytes(header), .. new byte[bytes]];

    [Test]
    public void Models()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        byte[] whole = Model(path);
        int header = 8 + (int)BitConverter.ToInt64(whole);
        int count = Fuzz.Count / 2;
        int refused = Fuzz.Run(path, (i, random) => Fuzz.Mutate(whole, random, header) is var file && file.AsSpan().SequenceEqual(whole) ? whole[..^1] : file, () => ImageClassifier.Load(path), count);
        Assert.That(refused, Is.EqualTo(count), "nothing passes the checksum");
    }

    /// <summary>The checksum is right, the description is not: what a hostile file looks like.</summary>
    [Test]
    public void ModelsUnderARightChecksum()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        Model(path);
        var file = Safetensors.Read(path);
        byte[] description = Encoding.ASCII.GetBytes(file.Metadata["model"]), alphabet = "0123456789\",:[]{}-.eE"u8.ToArray();
        int count = Fuzz.Count / 4;
        int refused = Fuzz.Run(path, (i, random) =>
        {
            var metadata = file.Metadata.ToDictionary(StringComparer.Ordinal);
            metadata["model"] = Encoding.ASCII.GetString(Fuzz.Mutate(description, random, description.Length, alphabet));
            Safetensors.Write(path, file.Tensors, metadata);
            return File.ReadAllBytes(path);
        }, () => ImageClassifier.Load(path), count);
        Assert.That(refused, Is.InRange(count / 3, count - 1));
    }

    static byte[] Model(string path)
    {
        var data = ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16, options: new ImageDataOptions { Check = false }).Normalize(ImageNet.Stats);
        ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { Hidden = [4] }, Metrics.ErrorRate).Export(path);
        return File.ReadAllBytes(path);
    }

    [Test]
    public void PyTorchFiles()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("w.pth");
        var state = new Dictionary<string, object?>
        {
            ["a"] = new SavedTensor(new SavedStorage("0", "FloatStorage", 6, new byte[24]), 0, [2, 3], [3, 1]),
            ["b"] = new SavedTensor(new SavedStorage("1", "FloatStorage", 2, new byte[8]), 0, [2], [1]),
        };
        byte[][] whole = [PyTorchWriter.Archive(state), PyTorchWriter.Legacy(state), PyTorchWriter.Archive(state, compression: System.IO.Compression.CompressionLevel.Optimal)];
        byte[] pickle = "().]}RbQqhXKJ"u8.ToArray();
        int refused = Fuzz.Run(path, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random, alphabet: i % 2 == 0 ? null : pickle), () =>
        {
            foreach (var tensor in PyTorchFile.Load(path).Values) tensor.Dispose();
        });
        Assert.That(refused, Is.InRange(Fuzz.Count / 4, Fuzz.Count - 1));
    }

    [Test]
    public void Tables()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("t.csv");
        byte[][] whole =
        [
            "file,breed\na.jpg,cat\n\"b, c.jpg\",\"a \"\"dog\"\"\"\n"u8.ToArray(),
            "file;breed;is_valid\r\na.jpg;cat;0\r\nb.jpg;dog;1\r\n"u8.ToArray(),
            [0xEF, 0xBB, 0xBF, .. "path,reason,score,label,other\na.jpg,HighLoss,2.5,cat,dog\nb.jpg,NearDuplicate,0.9,cat,a.jpg\n"u8],
        ];
        Fuzz.Run(path, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random, alphabet: i % 2 == 0 ? null : "\",;\n\r\t |\0\\"u8.ToArray()), () =>
        {
            var table = Table.Read(path);
            _ = table.ToString();
            _ = table.Column("0");
            var list = ImageList.FromCsv(path, folder.Path);
            _ = list.ToString();
        });
        int refused = Fuzz.Run(path, (i, random) => Fuzz.Mutate(whole[2], random), () => CleaningList.Load(path));
        Assert.That(refused, Is.InRange(Fuzz.Count / 10, Fuzz.Count - 1));
    }

    [Test]
    public void Images()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("photo");
        byte[][] whole = [.. GoldenCase.All("images/cases.json", "decode").Select(c => (GoldenCase)c.Arguments[0]!).Select(c => File.ReadAllBytes(c.File(c.Id))).Where(f => f.Length < 200_000)];
        Assert.That(whole, Has.Length.GreaterThan(10));
        int refused = Fuzz.Run(path, (i, random) => Fuzz.Mutate(whole[i % whole.Length], random, head: 64), () =>
        {
            var image = Image.Load(path);
            if (image.Pixels.Length != image.Width * image.Height * 3) throw new InvalidOperationException("pixels are missing");
        });
        Assert.That(refused, Is.InRange(Fuzz.Count / 10, Fuzz.Count - 1));
    }
}
