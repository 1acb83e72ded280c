using Tessera.Cli;
using Tessera.NN;
using Tessera.Testing;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

/// <summary>What <c>tessera train</c> can do beside the two stages: each option changes the model, and a killed run goes on.</summary>
public sealed class RecipeTests : FewPhotosTests
{
    string[] Train(string model, params string[] more) => Command("train", ["--out", model, .. more]);

    byte[] Trained(TemporaryFolder folder, params string[] more)
    {
        string model = folder.File("m.safetensors");
        var (code, output, error) = Run(Train(model, more));
        Assert.That((code, error), Is.EqualTo((0, "")), output);
        return File.ReadAllBytes(model);
    }

    [Test]
    public void EachOptionHasAnEffect()
    {
        using var folder = new TemporaryFolder();
        string[] one = ["--epochs", "1", "--unfreeze-epochs", "0"];
        List<byte[]> models = [Trained(folder, one)];
        foreach (string option in new[]
        {
            "--mixup 0.4", "--cutmix 1", "--label-smoothing 0.1", "--ema 0.9", "--clip 0.01", "--fp16", "--bf16", "--wd 3",
            "--no-augment", "--no-flip", "--flip-vert", "--max-rotate 80", "--max-zoom 2", "--max-warp 0", "--max-lighting 0", "--normalize none", "--normalize photos",
        })
        {
            byte[] model = Trained(folder, [.. one, .. option.Split(' ')]);
            Assert.That(models.TrueForAll(m => !m.AsSpan().SequenceEqual(model)), option);
            models.Add(model);
        }
        Assert.That(Trained(folder, [.. one, "--architecture", "resnet18"]), Has.Length.GreaterThan(1000), "the long name of --arch");
    }

    /// <summary>What the tool wrote is pretrained too; it says all there is to it.</summary>
    [Test]
    public void AModelOfTheToolIsTrainedOn()
    {
        using var folder = new TemporaryFolder();
        Trained(folder, "--epochs", "1", "--unfreeze-epochs", "0");
        string model = folder.File("m.safetensors");
        Assert.That(Vision.ImageLearner.LoadLearner(model).Report, Is.EqualTo("m.safetensors: resnet18_w8_bn_op13"));
        var (code, output, error) = Run("train", Few, "--weights", model, "--size", "32", "--bs", "8", "--epochs", "0", "--unfreeze-epochs", "0", "--out", folder.File("again.safetensors"));
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("m.safetensors: resnet18_w8_bn_op13, trained for ").And.Contain("; the head goes on, since the classes are the same"));
        Fails(1, "got resnet18_w8_bn_op13, expected resnet34.", "train", Few, "--arch", "resnet34", "--weights", model);

