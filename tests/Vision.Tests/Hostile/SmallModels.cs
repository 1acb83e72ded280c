using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Hostile;

/// <summary>Model files of a few kilobytes.</summary>
static class SmallModels
{
    /// <summary>A residual body of one block, described by its form, with the course of a training.</summary>
    public static byte[] OfResNet(IReadOnlyList<Transform>? validation = null) => Saved(Backbone.Of(new ResNet(new ResNetOptions([1], Width: 4)), "small"), validation);

    /// <summary>One of each kind that has numbers.</summary>
    public static IReadOnlyList<Transform> ManyTransforms =>
    [
        new Pad(2, Vision.PaddingMode.Border), new SymmetricWarp((-0.1, 0.2)), new PerspectiveWarp((0.1, 0.3)), new Tilt(0.1), new Skew((0.1, 0.2)) { Direction = 3 }, new Jitter(0.01),
        new ZoomSquish([new ZoomSquishTry((1, 2), (0.75, 1.33))]), new Rotate((-5, 5)), new Zoom(1.2) { RowPct = 0.25 }, new Squish(0.9), new DihedralAffine { K = 2 }, new Brightness(0.6), new Contrast(1.1),
        new Dihedral { K = 1 }, new RgbRandomize(0.2) { Channel = 1 }, new Crop((14, 15)), new Cutout(), new CropPad { ColPct = (0, 1) },
    ];

    /// <summary>A body that is an ONNX graph.</summary>
    public static byte[] OfGraph()
    {
        var network = new Sequential(new Conv2d(3, 4, 3, 4), new Relu(), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 3));
        return Saved(Backbone.Of(OnnxModel.Parse(network.ToOnnxBytes([3, 32, 32]), "small.onnx")));
    }

    /// <summary>A classifier of two classes over a body.</summary>
    static ImageClassifier Of(Backbone backbone, IReadOnlyList<Transform>? validation)
    {
        var network = new NetworkDescription("small", backbone.Form, [4], 0.5, false) { Cut = backbone.Cut };
        var learning = new LearningDescription("CrossEntropyLoss", ["error_rate"], "Adam", 0.01, true, true, true, true, 1, 1);
        var pipeline = new TransformPipeline(validation ?? Transforms.None().Valid, new ImageSize(16, 16));
        return new ImageClassifier(network, network.Join(backbone, 2), ["cat", "dog"], pipeline, ImageNet.Stats, backbone, learning, Course());
    }

    static byte[] Saved(Backbone backbone, IReadOnlyList<Transform>? validation = null)
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("m.safetensors");
        Of(backbone, validation).Save(path);
        return File.ReadAllBytes(path);
    }

    /// <summary>The header and the data of a file.</summary>
    public static (JsonObject Header, byte[] Data) Parts(byte[] file)
    {
        int header = (int)BitConverter.ToInt64(file);
        return (JsonNode.Parse(file.AsSpan(8, header))!.AsObject(), file[(8 + header)..]);
    }

    /// <summary>A file of a header and data.</summary>
    public static byte[] Joined(string header, ReadOnlySpan<byte> data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        return [.. BitConverter.GetBytes((long)text.Length), .. text, .. data];
    }

    /// <summary>The file with the checksum that it should have, where it has a place for one.</summary>
    public static byte[] Sealed(byte[] file)
    {
        byte[] key = "\"sha256_file\":\""u8.ToArray();
        int at = file.AsSpan().IndexOf(key) + key.Length;
        if (at < key.Length || at + 64 > file.Length || file.Length < 8) return file;
        byte[] sealedFile = [.. file];
        sealedFile.AsSpan(at, 64).Fill((byte)'0');
        Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(sealedFile.AsSpan(8)))).CopyTo(sealedFile, at);
        return sealedFile;
    }

    /// <summary>The file with another description of its model, and the checksum that belongs to it.</summary>
    public static byte[] Described(byte[] file, Func<string, string> change)
    {
        var (header, data) = Parts(file);
        var metadata = header["__metadata__"]!.AsObject();
        metadata["model"] = change((string)metadata["model"]!);
        return Sealed(Joined(header.ToJsonString(), data));
    }

    /// <summary>Two epochs of a small learner.</summary>
    static Recorder Course()
    {
        var data = new DataBunch(new DataLoader(Numbers(), 4), new DataLoader(Numbers(), 4));
        var learn = new Learner(data, new Linear(2, 2), new CrossEntropyLoss(), Metrics.ErrorRate) { Display = null };
        learn.Fit(2);
        return learn.Recorder;

        static TensorDataset Numbers() => new(Tensor.Ones([8, 2]), Tensor.From([0L, 1, 0, 1, 0, 1, 0, 1], [8]));
    }
}
