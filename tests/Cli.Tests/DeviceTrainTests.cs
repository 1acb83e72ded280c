using System.Globalization;
using Tessera.Cli;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The lesson's training command on a device: photos, transforms, network, loss, backward pass, optimizer, validation, model file.</summary>
[NonParallelizable]
public sealed class DeviceTrainTests
{
    static readonly int[] numbers = [1, 10, 102, 103];

    static readonly string slim = TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx");

    [TearDown]
    public void BackOnTheCpu() => Device.Default = Device.Cpu;

    /// <summary>One batch an epoch: a pretrained slim ResNet-18 in both phases, and a ResNet-18 of full width with all its layers trained.</summary>
    [TestCase("slim", 8, "1", TestName = "A pretrained slim ResNet-18")]
    [TestCase("full", 3, "0", TestName = "A fresh ResNet-18")]
    public void TheEmulatorTrainsLikeTheCpu(string network, int photos, string frozenEpochs)
    {
        using var folder = new TemporaryFolder();
        string pets = Directory.CreateDirectory(folder.File("photos")).FullName;
        string[] breeds = ["Abyssinian", "Bengal"];
        foreach (int i in Enumerable.Range(0, photos)) File.Copy(TestData.Asset($"pets/images/{breeds[i % 2]}_{numbers[i / 2]}.jpg"), Path.Combine(pets, $"{breeds[i % 2]}_{i}.jpg"));
        int batch = photos * 3 / 4;
        string valid = ((photos - batch + 0.01) / photos).ToString(CultureInfo.InvariantCulture);
        string[] weights = network == "slim" ? ["--weights", slim] : ["--arch", "resnet18"];

        double[] Losses(string device)
        {
            string model = folder.File(device + ".safetensors");
            using StringWriter output = new(), error = new();
            int code = Tool.Run(["train", pets, .. weights, "--size", "64", "--bs", $"{batch}", "--valid", valid, "--epochs", frozenEpochs, "--unfreeze-epochs", "1", "--device", device, "--out", model], output, error);
            Assert.That((code, error.ToString()), Is.EqualTo((0, "")));
            Assert.That(output.ToString(), Does.Contain($"device   {device}, "));
            Assert.That(File.Exists(model));
            // Rows of the table: epoch, train_loss, valid_loss, error_rate, time.
            return [.. from line in output.ToString().Split('\n')
                       let cells = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                       where cells.Length == 5 && char.IsAsciiDigit(cells[0][0])
                       from cell in cells[1..4]
                       select double.Parse(cell, CultureInfo.InvariantCulture)];
        }

        double[] emulator = Losses("emulator"), cpu = Losses("cpu");
        Assert.That(emulator, Has.Length.EqualTo(frozenEpochs == "1" ? 6 : 3));
        Assert.That(emulator, Is.EqualTo(cpu).Within(1e-3));
    }
}
