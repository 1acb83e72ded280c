using Tessera.NN;
using Tessera.Testing;
using Tessera.Tests.Interpretation;
using Tessera.Vision;

namespace Tessera.Tests.Learning;

/// <summary>A run of other photos, classes, transforms or weights is not taken over.</summary>
public sealed class OtherRunTests
{
    static readonly string[] photos = [.. ImageFiles.In(TestData.Asset("pets/images"), recurse: true)
        .GroupBy(SmallNetworks.Breed, StringComparer.Ordinal).Take(2).SelectMany(g => g.Order(StringComparer.Ordinal).Take(7))];

    static string Folder(TemporaryFolder folder, string name, int skip = 0)
    {
        string path = Directory.CreateDirectory(folder.File(name)).FullName;
        foreach (var breed in photos.GroupBy(SmallNetworks.Breed, StringComparer.Ordinal))
            foreach (string photo in breed.Skip(skip).Take(6)) File.Copy(photo, Path.Combine(path, Path.GetFileName(photo)));
        return path;
    }

    static ImageDataBunch Data(string folder, TransformPair? transforms = null, Presize? presize = null) =>
        ImageDataBunch.FromNameRegex(folder, @"/([^/]+)_\d+.jpg$", transforms, 32, 4, new() { Workers = 0, ValidFraction = 0.3, Check = false, Presize = presize });

    static ImageLearner Learner(ImageDataBunch data)
    {
        if (data.Stats is null) data.Normalize(ImageNet.Stats);
        var learn = ImageLearner.Create(data, Architecture.ResNet18(TestData.Data("onnx/torchvision-slim/resnet18_w8_bn_op13.onnx")), new ImageLearnerOptions { Hidden = [4] });
        learn.Display = null;
        return learn;
    }

    [Test]
    public void WhatDiffersIsSaid()
    {
        using var folder = new TemporaryFolder();
        string run = folder.File("stage.run"), few = Folder(folder, "few");
        Learner(Data(few)).Fit(1, resume: run);
        byte[] before = File.ReadAllBytes(run);
        Refuses("training photos: got 9, SHA-256 ", Learner(Data(Folder(folder, "others", skip: 1))));
        Refuses("training transforms: got ", Learner(Data(few, Transforms.Default())));
        Refuses("validation transforms: got ", Learner(Data(few, presize: new Presize(48))));
        Refuses("normalisation: got mean 0.485, ", Learner(Data(few).Normalize(ImageNet.Stats with { Mean = [0.5f, 0.5f, 0.5f] })));
        Refuses("callbacks: got none, expected Mixup(0.4)", Learner(Data(few)), new Mixup());
        Refuses("callbacks: got none, expected GradientClip(0.1)", Learner(Data(few)), new GradientClip());
        var weights = Learner(Data(few));
        using (Autograd.NoGrad()) weights.Model.Parameters().First(p => !p.RequiresGrad).CopyFrom(Tensor.Ones(weights.Model.Parameters().First(p => !p.RequiresGrad).Shape));
        Refuses("frozen weights: got ", weights);

        // Each class bears the other's name.
        string[] names = [.. photos.Select(SmallNetworks.Breed).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        string swapped = Directory.CreateDirectory(folder.File("swapped")).FullName;
        foreach (string photo in Directory.GetFiles(few))
            File.Copy(photo, Path.Combine(swapped, Path.GetFileName(photo).Replace(names[0], "zz", StringComparison.Ordinal)));
        Refuses($"classes: got {names[0]}, {names[1]}, expected {names[1]}, zz", Learner(Data(swapped)));
        Assert.That(File.ReadAllBytes(run), Is.EqualTo(before));

        string moved = folder.File("moved");
        Directory.Move(few, moved);
        var again = Learner(Data(moved));
        again.Fit(1, resume: run);
        Assert.That(again.Recorder.BatchLosses, Has.Count.EqualTo(2), "photos may move, folder and all");

        void Refuses(string what, ImageLearner learn, Callback? more = null) =>
            Assert.That(() => learn.Fit(1, callbacks: more is null ? [] : [more], resume: run), Throws.TypeOf<TesseraException>().With.Message.Contains("holds another run: ").And.Message.Contains(what));
    }
}
