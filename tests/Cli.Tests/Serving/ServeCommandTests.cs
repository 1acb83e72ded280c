using System.Diagnostics;
using Tessera.Cli;
using Tessera.Testing;

namespace Tessera.Tests.Serving;

/// <summary>The command as a process of its own.</summary>
public sealed class ServeCommandTests
{
    [Test]
    public async Task ServesUntilItIsInterrupted()
    {
        using var folder = new TemporaryFolder();
        string model = folder.File("model.safetensors");
        SmallModel.Create().Export(model);
        var start = Interruptible.Program("dotnet", Path.Combine(AppContext.BaseDirectory, "Tessera.Cli.dll"), "serve", model, "--port", "0");
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using var process = Process.Start(start)!;
        try
        {
            string line = await process.StandardOutput.ReadLineAsync() ?? await process.StandardError.ReadToEndAsync();
            Assert.That(line, Does.StartWith("model.safetensors answers at http://127.0.0.1:"));
            string address = line.Split(' ')[3];
            using var client = new HttpClient();
            string photo = ImageFile();
            using var answer = await client.PostAsync(address + "predict", new ByteArrayContent(await File.ReadAllBytesAsync(photo)));
            Assert.That(await answer.Content.ReadAsStringAsync(), Does.StartWith("{\"label\":\""));

            using (StringWriter output = new(), error = new())
            {
                int code = await Task.Run(() => Tool.Run(["serve", model, "--port", new Uri(address).Port.ToString()], output, error));
                Assert.That((code, output.ToString()), Is.EqualTo((1, "")));
                Assert.That(error.ToString(), Does.StartWith("error: serve: 127.0.0.1, port ").And.Contain("another program").And.Contain("\nhint: "));
            }

            process.Interrupt();
            Assert.That(process.WaitForExit(30_000), "did not stop");
            Assert.That((process.ExitCode, await process.StandardError.ReadToEndAsync()), Is.EqualTo((0, "")));
            Assert.That(await process.StandardOutput.ReadToEndAsync(), Does.StartWith("stopped: 1 requests answered"));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
    }

    static string ImageFile() => Path.Combine(TestData.Asset("pets/images"), "Abyssinian_1.jpg");

    [TestCase("--port", "70000", "at most 65535")]
    [TestCase("--port", "-1", "at least 0")]
    [TestCase("--max-batch", "0", "at least 1")]
    [TestCase("--host", "nowhere", "expected an address")]
    public void OptionsThatCannotBeAreRefused(string option, string value, string message)
    {
        using StringWriter output = new(), error = new();
        Assert.That(Tool.Run(["serve", "model.safetensors", option, value], output, error), Is.EqualTo(Tool.Usage));
        Assert.That(error.ToString(), Does.StartWith("error: ").And.Contain(message));
    }
}
