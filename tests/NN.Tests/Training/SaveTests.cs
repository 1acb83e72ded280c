using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public sealed class SaveTests
{
    [Test]
    public void TrainingGoesOnAsIfItHadNotBeenSaved()
    {
        using var folder = new TemporaryFolder();
        var whole = Toy.Learner();
        whole.ModelFolder = folder.Path;
        whole.Fit(2, 1e-2f);
        string path = whole.Save("stage-1");
        Assert.That(path, Is.EqualTo(folder.File("stage-1.safetensors")));

        var copy = Toy.Learner(model: Toy.Model(seed: 9));
        copy.ModelFolder = folder.Path;
        copy.Load("stage-1");
        Assert.That(Toy.State(copy.Model), Is.EqualTo(Toy.State(whole.Model)));

        whole.Data = copy.Data = Toy.Data(shuffle: false);
        whole.Fit(1, 1e-2f);
        copy.Fit(1, 1e-2f);
        Assert.That(Toy.State(copy.Model), Is.EqualTo(Toy.State(whole.Model)), "the moments came along");
    }

    [Test]
    public void AnOptimizersStateOfAnotherFreezingIsLeftOut()
    {
        using var folder = new TemporaryFolder();
        var frozen = Toy.Learner().Freeze();
        frozen.Fit(1);
        string path = frozen.Save(folder.File("frozen.safetensors"));

        var shown = new Shown();
        var free = Toy.Learner(model: Toy.Model(seed: 9));
        free.Display = shown;
        free.Load(path);
        Assert.That(Toy.State(free.Model), Is.EqualTo(Toy.State(frozen.Model)));
        Assert.That(shown.Lines, Has.One.Contains("was left out"));
        Assert.That(free.FrozenTo, Is.Zero, "loading does not freeze");
        free.Fit(1);
    }

    [Test]
    public void TheFileTellsWhatItIs()
    {
        using var folder = new TemporaryFolder();
        var learn = Toy.Learner().Freeze();
        learn.Fit(2);
        var file = Safetensors.Read(learn.Save(folder.File("m.safetensors")));
        Assert.That(file.Metadata["format"], Is.EqualTo("tessera.learner/1"));
        Assert.That(file.Metadata["epochs_trained"], Is.EqualTo("2"));
        Assert.That(file.Metadata["frozen_to"], Is.EqualTo("1"));
        Assert.That(file.Tensors.Keys, Is.SupersetOf(learn.Model.StateDict().Keys));
        Assert.That(Safetensors.Read(learn.Save(folder.File("n.safetensors"), withOptimizer: false)).Tensors.Keys, Is.EquivalentTo(learn.Model.StateDict().Keys));
    }

    [Test]
    public void AStateOfAnotherModelIsAnErrorThatChangesNothing()
    {
        using var folder = new TemporaryFolder();
        string path = Toy.Learner().Save(folder.File("m.safetensors"));
        var other = new Sequential(new Linear(Toy.Features, 5), new Linear(5, Toy.Classes));
        var learn = new Learner(Toy.Data(), other, new CrossEntropyLoss()) { Display = null };
        var before = Toy.State(other);
        Assert.That(() => learn.Load(path), Throws.TypeOf<TesseraException>().With.Message.Contains("0.weight"));
        Assert.That(Toy.State(other), Is.EqualTo(before));
        Assert.That(() => learn.Load(folder.File("absent.safetensors")), Throws.TypeOf<DataException>().With.Message.Contains("absent.safetensors"));
    }

    [Test]
    public void ASaveThatFailsLeavesTheOldFile()
    {
        using var folder = new TemporaryFolder();
        string path = Toy.Learner().Save(folder.File("m.safetensors"));
        byte[] before = File.ReadAllBytes(path);
        var learn = Toy.Learner(model: Toy.Model(seed: 9));
        Assert.That(() => learn.Save(Path.Combine(path, "inside-a-file.safetensors")), Throws.TypeOf<TesseraException>().With.Message.Contains("could not be written"));
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(before));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
    }
}
