using System.Text.RegularExpressions;

namespace Tessera.Testing;

/// <summary>An ONNX file with recorded inputs and outputs beside it (<c>NAME_io.npz</c>).</summary>
/// <param name="Name">Folder and file: <c>cifar/resnet20_bn_op13.onnx</c>.</param>
/// <param name="Path">The file.</param>
/// <param name="IoPath">The recorded pairs.</param>
public sealed partial record OnnxFile(string Name, string Path, string IoPath)
{
    /// <summary>All recorded files that can be found, for <c>[TestCaseSource]</c>; a skipped case for a folder that is absent.</summary>
    public static IEnumerable<TestCaseData> All()
    {
        yield return Case(TestData.Asset("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx"), "assets");
        foreach (string folder in (string[])["onnx/cifar", "onnx/torchvision-slim", "onnx/imagenet"])
        {
            if (TestData.FindData(folder) is not string root)
            {
                yield return new TestCaseData(new OnnxFile(folder, "", "")).Ignore(TestData.ReasonAbsent(folder, "TESSERA_DATA"));
                continue;
            }
            foreach (string path in Directory.EnumerateFiles(root, "*.onnx*").Order(StringComparer.Ordinal))
                yield return Case(path, System.IO.Path.GetFileName(folder));
        }
    }

    /// <summary>Whether the file's batch norms were folded.</summary>
    public bool IsFolded => Name.Contains("folded", StringComparison.Ordinal);

    /// <summary>The recorded arrays.</summary>
    public IReadOnlyDictionary<string, TestArray> Io() => NpyReader.ReadNpz(IoPath);

    /// <summary>Inputs <c>[N, 3, H, W]</c> as the network takes them, with the outputs that belong to them.</summary>
    public IEnumerable<(int[] Shape, float[] X, TestArray Y)> Pairs()
    {
        var io = Io();
        if (io.TryGetValue("input", out var x)) yield return (x.Shape, x.Floats(), io["output"]);
        if (io.TryGetValue("input64", out x)) yield return (x.Shape, x.Floats(), io["output64"]);
        if (io.TryGetValue("input224_f16", out x)) yield return (x.Shape, x.Floats(), io["output224"]);
        if (io.TryGetValue("rgb_u8", out x)) yield return ([x.Shape[0], 3, x.Shape[1], x.Shape[2]], Pixels(x, caffe: io.ContainsKey("logits")), Expected(io));
    }

    /// <summary>Its name: what the runner shows.</summary>
    public override string ToString() => Name;

    TestArray Expected(IReadOnlyDictionary<string, TestArray> io)
    {
        string[] names = IsFolded ? ["output_folded_f16"] : ["features_f16", "logits", "output"];
        return io[Array.Find(names, io.ContainsKey)!];
    }

    // ImageNet's RGB / 255 with mean and deviation; or BGR less a mean (caffe).
    static float[] Pixels(TestArray rgb, bool caffe)
    {
        int n = rgb.Shape[0], plane = rgb.Shape[1] * rgb.Shape[2];
        float[] mean = [0.485f, 0.456f, 0.406f], std = [0.229f, 0.224f, 0.225f], bgr = [103.939f, 116.779f, 123.68f], y = new float[n * 3 * plane];
        for (int i = 0; i < n; i++)
            for (int c = 0; c < 3; c++)
                for (int p = 0; p < plane; p++)
                {
                    int at = (i * plane) + p;
                    y[(((i * 3) + c) * plane) + p] = caffe ? rgb.Bytes[(at * 3) + 2 - c] - bgr[c] : ((rgb.Bytes[(at * 3) + c] / 255f) - mean[c]) / std[c];
                }
        return y;
    }

    static TestCaseData Case(string path, string folder)
    {
        string file = System.IO.Path.GetFileName(path), stem = Variant().Replace(file, "");
        string name = $"{folder}/{file}";
        return new TestCaseData(new OnnxFile(name, path, System.IO.Path.Combine(System.IO.Path.GetDirectoryName(path)!, stem + "_io.npz"))).SetArgDisplayNames(name);
    }

    [GeneratedRegex(@"(_bn|_folded)?(_f16)?_op\d+\.onnx(\.gz)?$")]
    private static partial Regex Variant();
}