        Assert.That(Run("export", model, "--onnx", folder.File("m.onnx")).Code, Is.Zero);
        Assert.That(Run("inspect", folder.File("m.onnx")).Output, Does.Contain("ResNet-18").And.Contain("(a head of another kind follows)"));
    }

    [Test]
    public void AStageEndsWithItsBestEpochAndBeforeItGetsWorse()
    {
        using var folder = new TemporaryFolder();
        string[] tooFast = ["--epochs", "4", "--unfreeze-epochs", "0", "--lr", "0.5"];
        byte[] last = Trained(folder, tooFast);
        Assert.That(Trained(folder, [.. tooFast, "--keep-best"]), Is.Not.EqualTo(last));
        Assert.That(folder.File("m.best.safetensors"), Does.Exist);
        var (code, output, error) = Run(Train(folder.File("m.safetensors"), [.. tooFast, "--early-stop", "0"]));
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("early stopping, valid_loss has not become better than"));
    }

    [Test]
    public void FineTuningIsOneFrozenEpochAndTheRest()
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = Run(Train(folder.File("m.safetensors"), "--fine-tune", "2"));
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("1 epoch frozen and 2 with all layers, fine-tuned at 0.002"));
        Assert.That(output.Split('\n').Count(l => l.StartsWith("0 ", StringComparison.Ordinal)), Is.EqualTo(2), "two tables");
        Assert.That(output.Split('\n').Count(l => l.StartsWith("1 ", StringComparison.Ordinal)), Is.EqualTo(1));
    }

    [Test]
    public void AKilledRunGoesOnToTheSameModel()
    {
        using var folder = new TemporaryFolder();
        string[] recipe = ["--epochs", "2", "--unfreeze-epochs", "1", "--mixup", "0.4", "--ema", "0.9"];
        byte[] unbroken = Trained(folder, recipe);
        string model = folder.File("resumed.safetensors"), run = folder.File("pets.run");
        string[] resumable = Train(model, [.. recipe, "--resume", run]);
        using (var process = Start("exec \"$@\"", resumable))
        {
            string? line;
            while ((line = process.StandardOutput.ReadLine()) is not null && !line.StartsWith("0 ", StringComparison.Ordinal)) { }
            process.Kill();
            process.WaitForExit();
            Assert.That(line, Is.Not.Null, process.StandardError.ReadToEnd());
        }
        Assert.That(File.Exists(folder.File("pets.frozen.run")));

        var (code, output, error) = Run(resumable);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("pets.frozen.run: goes on at epoch ").Or.Contain("pets.frozen.run: this run is complete"));
        Assert.That(File.ReadAllBytes(model), Is.EqualTo(unbroken));

        File.Delete(model);
        Assert.That(Run(resumable).Output, Does.Contain("pets.run: this run is complete"));
        Assert.That(File.ReadAllBytes(model), Is.EqualTo(unbroken), "also where all was done before");
        Fails(1, "holds another run", Train(model, [.. recipe, "--lr", "1e-4", "--resume", run]));
        Fails(1, "holds another run: callbacks: got Ema(0.9), Mixup(0.4), expected Ema(0.9), GradientClip(0.1), Mixup(0.4)", Train(model, [.. recipe, "--clip", "0.1", "--resume", run]));
        Fails(1, "holds another run: training transforms: got ", Train(model, [.. recipe, "--presize", "100", "--resume", run]));
        Assert.That(File.ReadAllBytes(model), Is.EqualTo(unbroken));
    }

    [TestCase(2, "--mixup, --cutmix", "--mixup", "0.4", "--cutmix", "1")]
    [TestCase(2, "--fine-tune, --epochs", "--fine-tune", "2", "--epochs", "3")]
    [TestCase(2, "expected at least 1", "--fine-tune", "0")]
    [TestCase(2, "--mixup", "--mixup", "much")]
    [TestCase(2, "--resume-every: got no --resume", "--resume-every", "5")]
    [TestCase(2, "expected at least 1", "--resume", "x.run", "--resume-every", "0")]
    [TestCase(1, "alpha: got -1", "--mixup", "-1")]
    [TestCase(1, "alpha: got 0", "--cutmix", "0")]
    [TestCase(1, "--ema: got 1", "--ema", "1")]
    [TestCase(1, "--clip: got -2", "--clip", "-2")]
    [TestCase(1, "label smoothing: got 1", "--label-smoothing", "1")]
    [TestCase(1, "--resume: ", "--resume", "/")]
    [TestCase(1, "cannot be read", "--fine-tune", "2", "--lr", "fast")]
    public void MistakesAreOneLineAndACode(int code, string message, params string[] more)
    {
        using var folder = new TemporaryFolder();
        Fails(code, message, Train(folder.File("m.safetensors"), more));
        Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
    }

    [Test]
    public void ALogHasALineEveryFewSecondsAndNoControlCharacters()
    {
        using var log = new StringWriter();
        var clock = new Clock();
        var display = new LogDisplay(log, clock);
        display.Line("epoch  train_loss");
        for (int batch = 1; batch <= 24; batch++)
        {
            clock.Now += TimeSpan.FromSeconds(1);
            display.Progress(new TrainingProgress(0, 4, true, batch, 100, TimeSpan.FromSeconds(batch), TimeSpan.FromSeconds(100 - batch), 1.5));
        }
        display.Line("0      1.500000");
        display.End();
        string[] lines = log.ToString().TrimEnd().ReplaceLineEndings("\n").Split('\n');
        Assert.That(lines, Is.EqualTo(new[]
        {
            "epoch  train_loss",
            "  epoch 0 train 5/100, 00:05 gone, 01:35 to go, loss 1.5000",
            "  epoch 0 train 10/100, 00:10 gone, 01:30 to go, loss 1.5000",
            "  epoch 0 train 15/100, 00:15 gone, 01:25 to go, loss 1.5000",
            "  epoch 0 train 20/100, 00:20 gone, 01:20 to go, loss 1.5000",
            "0      1.500000",
        }));
    }

    sealed class Clock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long GetTimestamp() => Now.Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;
    }
}
