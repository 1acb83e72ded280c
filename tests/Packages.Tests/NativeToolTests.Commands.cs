using System.Diagnostics;
using System.Formats.Tar;
using System.Globalization;
using System.Text.RegularExpressions;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The commands beside train and predict.</summary>
public sealed partial class NativeToolTests
{
    [Test]
    public async Task FindsALearningRateAndDrawsTheCurve()
    {
        foreach (string plot in (string[])["rates.png", "rates.svg"])
            Assert.That(await Run(["lr-find", "photos", .. recipe, "--batches", "20", "--plot", plot]), Does.Contain("Valley: ").And.Contain(plot));
        Assert.That(File.ReadAllBytes(folder.File("rates.png"))[..4], Is.EqualTo("\u0089PNG".Select(c => (byte)c)));
        Assert.That(File.ReadAllText(folder.File("rates.svg")), Does.Contain("<svg").And.Contain("</svg>"));
    }

    [Test]
    public async Task FetchesAndLooksAtPhotos()
    {
        Assert.That(await Run("data", "list"), Does.Contain("mnist_tiny"));
        Assert.That(await Run("data", "inspect", "photos"), Does.Match(@"Abyssinian +10 +2\n").And.Match(@"rows +\d+ to \d+"));
        TarFile.CreateFromDirectory(folder.File("photos"), folder.File("archive.tar"), includeBaseDirectory: true);
        Assert.That(await Run("data", "fetch", "archive.tar", "--to", "fetched"), Does.Contain(folder.File("fetched/archive")));
        Assert.That(Directory.GetFiles(folder.File("fetched"), "*.jpg", SearchOption.AllDirectories), Has.Length.EqualTo(24));
    }

    [Test]
    public async Task ConvertsWeights()
    {
        await training.Value;
        File.WriteAllBytes(folder.File("weights.pth"), PyTorchSamples.Unpack(PyTorchSamples.Zip));
        foreach (string from in (string[])["network.onnx", "weights.pth"])
            Assert.That(await Run("convert", from, "converted.safetensors"), Does.Match(@"\d+ tensors"), from);
        Assert.That(await Run("convert", "model.safetensors", "converted.onnx"), Does.Contain("it computes what model.safetensors does"));
    }

    [Test]
    public async Task InterpretsAModel()
    {
        await training.Value;
        Assert.That(await Run("interpret", "model.safetensors", "photos"), Does.Contain("of 4 photos wrong").And.Contain("report.html"));
        Assert.That(File.ReadAllText(folder.File("report.html")), Does.Contain("data:image/jpeg;base64,").And.Contain("</html>"));
    }

    [Test]
    public async Task AKilledRunGoesOnToTheSameModel()
    {
        await training.Value;
        string[] resumed = ["train", "photos", .. recipe, .. epochs, "--resume", "pets.run", "--out", "resumed.safetensors"];
        using (var process = Start(resumed))
        {
            string? line;
            while ((line = await process.StandardOutput.ReadLineAsync()) is not null && !line.StartsWith("0 ", StringComparison.Ordinal)) { }
            process.Kill();
            await process.WaitForExitAsync();
            Assert.That(line, Is.Not.Null, await process.StandardError.ReadToEndAsync());
        }
        Assert.That(await Run(resumed), Does.Contain("pets.frozen.run: "));
        Assert.That(File.ReadAllBytes(folder.File("resumed.safetensors")), Is.EqualTo(File.ReadAllBytes(folder.File("model.safetensors"))));
    }

    [Test]
    public async Task ServesUntilItIsInterrupted()
    {
        await training.Value;
        using var process = Start("serve", "model.safetensors", "--port", "0");
        try
        {
            string line = await process.StandardOutput.ReadLineAsync() ?? await process.StandardError.ReadToEndAsync();
            Assert.That(line, Does.StartWith("model.safetensors answers at http://127.0.0.1:"));
            using HttpClient client = new() { BaseAddress = new Uri(line.Split(' ')[3]) };
            using var answer = await client.PostAsync("predict?heatmap=true", new ByteArrayContent(await File.ReadAllBytesAsync(folder.File("photo.jpg"))));
            Assert.That(await answer.Content.ReadAsStringAsync(), Does.StartWith("{\"label\":\"").And.Contain("data:image/jpeg;base64,"));
            using var refused = await client.PostAsync("predict", new StringContent("no photo"));
            Assert.That(await refused.Content.ReadAsStringAsync(), Does.StartWith("{\"error\":\"photo: no image"));
            Assert.That(await client.GetStringAsync("health"), Does.StartWith("{\"status\":\"ok\""));
            Assert.That(await client.GetStringAsync(""), Does.Contain("</html>"));
            process.Interrupt();
            await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromMinutes(1)).Token);
            Assert.That((process.ExitCode, await process.StandardError.ReadToEndAsync()), Is.EqualTo((0, "")));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    [Test]
    public void ItsSizeIsThatOfTheReadme()
    {
        if (Architecture != "x64" || !OperatingSystem.IsLinux()) Assert.Ignore("the README names the size on Linux x64");
        double own = Megabytes("Tessera.Cli"), all = own + Megabytes("libSkiaSharp.so") + Megabytes("libHarfBuzzSharp.so");
        TestContext.Out.WriteLine($"{own:F1} MB, {all:F1} MB with native libraries");
        var said = SizeInReadme().Match(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "README.md")));
        Assert.That(said.Success, "README.md: native tool ... MB with Skia, ... MB of them its own");
        Assert.That((double.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture), double.Parse(said.Groups[2].Value, CultureInfo.InvariantCulture)), Is.EqualTo((all, own)).Within(5).Percent);
    }

    double Megabytes(string file) => new FileInfo(folder.File($"publish/{file}")).Length / 1e6;

    [GeneratedRegex(@"native tool ([\d.]+) MB with Skia, ([\d.]+) MB of them its own")]
    private static partial Regex SizeInReadme();

    /// <summary>The tool at work.</summary>
    Process Start(params string[] arguments)
    {
        var start = Interruptible.Program(Tool, arguments);
        (start.WorkingDirectory, start.RedirectStandardOutput, start.RedirectStandardError) = (folder.Path, true, true);
        return Process.Start(start)!;
    }
}
