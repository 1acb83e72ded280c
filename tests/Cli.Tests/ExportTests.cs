using Tessera.Cli;
using Tessera.NN;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

public sealed class ExportTests
{
    static readonly string slim = TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx");

    static (int Code, string Output, string Error) Run(params string[] args)
    {
        using StringWriter output = new(), error = new();
        int code = Tool.Run(args, output, error);
        return (code, output.ToString(), error.ToString());
    }

    static string Model(TemporaryFolder folder)
    {
        var data = ImageDataBunch.FromNameRegex(TestData.Asset("pets/images"), @"/([^/]+)_\d+.jpg$", size: 32, batchSize: 16).Normalize(ImageNet.Stats);
        ImageLearner.Create(data, Architecture.ResNet18(slim), new ImageLearnerOptions { Hidden = [4] }).Export(folder.File("m.safetensors"));
        return folder.File("m.safetensors");
    }

    [Test]
    public void AModelIsWrittenAsOnnx()
    {
        using var folder = new TemporaryFolder();
        string model = Model(folder), plain = folder.File("plain.onnx"), phone = folder.File("phone.onnx"), converted = folder.File("converted.onnx");
        var (code, output, error) = Run("export", model, "--onnx", plain);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.StartWith($"{plain}: written").And.Contain("input  input float [batch, 3, 32, 32]").And.Contain("20 Conv"));
        Assert.That(Run("export", model, "--onnx", phone, "--fold", "--preprocess", "--probabilities").Output, Does.Contain("input  photo uint8 [batch, 32, 32, 3]").And.Contain("output probabilities float [batch, 7]"));
        Assert.That(Run("convert", model, converted).Code, Is.Zero);
        Assert.That(File.ReadAllBytes(converted), Is.EqualTo(File.ReadAllBytes(plain)));
    }

    [Test]
    public void WeightsChangeTheirKindOfFile()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("r.safetensors");
        var (code, output, error) = Run("convert", slim, path);
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.StartWith($"{path}: ").And.Contain(" tensors, "));
        var tensors = Safetensors.Read(path).Tensors;
        Assert.That(tensors["layer1.0.conv1.weight"].ToArray<float>(), Is.EqualTo(OnnxModel.Load(slim).Initializer("layer1.0.conv1.weight").ToArray<float>()));
        Assert.That(Run("convert", path, folder.File("again.safetensors")).Code, Is.Zero);
        Assert.That(Safetensors.Read(folder.File("again.safetensors")).Tensors.Keys, Is.EqualTo(tensors.Keys));
    }

    [TestCase("weights.pth", "x.onnx", "weights alone are no graph")]
    [TestCase("nothing.safetensors", "x.onnx", "cannot be read")]
    [TestCase("nothing.onnx", "x.safetensors", "cannot be read")]
    public void WhatCannotBeConvertedSaysWhy(string from, string to, string message)
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = Run("convert", folder.File(from), folder.File(to));
        Assert.That((code, output), Is.EqualTo((Tool.Failure, "")));
        Assert.That(error, Does.StartWith("error: ").And.Contain(message));
        Assert.That(Directory.EnumerateFiles(folder.Path), Is.Empty);
    }
}
