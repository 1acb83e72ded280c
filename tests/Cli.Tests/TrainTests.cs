using System.Diagnostics;
using System.Text.RegularExpressions;
using Tessera.Cli;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The command from photos to predictions, on small photos and a slim network.</summary>
public sealed partial class TrainTests
{
    static readonly string pets = TestData.Asset("pets/images");

    static string[] Train(string model, int epochs = 1, params string[] more) =>
        ["train", pets, "--weights", TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx"), "--size", "32", "--epochs", $"{epochs}", "--unfreeze-epochs", "1", "--out", model, .. more];

    static (int Code, string Output, string Error) Run(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = Tool.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    [GeneratedRegex(@"^  epoch .* gone, .*\n|\d\d:\d\d|[\d.]+ % of it waiting", RegexOptions.Multiline)]
    private static partial Regex Times { get; }

    [Test]
    public void TrainsSavesAndPredictsTheSameTwice()
    {
        using var folder = new TemporaryFolder();
        string model = folder.File("model.safetensors");
        var first = Run(Train(model));
        Assert.That((first.Code, first.Error), Is.EqualTo((0, "")));
        Assert.That(first.Output, Does.Contain("epoch").And.Contain("train_loss").And.Contain("error rate 0.").And.Contain(model).And.Contain("Next "));
        byte[] saved = File.ReadAllBytes(model);

        var second = Run(Train(model, 1, "--workers", "1"));
        Assert.That(Times.Replace(second.Output, ""), Is.EqualTo(Times.Replace(first.Output, "")));
        Assert.That(File.ReadAllBytes(model), Is.EqualTo(saved));

        var predicted = Run("predict", model, Path.Combine(pets, "Abyssinian_1.jpg"), "--top", "7");
        Assert.That((predicted.Code, predicted.Error), Is.EqualTo((0, "")));
        Assert.That(predicted.Output, Does.Contain("Abyssinian_1.jpg: ").And.Contain("Bengal").And.Contain("pomeranian"));

        var inspected = Run("inspect", model);
        Assert.That(inspected.Code, Is.Zero);
        Assert.That(inspected.Output, Does.Contain("tensors").And.Contain("0.0.weight"));
        File.Copy(model, folder.File("model"));
        Assert.That(Run("inspect", folder.File("model")).Output, Is.EqualTo(inspected.Output), "the content says what it is");
    }

    [Test]
    public void AModelThatCannotBeSavedIsAnErrorAndLeavesNothing()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("file"), "in the way");
        var result = Run(Train(folder.File("file/model.safetensors")));
        Assert.That(result.Code, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain("could not be written").And.Not.Contain("   at "));
        Assert.That(result.Output, Is.Empty, "found out before training, not after");
        Assert.That(Run(Train(folder.Path)).Error, Does.Contain("it is a folder"));
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(1));
    }

    [Test]
    public void AFullDiskLeavesTheOldModel()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("limits the size of files as Linux does");
        using var folder = new TemporaryFolder();
        string model = folder.File("model.safetensors");
        File.WriteAllText(model, "the old model");
        // A write beyond 64 KiB fails, as on a full disk; without W^X the runtime needs no large file of its own.
        var start = new ProcessStartInfo("bash", ["-c", "trap '' XFSZ; ulimit -f 64; exec dotnet \"$@\"", "-", Path.Combine(AppContext.BaseDirectory, "Tessera.Cli.dll"), .. Train(model)])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["DOTNET_EnableWriteXorExecute"] = "0" },
        };
        using var process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.EqualTo(1), output + error);
        Assert.That(error, Does.StartWith("error: ").And.Contain("could not be written").And.Contain("hint: ").And.Not.Contain("   at "));
        Assert.That(File.ReadAllText(model), Is.EqualTo("the old model"));
        Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(new[] { model }));
    }

    [Test]
    public void WithoutValidationTheTableSaysSo()
    {
        using var folder = new TemporaryFolder();
        var result = Run(Train(folder.File("m.safetensors"), 1, "--valid", "0"));
        Assert.That((result.Code, result.Error), Is.EqualTo((0, "")));
        Assert.That(result.Output, Does.Contain("warning: no validation photos").And.Contain("#na#        #na#").And.Not.Contain("error rate"));
    }

    [Test]
    public void ALossThatIsNoNumberStopsWithAnError()
    {
        using var folder = new TemporaryFolder();
        var result = Run(Train(folder.File("m.safetensors"), 1, "--lr", "1e30"));
        Assert.That(result.Code, Is.EqualTo(1));
        Assert.That(result.Error, Does.Contain("not a number").And.Contain("learning rate"));
    }

    [Test]
    public void InterruptStopsCleanlyAndKeepsTheLastEpoch()
    {
        using var folder = new TemporaryFolder();
        string model = folder.File("model.safetensors");
        var start = Interruptible.Program("dotnet", [Path.Combine(AppContext.BaseDirectory, "Tessera.Cli.dll"), .. Train(model, epochs: 500)]);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        try
        {
            string? line;
            while ((line = process.StandardOutput.ReadLine()) is not null && !line.StartsWith("1 ", StringComparison.Ordinal)) { }
            Assert.That(line, Is.Not.Null, "the second epoch's row was not printed");
            process.Interrupt();
            Assert.That(process.WaitForExit(60_000), "did not stop");
            string error = process.StandardError.ReadToEnd();
            Assert.That(process.ExitCode, Is.EqualTo(Tool.Interrupted), error);
            Assert.That(error, Does.Contain("stopped after").And.Contain(model).And.Not.Contain("   at "));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
        Assert.That(Run("predict", model, Path.Combine(pets, "Abyssinian_1.jpg")).Code, Is.Zero);
        Assert.That(Directory.GetFiles(folder.Path), Is.EqualTo(new[] { model }));
    }
}
