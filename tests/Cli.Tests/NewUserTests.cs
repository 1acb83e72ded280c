using Tessera.Cli;
using Tessera.Testing;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

/// <summary>What somebody does who uses the tool for the first time: wrong files, wrong places, a changed mind.</summary>
public sealed class NewUserTests : FewPhotosTests
{
    static readonly string photo = Path.Combine(Pets, "Abyssinian_1.jpg");

    TemporaryFolder folder = null!;
    string model = "";

    [OneTimeSetUp]
    public void Export() => model = Classifier(folder = new TemporaryFolder());

    [OneTimeTearDown]
    public void Delete() => folder.Dispose();

    [Test]
    public void WhatIsReadIsNeverWrittenOver()
    {
        string table = folder.File("labels.csv"), network = folder.File("network.onnx"), copy = folder.File("copy.jpg");
        File.WriteAllText(table, "file,class\na.jpg,a\nb.jpg,b\n");
        File.Copy(Slim, network);
        File.Copy(photo, copy);
        byte[][] Contents() => [.. new[] { model, table, network, copy }.Select(File.ReadAllBytes)];
        byte[][] before = Contents();
        string other = Path.Combine(folder.Path, ".", Path.GetFileName(model)); // the same file by another name
        foreach (string[] command in new[]
        {
            ["export", model, "--onnx", other], ["convert", model, other], ["interpret", model, Few, "--out", other], ["predict", model, copy, "--out", other], ["predict", model, copy, "--out", copy],
            ["interpret", model, Few, "--csv", table, "--out", table], ["train", Few, "--weights", model, "--arch", "resnet18", "--out", other], ["train", Few, "--csv", table, "--out", table],
            Command("train", "--out", folder.File("new.safetensors"), "--resume", folder.File("new.safetensors")), ["convert", network, network],
        })
            Fails(1, "which is read too", command);
        Assert.That(Contents(), Is.EqualTo(before));
        Assert.That(File.Exists(folder.File("new.safetensors")), Is.False);
    }

    [TestCase("predict")]
    [TestCase("interpret")]
    [TestCase("serve")]
    [TestCase("export", "--onnx", "x.onnx")]
    public void AFileOfWeightsIsNoModel(string command, params string[] more)
    {
        string[] photos = command is "predict" or "interpret" ? [Few] : [];
        Fails(1, $"{Slim}: no trained model: expected a file that tessera train wrote", [command, Slim, .. photos, .. more]);
        Assert.That(Run([command, Slim, .. photos, .. more]).Error, Does.Contain($"hint: tessera inspect shows what it is; an .onnx or .pth file of weights is for tessera train photos/ --weights {Slim}."));
    }

    [Test]
    public void AModelIsNotCalledAsAnotherKindOfFile() =>
        Fails(1, "--out: got pets.onnx, expected a name such as model.safetensors", Command("train", "--out", "pets.onnx"));

    [Test]
    public void AFileIsNoFolderOfPhotos()
    {
        foreach (string[] command in new[] { new[] { "train", photo }, ["data", "inspect", photo], ["interpret", model, photo] }) Fails(1, $"{photo}: is a file: expected a folder of photos", command);
    }

    [Test]
    public void AFolderThatMayNotBeReadIsNamedWithACure()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("takes POSIX rights away");
            return;
        }
        string closed = Directory.CreateDirectory(folder.File("closed")).FullName;
        File.SetUnixFileMode(closed, UnixFileMode.None);
        try
        {
            if (Environment.IsPrivilegedProcess) Assert.Ignore("root may read everything");
            Fails(1, $"{closed}: cannot be listed: ", "predict", model, closed);
        }
        finally
        {
            File.SetUnixFileMode(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Test]
    public void AFolderThatTakesNoFilesIsFoundOutBeforeTheWork()
    {
        if (!OperatingSystem.IsLinux()) Assert.Ignore("writes into /proc");
        foreach (string[] command in new[] { ["export", model, "--onnx", "/proc/x.onnx"], ["convert", Slim, "/proc/x.safetensors"], ["predict", model, photo, "--out", "/proc/x.csv"], Command("train", "--out", "/proc/x.safetensors") })
            Fails(1, "could not be written: no file can be made in /proc", command);
    }

    [Test]
    public void LearningRatesGrow()
    {
        Fails(1, "--end: got 0.1, expected a rate above that of --start, 1", Command("lr-find", "--start", "1", "--end", "0.1"));
        var (code, output, error) = Run(Command("lr-find", "--start", "1", "--end", "1e9", "--batches", "20"));
        Assert.That(code, Is.EqualTo(1), output);
        Assert.That(error, Does.StartWith("error: lr-find: the loss had grown too far after ").And.Contain("hint: begin with a smaller --start."));
    }

    [Test]
    public void ARunFileThatIsNoneIsSaidBeforeTraining()
    {
        byte[] before = File.ReadAllBytes(model);
        var (code, output, error) = Run(Command("train", "--resume", model, "--out", folder.File("other.safetensors")));
        Assert.That((code, output), Is.EqualTo((1, "")));
        Assert.That(error, Does.StartWith($"error: --resume: {model} holds no run: ").And.Contain("\nhint: name a new file"));
        Assert.That(File.ReadAllBytes(model), Is.EqualTo(before));
    }

    [Test]
    public void WhatComesNextCanBePastedIntoAShell()
    {
        string photos = Directory.CreateDirectory(folder.File("my photos")).FullName;
        foreach (string file in Directory.GetFiles(Few)) File.Copy(file, Path.Combine(photos, Path.GetFileName(file)));
        string[] command = Command("train", "--epochs", "0", "--unfreeze-epochs", "0", "--out", folder.File("my model.safetensors"));
        command[1] = photos;
        string[] next = Run(command).Output.Split('\n');
        Assert.That(next, Has.Some.StartsWith("warning: nothing is trained"));
        Assert.That(next, Has.Some.Matches($"^  tessera predict \"{folder.File("my model.safetensors")}\" \".*/my photos/[^\"]+[.]jpg\"\r?$"));
    }

    [Test]
    public void AMessageHasNoControlCharacters()
    {
        string table = folder.File("escape.csv");
        File.WriteAllText(table, "file,\u001b[31mred\na.jpg,\n");
        string error = Run("train", "--csv", table).Error;
        Assert.That(error, Does.Contain("?[31mred"));
        Assert.That(error.Any(c => char.IsControl(c) && c is not ('\r' or '\n')), Is.False);
    }

    [Test]
    public void TheHelpOfInterpretSaysThatTheModelKnows()
    {
        string help = Run("interpret", "--help").Output;
        Assert.That(help, Does.Contain("Fixes the split (that of training).").And.Contain("(that of the model)").And.Not.Contain("42").And.Not.Contain("224"));
        Assert.That(Run("train", "--help").Output, Does.Contain("start weights (42)"));
    }

    [Test]
    public void PredictingIsInterrupted()
    {
        using var process = Start("exec \"$@\"", "predict", model, Pets, "--tta");
        try
        {
            Assert.That(process.StandardOutput.ReadLine(), Does.Contain(".jpg: "));
            process.Interrupt();
            _ = process.StandardOutput.ReadToEndAsync();
            Assert.That(process.WaitForExit(60_000), "did not stop");
            Assert.That((process.ExitCode, process.StandardError.ReadToEnd().TrimEnd()), Is.EqualTo((Tool.Interrupted, "stopped.")));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }
}
