using System.Diagnostics;
using Tessera.Cli;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Runs the tool, in this process or in one of its own.</summary>
static class CommandLine
{
    public static string Pets { get; } = TestData.Asset("pets/images");

    public static string Slim { get; } = TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx");

    public static (int Code, string Output, string Error) Run(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = Tool.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    /// <summary><c>tessera kernels</c>, with line ends of one character.</summary>
    public static (int Code, string Output, string Error) Kernels(params string[] args)
    {
        var (code, output, error) = Run(["kernels", .. args]);
        return (code, output.ReplaceLineEndings("\n"), error.ReplaceLineEndings("\n"));
    }

    /// <summary>A file of numbers as they lie in memory.</summary>
    public static string FileOf<T>(TemporaryFolder folder, string name, params T[] content) where T : unmanaged
    {
        string file = folder.File(name);
        File.WriteAllBytes(file, System.Runtime.InteropServices.MemoryMarshal.AsBytes(content.AsSpan()).ToArray());
        return file;
    }

    /// <summary>A process of its own; <paramref name="shell"/> runs the tool as <c>"$@"</c>.</summary>
    public static Process Start(string shell, params string[] args)
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("runs the tool from a POSIX shell");
        var start = Interruptible.Program("bash", ["-c", shell, "-", "dotnet", Path.Combine(AppContext.BaseDirectory, "Tessera.Cli.dll"), .. args]);
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        start.Environment["DOTNET_EnableWriteXorExecute"] = start.Environment["DOTNET_EnableDiagnostics"] = "0"; // the runtime writes no files of its own
        return Process.Start(start)!;
    }

    /// <summary>Runs to the end.</summary>
    public static (int Code, string Output, string Error) Shell(string shell, params string[] args)
    {
        using var process = Start(shell, args);
        string output = process.StandardOutput.ReadToEnd(), error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error);
    }

    /// <summary>An error line, then hints, nothing else; nothing on the output.</summary>
    public static void Fails(int code, string message, params string[] args)
    {
        var result = Run(args);
        Assert.That(result.Error, Does.Contain(message));
        Assert.That(result.Code, Is.EqualTo(code), result.Error);
        string[] lines = result.Error.TrimEnd().Split('\n');
        Assert.That(lines[0], Does.StartWith("error: "));
        Assert.That(lines[1..], Has.All.StartWith("hint: "));
    }

    /// <summary>A folder of ten photos of each breed.</summary>
    public static string Few(TemporaryFolder folder)
    {
        string few = Directory.CreateDirectory(folder.File("photos")).FullName;
        foreach (var breed in Directory.GetFiles(Pets, "*.jpg").Order(StringComparer.Ordinal).GroupBy(p => Path.GetFileName(p).Split('_')[0], StringComparer.Ordinal))
            foreach (string photo in breed.Take(10)) File.Copy(photo, Path.Combine(few, Path.GetFileName(photo)));
        return few;
    }

    /// <summary>An untrained classifier of the seven breeds at 32 pixels.</summary>
    public static string Classifier(TemporaryFolder folder)
    {
        string file = folder.File("classifier.safetensors");
        var data = ImageDataBunch.FromNameRegex(Pets, @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 8).Normalize(ImageNet.Stats);
        ImageLearner.Create(data, Architecture.ResNet18(Slim), new ImageLearnerOptions { Hidden = [4] }).Export(file);
        return file;
    }
}
