using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The tool, trimmed and compiled ahead of time: one file that does what the tool does, without .NET on the machine.</summary>
[NonParallelizable]
public sealed partial class NativeToolTests
{
    static readonly string[] recipe = ["--weights", "network.onnx", "--size", "32", "--bs", "8"], epochs = ["--epochs", "1", "--unfreeze-epochs", "1"];

    TemporaryFolder folder = null!;
    Lazy<Task<string>> training = null!;

    string Tool => folder.File("publish/Tessera.Cli");

    /// <summary>Publishes into folders of its own, so that the ordinary build stays as it is.</summary>
    [OneTimeSetUp]
    public async Task Publish()
    {
        if (OperatingSystem.IsWindows() || !await HasLinker()) Assert.Ignore("ahead-of-time compilation needs a C compiler as linker: neither clang nor gcc runs here");
        folder = new TemporaryFolder();
        Photos.Copy(folder.Path);
        File.Copy(Photos.Network, folder.File("network.onnx"));
        File.WriteAllLines(folder.File("labels.csv"), ["file,class", .. Directory.EnumerateFiles(folder.File("photos"), "*.jpg", SearchOption.AllDirectories)
            .Select(f => $"{Path.GetRelativePath(folder.File("photos"), f)},{Path.GetFileName(Path.GetDirectoryName(f))}")]);
        string output = await ChildProcess.Run(TestData.RepositoryRoot, TimeSpan.FromMinutes(8), "dotnet", "publish", "src/Cli", "-c", PackageSet.Configuration,
            "-r", RuntimeInformation.RuntimeIdentifier.StartsWith("osx", StringComparison.Ordinal) ? $"osx-{Architecture}" : $"linux-{Architecture}",
            "-p:PublishAot=true", "--artifacts-path", folder.File("artifacts"), "-o", folder.File("publish"));
        Assert.That(Regex.Matches(output, @"(?m)^.*\bwarning\b.*$").Select(m => m.Value), Is.Empty);
        training = new(() => Run(["train", "photos", .. recipe, .. epochs]));
    }

    static string Architecture => RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    static async Task<bool> HasLinker()
    {
        foreach (string linker in (string[])["clang", "gcc"])
        {
            try
            {
                if ((await ChildProcess.Try(Environment.CurrentDirectory, TimeSpan.FromMinutes(1), linker, "--version")).Code == 0) return true;
            }
            catch (System.ComponentModel.Win32Exception)
            {
                // Not installed: the next one.
            }
        }
        return false;
    }

    [OneTimeTearDown]
    public void Delete() => folder?.Dispose();

    Task<string> Run(params string[] arguments) => ChildProcess.Run(folder.Path, TimeSpan.FromMinutes(2), Tool, arguments);

    [Test]
    public async Task TrainsPredictsAndInspects()
    {
        Assert.That(await training.Value, Does.Contain("train_loss").And.Contain("error rate 0.").And.Contain("model saved"));
        Assert.That(await Run("predict", "model.safetensors", "photo.jpg"), Does.Contain("photo.jpg: ").And.Contain("Abyssinian").And.Contain("pomeranian"));
        Assert.That(await Run("inspect", "model.safetensors"), Does.Contain("tensors").And.Contain("0.0.weight"));
        Assert.That(await Run("export", "model.safetensors", "--onnx", "model.onnx"), Is.Not.Empty);
        Assert.That(await Run("inspect", "model.onnx"), Does.Contain("Conv"));

        // The same photos, their classes from a table.
        Assert.That(await Run(["train", "photos", "--csv", "labels.csv", "--out", "table.safetensors", .. recipe, .. epochs]), Does.Contain("20 for training, 4 for validation, 2 classes"));
    }

    [Test]
    public async Task DoctorTellsOfTheMachine() =>
        Assert.That(await Run("doctor"), Does.Match(@"\.NET +\.NET 10").And.Match("vectors +(256|512|portable|128)").And.Match(@"device cpu +ready"));

    [Test]
    public async Task VerifiesAndRunsKernels()
    {
        string scale = Path.Combine(TestData.RepositoryRoot, "examples/scale.ptx");
        Assert.That(await Run("kernels", "verify", scale), Does.StartWith("accept "));
        Assert.That(await Run("kernels", "verify", scale, "--json"), Does.StartWith("{\"verdict\":\"accept\""));
        Assert.That(await Run("kernels", "list", scale), Does.Contain("scale"));
        Assert.That(await Run("doctor", "--self-test", "--device", "emulator"), Is.Not.Empty);
    }

    [Test]
    public async Task ErrorsAreOneLineAndACure()
    {
        var (code, _, errors) = await ChildProcess.Try(folder.Path, TimeSpan.FromMinutes(1), Tool, "predict", "no.safetensors", "photo.jpg");
        Assert.That(code, Is.EqualTo(1));
        Assert.That(errors, Does.StartWith("error: ").And.Not.Contain("   at "));
    }
}
