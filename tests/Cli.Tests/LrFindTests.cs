using Tessera.Cli;
using Tessera.Testing;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

public sealed class LrFindTests : FewPhotosTests
{
    string[] Find(params string[] more) => Command("lr-find", more);

    [Test]
    public void SuggestsRatesAndDrawsTheCurve()
    {
        using var folder = new TemporaryFolder();
        string plot = folder.File("rates.png");
        var (code, output, error) = Run(Find("--batches", "40", "--plot", plot));
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("Tried learning rates from 1.00E-07").And.Contain("Min numerical gradient: ").And.Contain("Valley: ").And.Contain("rate      loss").And.Not.Contain("\u001b"));
        Assert.That(Tessera.Vision.Image.Load(plot).Width, Is.EqualTo(640));
        Assert.That(Times(output), Is.EqualTo(Times(Run(Find("--batches", "40", "--plot", plot, "--workers", "1")).Output)), "one seed, the same numbers");

        static string[] Times(string text) => [.. text.Split('\n').Where(l => !l.Contains(" gone, ", StringComparison.Ordinal))];
    }

    [TestCase(1, "ends in .png or .svg", "--plot", "rates.bmp")]
    [TestCase(1, "could not be written", "--plot", "/dev/null/rates.png")]
    [TestCase(1, "positive", "--start", "-1")]
    [TestCase(2, "expected at least 17", "--batches", "3")]
    [TestCase(2, "--end", "--end", "high")]
    [TestCase(2, "unknown device", "--device", "tpu")]
    public void MistakesAreOneLineAndACode(int code, string message, params string[] args) => Fails(code, message, Find(args));

    [Test]
    public void InterruptStopsIt()
    {
        using var folder = new TemporaryFolder();
        using var process = Start("exec \"$@\"", Find("--batches", "1000000", "--start", "1e-9", "--end", "1e-8", "--plot", folder.File("rates.png")));
        try
        {
            Assert.That(process.StandardOutput.ReadLine(), Does.StartWith("network"));
            Thread.Sleep(300);
            process.Interrupt();
            Assert.That(process.WaitForExit(60_000), "did not stop");
            Assert.That((process.ExitCode, process.StandardError.ReadToEnd().TrimEnd()), Is.EqualTo((Tool.Interrupted, "stopped.")));
        }
        finally
        {
            if (!process.HasExited) process.Kill();
        }
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }
}
