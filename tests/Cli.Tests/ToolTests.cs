using System.Diagnostics;
using Tessera.Cli;
using Tessera.Testing;
using Tessera.Vision;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

public sealed class ToolTests
{
    static readonly string pets = TestData.Asset("pets/images");
    static readonly string trunk = TestData.Asset("models/resnet50_imagenet_trunk_rgb_bn_f16_op13.onnx");

    static readonly string slim = TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx");

    [Test]
    public void DoctorListsDevicesWithReasons()
    {
        var (code, output, error) = Run("doctor");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("device cpu").And.Contain("ready").And.Contain("device cuda:0").And.Contain("compute threads").And.Contain("kernel cache"));
        Assert.That(output, Does.Contain("NVIDIA driver").And.Contain("cuBLAS ").And.Contain("cuBLASLt ").And.Contain("cuDNN ").And.Contain("NCCL "), "with a GPU or without");
    }

    [Test]
    public void TheSelfTestComparesEachFamilyOfKernelsWithTheCpu()
    {
        var (code, output, error) = Run("doctor", "--self-test", "--device", "emulator");
        Assert.That((code, error), Is.EqualTo((0, "")), output);
        string[] families =
        [
            "maps", "comparisons", "fills", "casts", "reductions", "scan", "sort", "gather, scatter", "matrix products", "convolutions", "16 bits", "batch norm", "layer, group norm", "pools", "softmax", "grid samples",
            "dropout", "pictures", "optimizers", "random numbers",
        ];
        Assert.That(output.Split('\n').Where(l => l.Contains("  ok  ")).Select(l => l[..l.IndexOf("  ", StringComparison.Ordinal)]), Is.EqualTo(families), output);
        Assert.That(Run("doctor", "--self-test", "--device", "tpu").Code, Is.EqualTo(Tool.Usage));
    }

    [Test]
    public void AGpuThatIsNotThereIsAnErrorNotARunOnTheProcessor()
    {
        using var folder = new TemporaryFolder();
        string nowhere = folder.File("libcuda.so.1");
        var doctor = WithDriver(nowhere, "doctor");
        Assert.That(doctor.Code, Is.Zero);
        Assert.That(doctor.Output, Does.Contain($"device cuda:0    not usable: TESSERA_CUDA_LIBRARY: '{nowhere}' cannot be loaded"));
        var train = WithDriver(nowhere, "train", pets, "--weights", slim, "--device", "cuda:0", "--out", folder.File("model.safetensors"));
        Assert.That((train.Code, train.Output), Is.EqualTo((Tool.Usage, "")));
        Assert.That(train.Error, Does.StartWith("error: ").And.Contain("cuda:0").And.Contain("cannot be loaded").And.Contain("hint: use --device cpu"));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    /// <summary>The tool as a process of its own, with a file in the place of the NVIDIA driver.</summary>
    static (int Code, string Output, string Error) WithDriver(string library, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Tessera.Cli.dll"), .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["TESSERA_CUDA_LIBRARY"] = library },
        };
        using var process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error);
    }

    [Test]
    public void DoctorShowsHowConvolutionsAreComputed()
    {
        var (code, output, error) = Run("doctor", "--convolutions", trunk, "--batch", "2", "--size", "64");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("7x7/2").And.Contain("forward, data, weight").And.Contain("Direct").And.Contain("not a 3x3 kernel of stride 1").And.Contain("Winograd"));
    }

    [TestCase]
    [TestCase("train")]
    [TestCase("predict")]
    [TestCase("inspect")]
    [TestCase("export")]
    [TestCase("convert")]
    [TestCase("lr-find")]
    [TestCase("data")]
    [TestCase("data", "list")]
    [TestCase("data", "fetch")]
    [TestCase("data", "inspect")]
    [TestCase("serve")]
    [TestCase("interpret")]
    [TestCase("doctor")]
    [TestCase("kernels")]
    [TestCase("kernels", "verify")]
    [TestCase("kernels", "list")]
    [TestCase("kernels", "show")]
    [TestCase("kernels", "run")]
    [TestCase("kernels", "check")]
    [TestCase("kernels", "count")]
    [TestCase("kernels", "step")]
    public void HelpHasDescriptionAndExample(params string[] command)
    {
        var (code, output, error) = Run([.. command, "--help"]);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("Usage").And.Contain("Example").And.Contain($"  tessera {string.Join(' ', command)}"));
        if (command.Length == 0) Assert.That(output.Split("Example"), Has.Length.EqualTo(2), "the list of commands is a list");
    }

    [Test]
    public void InspectShowsGraphAndSafetensors()
    {
        var (code, output, error) = Run("inspect", trunk);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("operator set 13").And.Contain("43 batch norms").And.Contain("ResNet-50"));
    }

    [Test]
    public void InspectListsTheTensorsOfAPyTorchFile()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("weights.pth");
        var x = new SavedTensor(new SavedStorage("0", "FloatStorage", 6, new byte[24]), 0, [2, 3], [3, 1]);
        File.WriteAllBytes(path, PyTorchWriter.Archive(new Dictionary<string, object?> { ["fc.weight"] = x }));
        var (code, output, error) = Run("inspect", path);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("fc.weight").And.Contain("Float32  [2, 3]").And.Contain("1 tensors, 6 elements"));
    }

    static IEnumerable<TestCaseData> Mistakes()
    {
        yield return new TestCaseData(2, "Unrecognized", new[] { "fly" });
        yield return new TestCaseData(2, "--speed", new[] { "train", "--speed", "9", "x" });
        yield return new TestCaseData(2, "expected at least 1", new[] { "train", "--bs", "0" });
        yield return new TestCaseData(2, "expected at least 1", new[] { "train", "--size", "0" });
        yield return new TestCaseData(2, "expected at least 1", new[] { "train", "--presize", "0" });
        yield return new TestCaseData(2, "expected at least 0", new[] { "train", "--workers", "-1" });
        yield return new TestCaseData(2, "expected at least 1", new[] { "predict", "m.safetensors", "x.jpg", "--top", "0" });
        yield return new TestCaseData(2, "--seed: got 'many', expected a whole number of at least 0.", new[] { "train", "--seed", "many" });
        yield return new TestCaseData(2, "--seed: got '-1', expected a whole number of at least 0.", new[] { "train", "--seed", "-1" });
        yield return new TestCaseData(2, "--bs: got '1.5', expected a whole number.", new[] { "train", "--bs", "1.5" });
        yield return new TestCaseData(2, "--valid: got 'half', expected a number, such as 0.5.", new[] { "train", "--valid", "half" });
        yield return new TestCaseData(2, "'--top'", new[] { "interpret", "m.safetensors", "photos/", "--top", "-3" });
        yield return new TestCaseData(2, "--csv, --regex: got both", new[] { "train", "--csv", "labels.csv", "--regex", "x" });
        yield return new TestCaseData(2, "--label-column: got no --csv", new[] { "data", "inspect", "--label-column", "breed" });
        yield return new TestCaseData(2, "photo", new[] { "predict", "m.safetensors" });
        yield return new TestCaseData(2, "file", new[] { "inspect" });
        yield return new TestCaseData(2, "command", Array.Empty<string>());
        yield return new TestCaseData(2, "unknown device", new[] { "train", "--device", "tpu" });
        yield return new TestCaseData(2, "--fp16, --bf16: got both", new[] { "train", "--fp16", "--bf16" });
        yield return new TestCaseData(2, "cannot be used", new[] { "train", "--device", "cuda:0" });
        yield return new TestCaseData(1, "no such folder", new[] { "train", "/no/such/folder" });
        yield return new TestCaseData(1, "does not match", new[] { "train", pets, "--regex", "/(dog)_photo" });
        yield return new TestCaseData(1, "takes too long", new[] { "train", pets, "--regex", "/((.+)+)+_Q$" });
        yield return new TestCaseData(1, "not a regular expression", new[] { "train", pets, "--regex", "/(" });
        yield return new TestCaseData(1, "not a share", new[] { "train", pets, "--valid", "1.5" });
        yield return new TestCaseData(1, "no.csv", new[] { "train", "--csv", "no.csv" });
        yield return new TestCaseData(1, "one class only", new[] { "train", pets, "--regex", "(jpg)$" });
        yield return new TestCaseData(1, "gives no batch", new[] { "train", pets, "--bs", "5000" });
        yield return new TestCaseData(1, "cannot be read", new[] { "train", "--lr", "fast" });
        yield return new TestCaseData(1, "unknown network", new[] { "train", "--arch", "alexnet" });
        yield return new TestCaseData(1, "weights of another network", new[] { "train", "--arch", "resnet18", "--weights", trunk });
        yield return new TestCaseData(1, "README.md", new[] { "train", "--weights", Path.Combine(TestData.RepositoryRoot, "README.md") });
        yield return new TestCaseData(1, "no.safetensors", new[] { "predict", "no.safetensors", "x.jpg" });
        yield return new TestCaseData(1, "no.onnx", new[] { "inspect", "no.onnx" });
        yield return new TestCaseData(1, "/: is a folder", new[] { "inspect", "/" });
    }

    [TestCaseSource(nameof(Mistakes))]
    public void MistakesAreOneLineAndACode(int code, string message, string[] args)
    {
        var result = Run(args);
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(result.Code, Is.EqualTo(code), result.Error);
        string[] lines = result.Error.TrimEnd().Split('\n');
        Assert.That(lines[0], Does.StartWith("error: "));
        Assert.That(lines, Has.Length.LessThanOrEqualTo(2), result.Error);
        if (lines.Length > 1) Assert.That(lines[1], Does.StartWith("hint: "));
        Assert.That(result.Error, Does.Contain("expected ").Or.Contain("hint: "), "a cure");
    }

    [Test]
    public void BadFoldersTablesAndPhotosAreOneLineAndACode()
    {
        using var folder = new TemporaryFolder();
        string model = folder.File("model.safetensors");
        MistakesAreOneLineAndACode(1, "no photos", ["train", folder.Path, "--out", model]);
        MistakesAreOneLineAndACode(1, "no photos", ["predict", Classifier(folder), folder.Path]);

        File.WriteAllText(folder.File("labels.csv"), "file,breed\na.jpg,cat\n");
        MistakesAreOneLineAndACode(1, "no column 'colour'", ["train", "--csv", folder.File("labels.csv"), "--label-column", "colour", "--out", model]);
        File.WriteAllText(folder.File("labels.csv"), "file,breed\na.jpg,\nb.jpg,cat\n");
        MistakesAreOneLineAndACode(1, "row 2 has no breed", ["train", "--csv", folder.File("labels.csv"), "--out", model]);

        File.WriteAllText(folder.File("Bengal_999.jpg"), "not a photo");
        MistakesAreOneLineAndACode(1, "Bengal_999.jpg", ["predict", Classifier(folder), folder.File("Bengal_999.jpg")]);
        foreach (string photo in Directory.GetFiles(pets, "*_1*.jpg")) File.Copy(photo, folder.File(Path.GetFileName(photo)));
        MistakesAreOneLineAndACode(1, "Bengal_999.jpg", ["train", folder.Path, "--weights", slim, "--size", "32", "--bs", "4", "--valid", "0", "--out", model]);
        Assert.That(File.Exists(model), Is.False);
    }

    [Test]
    public void NamesWithoutAClassNameTheOtherWaysToGiveOne()
    {
        using var folder = new TemporaryFolder();
        foreach (string photo in Directory.GetFiles(pets, "*_1*.jpg")) File.Copy(photo, folder.File(Path.GetFileName(photo).Replace('_', '-')));
        var result = Run("train", folder.Path, "--out", folder.File("model.safetensors"));
        Assert.That(result.Code, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain("does not match").And.Contain("--regex").And.Contain("--csv").And.Contain("sub-folder"));
    }

    [Test]
    public void PredictionGoesOnAfterAnUnreadablePhoto()
    {
        using var folder = new TemporaryFolder();
        string classifier = Classifier(folder), good = Path.Combine(pets, "Abyssinian_1.jpg"), bad = folder.File("bad.jpg");
        File.WriteAllText(bad, "not a photo");
        var result = Run("predict", classifier, bad, good);
        Assert.That(result.Output, Does.Contain("Abyssinian_1.jpg: "), "the photo after the bad one is classified");
        Assert.That(result.Code, Is.EqualTo(1));
        Assert.That(result.Error, Does.StartWith("error: ").And.Contain("bad.jpg").And.Contain("1 of 2 photos"));
    }

    [Test]
    public void BadModelFilesAreOneLineAndACode()
    {
        using var folder = new TemporaryFolder();
        byte[] whole = File.ReadAllBytes(trunk), hugeLength = [0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 1, 2, 3];
        byte[] cyclic = Onnx(Node("Add", "x", "b", "a"), Node("Neg", "a", "b"), Node("Relu", "b", "y"));
        byte[] negative = Onnx(Node("Add", "x", "w", "y"), Field(5, Varint(1, -3), Varint(2, 1), Text(8, "w")));
        foreach (var (name, bytes, message) in new[] { ("cut", whole[..(whole.Length / 2)], ""), ("huge", hugeLength, ""), ("cyclic", cyclic, "cycle"), ("negative", negative, "-3") })
        {
            string file = folder.File($"{name}.onnx");
            File.WriteAllBytes(file, bytes);
            MistakesAreOneLineAndACode(1, $"{name}.onnx: ", ["inspect", file]);
            Assert.That(Run("inspect", file).Error, Does.Contain(message));
            MistakesAreOneLineAndACode(1, $"{name}.onnx: ", ["train", pets, "--weights", file, "--out", folder.File("model.safetensors")]);
        }
        string classifier = Classifier(folder);
        File.WriteAllBytes(classifier, File.ReadAllBytes(classifier)[..^100]);
        MistakesAreOneLineAndACode(1, "classifier.safetensors", ["predict", classifier, Path.Combine(pets, "Abyssinian_1.jpg")]);
        MistakesAreOneLineAndACode(1, "not a classifier", ["predict", Other(folder), Path.Combine(pets, "Abyssinian_1.jpg")]);
        MistakesAreOneLineAndACode(1, "hint: name it: --arch", ["train", pets, "--weights", Other(folder)]);
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(6));
    }

    [Test]
    public void AnErrorNobodyForesawIsOneLineToo()
    {
        using StringWriter error = new();
        Assert.That(Tool.Run(["doctor"], new Broken(), error), Is.EqualTo(1));
        Assert.That(error.ToString(), Does.StartWith("error: InvalidOperationException: broken").And.Contain("hint: ").And.Not.Contain("   at "));
    }

    sealed class Broken : StringWriter
    {
        public override void WriteLine(string? value) => throw new InvalidOperationException("broken");
    }

    static string Classifier(TemporaryFolder folder)
    {
        string file = folder.File("classifier.safetensors");
        var data = ImageDataBunch.FromNameRegex(pets, @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 8);
        ImageLearner.Create(data, Architecture.ResNet18(slim)).Export(file);
        return file;
    }

    static string Other(TemporaryFolder folder)
    {
        string file = folder.File("other.safetensors");
        Safetensors.Write(file, new Dictionary<string, Tensor> { ["x"] = Tensor.Ones([1]) });
        return file;
    }

    /// <summary>An ONNX model, opset 13, whose graph from x to y is made of these fields.</summary>
    static byte[] Onnx(params byte[][] graph) =>
        [.. Varint(1, 8), .. Field(7, [.. graph, Text(2, "g"), Field(11, Text(1, "x")), Field(12, Text(1, "y"))]), .. Field(8, Varint(2, 13))];

    /// <summary>A node: its operator, then its inputs, then its output.</summary>
    static byte[] Node(string op, params string[] names) =>
        Field(1, [.. names[..^1].Select(n => Text(1, n)), Text(2, names[^1]), Text(3, $"the {op}"), Text(4, op)]);

    static byte[] Text(int number, string text) => Field(number, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>A protobuf field of bytes.</summary>
    static byte[] Field(int number, params byte[][] parts) => [(byte)((number << 3) | 2), .. Varint(parts.Sum(p => p.Length)), .. parts.SelectMany(p => p)];

    static byte[] Varint(int number, long value) => [(byte)(number << 3), .. Varint(value)];

    static IEnumerable<byte> Varint(long value)
    {
        ulong rest = (ulong)value;
        for (; rest > 127; rest >>= 7) yield return (byte)(rest | 128);
        yield return (byte)rest;
    }

    [Test]
    public void VerboseShowsTheTrace() => Assert.That(Run("inspect", "no.onnx", "--verbose").Error, Does.Contain("   at Tessera."));
}
