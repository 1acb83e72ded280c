using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The committed test data opens, and the tests' own readers read it.</summary>
public sealed class TestDataTests
{
    static readonly string tests = Path.Combine(TestData.RepositoryRoot, "tests");

    static IEnumerable<string> CommittedArchives => Directory.EnumerateFiles(tests, "*.tar.br", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(tests, f)[..^".tar.br".Length]).Order(StringComparer.Ordinal);

    [TestCase("ops/cases.json", "cases", 536)]
    [TestCase("optim/cases.json", "cases", 20)]
    [TestCase("augment/cases.json", "cases", 95)]
    [TestCase("images/cases.json", "decode", 21)]
    [TestCase("images/cases.json", "bad", 6)]
    [TestCase("init/fans.json", "rows", 48)]
    [TestCase("metrics/cases.json", "cases", 7)]
    [TestCase("safetensors/cases.json", "cases", 36)]
    [TestCase("schedule/v1_one_cycle.json", "cases", 19)]
    [TestCase("train/runs.json", "runs", 4)]
    public void GoldenIndexesAreThere(string index, string list, int atLeast)
    {
        List<GoldenCase> cases = [.. GoldenCase.All(index, list).Select(c => (GoldenCase)c.Arguments[0]!)];
        Assert.That(cases, Has.Count.AtLeast(atLeast));
        Assert.That(cases.Select(c => c.Id), Is.Unique);
    }

    [Test]
    public void EveryArrayNamedByTheOpCasesIsRead()
    {
        foreach (GoldenCase c in GoldenCase.All("ops/cases.json").Select(c => (GoldenCase)c.Arguments[0]!))
        {
            IReadOnlyDictionary<string, TestArray> arrays = c.Arrays(c["family"].GetString() + ".safetensors");
            foreach (string key in c["inputs"].EnumerateObject().Select(p => p.Value.GetString()!))
                Assert.That(arrays[key].Length, Is.EqualTo(arrays[key].Shape.Aggregate(1, (a, b) => a * b)), key);
        }
    }

    [TestCase("onnx/cifar/resnet20_io.npz", "input", "F32", new[] { 8, 3, 32, 32 })]
    [TestCase("onnx/cifar/resnet20_io.npz", "label", "I64", new[] { 8 })]
    [TestCase("onnx/torchvision-slim/resnet50_w8_io.npz", "input224_f16", "F16", new[] { 2, 3, 224, 224 })]
    public void NpzArraysHaveTheirTypeAndShape(string file, string key, string dtype, int[] shape)
    {
        TestArray array = NpyReader.ReadNpz(TestData.Data(file))[key];
        Assert.That(array.DType, Is.EqualTo(dtype));
        Assert.That(array.Shape, Is.EqualTo(shape));
        Assert.That(array.Doubles(), Has.Length.EqualTo(shape.Aggregate(1, (a, b) => a * b)).And.All.InRange(-100.0, 100.0));
    }

    [Test]
    public void NpzStringsAreRead() =>
        Assert.That(NpyReader.ReadNpz(TestData.Data("onnx/cifar/resnet20_io.npz"))["name"].Strings(), Has.Length.EqualTo(8).And.All.Not.Empty);

    [Test]
    public void NodeCasesHaveAModelAndItsArrays()
    {
        string[] cases = Directory.GetDirectories(TestData.Data("onnx-1.12-node-tests/node"));
        Assert.That(cases, Has.Length.AtLeast(340));
        Assert.That(cases.Where(c => !File.Exists(Path.Combine(c, "model.onnx"))), Is.Empty);
    }

    [TestCaseSource(nameof(CommittedArchives))]
    public void CommittedArchivesOpen(string archive) =>
        Assert.That(Directory.EnumerateFiles(TestData.FindIn(tests, archive)!, "*", SearchOption.AllDirectories), Is.Not.Empty);

    [Test]
    public void CommittedRunsHoldNoPhotosThatMayNotBeRedistributed() =>
        Assert.That(Directory.GetFiles(TestData.FindIn(tests, "golden/train")!, "c_*"), Is.Empty);

    [Test]
    public void AnArchiveIsUnpackedOnceHoweverManyAsk()
    {
        string root = Directory.CreateTempSubdirectory("tessera-unpack-").FullName;
        string archive = Path.Combine(tests, "golden", "init.tar.br");
        int unpacked = 0;
        string[] folders = new string[8];
        using Barrier all = new(folders.Length);
        Thread[] askers = [.. folders.Select((_, i) => new Thread(() => folders[i] = Unpacked.Materialise(archive, target =>
        {
            all.SignalAndWait();
            File.WriteAllText(Path.Combine(target, "content"), $"{Interlocked.Increment(ref unpacked)}");
        }, root)))];
        Array.ForEach(askers, t => t.Start());
        Array.ForEach(askers, t => t.Join());

        Assert.That(unpacked, Is.EqualTo(folders.Length), "all of them raced");
        Assert.That(folders.Distinct().Count(), Is.EqualTo(1));
        Assert.That(Directory.GetFileSystemEntries(root), Is.EqualTo(new[] { folders[0] }), "nothing else is left");
        Assert.That(Unpacked.Materialise(archive, _ => Assert.Fail("unpacked again"), root), Is.EqualTo(folders[0]));
        Directory.Delete(root, recursive: true);
    }

    [Test]
    public void AbsentDataHasAReason() => Assert.Multiple(() =>
    {
        Assert.That(TestData.FindGolden("no-such-folder/cases.json"), Is.Null);
        Assert.That(TestData.FindData("no-such-archive/file"), Is.Null);
        Assert.That(GoldenCase.All("no-such-folder/cases.json").Single().Properties.Get("_SKIPREASON"), Does.Contain("TESSERA_GOLDEN"));
    });
}
