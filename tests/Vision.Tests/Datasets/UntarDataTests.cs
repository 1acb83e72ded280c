using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Datasets;

[NonParallelizable]
public sealed class UntarDataTests
{
    static readonly byte[] digits = Tgz(tar =>
    {
        foreach (string path in ImageFiles.In(TestData.Asset("mnist"), recurse: true)) tar.WriteEntry(path, "digits/" + Path.GetRelativePath(TestData.Asset("mnist"), path));
        Add(tar, "digits/random.bin", RandomNumberGenerator.GetBytes(3 << 20));
    });

    TemporaryFolder folder = null!;
    ArchiveServer server = null!;
    string before = "";

    static UntarOptions Hurried => new() { RetryDelay = TimeSpan.FromMilliseconds(1), Attempts = 3 };

    [SetUp]
    public void HaveAHome()
    {
        (folder, server, before) = (new(), new(digits), Environment.CurrentDirectory);
        Environment.CurrentDirectory = folder.Path;
        Environment.SetEnvironmentVariable("TESSERA_HOME", folder.File("home"));
    }

    [TearDown]
    public void LeaveIt()
    {
        Environment.CurrentDirectory = before;
        Environment.SetEnvironmentVariable("TESSERA_HOME", null);
        Environment.SetEnvironmentVariable("TESSERA_DATASETS", null);
        server.Dispose();
        folder.Dispose();
    }

    static byte[] Tgz(Action<TarWriter> write)
    {
        using MemoryStream bytes = new();
        using (GZipStream gzip = new(bytes, CompressionLevel.Fastest))
        using (TarWriter tar = new(gzip)) write(tar);
        return bytes.ToArray();
    }

    static void Add(TarWriter tar, string name, byte[] content) => tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) });

    [Test]
    public void TheFirstCallFetchesAndTheNextCostsNothing()
    {
        List<UntarProgress> progress = [];
        string path = UntarData.Get(server.Address(), Hurried with { Progress = progress.Add });
        Assert.That(path, Is.EqualTo(folder.File("home/data/digits")));
        Assert.That(ImageFiles.In(path, recurse: true), Has.Length.EqualTo(60));
        Assert.That(File.ReadAllBytes(ImageFiles.In(path, recurse: true)[0]), Is.EqualTo(File.ReadAllBytes(ImageFiles.In(TestData.Asset("mnist"), recurse: true)[0])));
        Assert.That(UntarData.Get(server.Address()), Is.EqualTo(path));
        Assert.That(server.Requests, Is.EqualTo(new[] { "/data/digits.tgz" }));
        Assert.That(progress.Where(p => p.Step == UntarStep.Download).Select(p => p.Done), Is.Ordered.And.Some.InRange(1 << 20, 2 << 20));
        Assert.That(progress.Last(p => p.Step == UntarStep.Download), Is.EqualTo(new UntarProgress("digits", UntarStep.Download, digits.Length, digits.Length)));
        Assert.That(progress[^1], Is.EqualTo(new UntarProgress("digits", UntarStep.Extract, digits.Length, digits.Length)));
        Assert.That(Left(), Is.Empty);
    }

    /// <summary>Anything half done in the home folder.</summary>
    IEnumerable<string> Left() => Directory.EnumerateFileSystemEntries(folder.File("home"), "*", SearchOption.AllDirectories).Where(p => p.EndsWith(".tmp") || p.Contains(".part"));

    [Test]
    public void ADownloadIsResumedWhereItBroke([Values] bool tagged, [Values] bool lengths)
    {
        (server.Tag, server.Lengths) = (tagged ? "\"one\"" : null, true);
        server.Cuts.Enqueue(1_000_000);
        server.Cuts.Enqueue(500_000);
        UntarData.Get(server.Address() + (lengths ? "" : ".tgz"), Hurried);
        Assert.That(server.Requests, Is.EqualTo(new[] { "/data/digits.tgz", "/data/digits.tgz bytes=1000000-", "/data/digits.tgz bytes=1500000-" }));
        Assert.That(File.ReadAllBytes(folder.File("home/archives/digits.tgz")), Is.EqualTo(digits));
    }

    [Test]
    public void ALaterCallResumesAndGivesUpOnlyWithoutProgress()
    {
        foreach (int cut in new[] { 100, 50, 50 }) server.Cuts.Enqueue(cut);
        Assert.That(() => UntarData.Get(server.Address(), Hurried), Throws.TypeOf<DataException>().With.Message.Contains("given up after 3 attempts"));
        Assert.That(Directory.Exists(folder.File("home/data/digits")), Is.False);
        foreach (int cut in new[] { 10, 10, 1 << 20, 10, 10 }) server.Cuts.Enqueue(cut);
        UntarData.Get(server.Address(), Hurried);
        Assert.That(server.Requests[3], Is.EqualTo("/data/digits.tgz bytes=200-"));
        Assert.That(server.Requests[^1], Is.EqualTo($"/data/digits.tgz bytes={240 + (1 << 20)}-"));
        Assert.That(File.ReadAllBytes(folder.File("home/archives/digits.tgz")), Is.EqualTo(digits));
    }

    [Test]
    public void WithoutRangesOrForAnotherFileItStartsOver([Values("no ranges", "other tag", "other length")] string why)
    {
        if (why == "other length") server.Tag = null;
        server.Cuts.Enqueue(100);
        Assert.That(() => UntarData.Get(server.Address(), Hurried with { Attempts = 1 }), Throws.TypeOf<DataException>());
        if (why == "no ranges") server.Ranges = false;
        if (why == "other tag") server.Tag = "\"two\"";
        server.Content = Tgz(tar => Add(tar, "digits/other.bin", RandomNumberGenerator.GetBytes(5000)));
        UntarData.Get(server.Address(), Hurried);
        Assert.That(File.ReadAllBytes(folder.File("home/archives/digits.tgz")), Is.EqualTo(server.Content));
        Assert.That(server.Requests[1], Does.EndWith("bytes=100-"));
        Assert.That(File.Exists(folder.File("home/data/digits/other.bin")));
    }

    [Test]
    public void WithoutALengthTheStreamsEndCounts()
    {
        server.Lengths = false;
        Assert.That(ImageFiles.In(UntarData.Get(server.Address(), Hurried), recurse: true), Has.Length.EqualTo(60));
    }

    [Test]
    public void SomeAnswersAreTriedAgainOthersNot()
    {
        server.Statuses.Enqueue(503);
        server.Statuses.Enqueue(429);
        UntarData.Get(server.Address(), Hurried);
        server.Statuses.Enqueue(404);
        Assert.That(() => UntarData.Get(server.Address("absent"), Hurried), Throws.TypeOf<DataException>().With.Message.StartsWith(server.Address("absent.tgz"))
            .And.Message.Contains("the server answers 404").And.Message.Contains("curl -L").And.Message.Contains("tar -xzf").And.Message.Contains(folder.File("home/archives/absent.tgz")).And.Message.Contains("TESSERA_DATASETS"));
        Assert.That(server.Requests, Has.Count.EqualTo(4));
    }

    [Test]
    public void ASilentServerIsLeft()
    {
        server.Silent = true;
        Assert.That(() => UntarData.Get(server.Address(), Hurried with { Timeout = TimeSpan.FromMilliseconds(100), Attempts = 2 }), Throws.TypeOf<DataException>().With.Message.Contains("silent for 0.1 s"));
        Assert.That(server.Requests, Has.Count.EqualTo(2));
    }

    [Test]
    public void CancellingEndsTheWait()
    {
        server.Silent = true;
        using CancellationTokenSource soon = new(200);
        Assert.That(() => UntarData.Get(server.Address(), Hurried, soon.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void NoServer()
    {
        string address = server.Address();
        server.Dispose();
        Assert.That(() => UntarData.Get(address, Hurried), Throws.TypeOf<DataException>().With.Message.Contains("given up after 3 attempts"));
    }

    [Test]
    public void WhatIsNotTheArchiveIsNotKept()
    {
        string md5 = Convert.ToHexString(MD5.HashData(digits.AsSpan(0, 1 << 20))), sha = Convert.ToHexString(SHA256.HashData(digits));
        DatasetUrl right = new(server.Address()) { Bytes = digits.Length, Md5OfFirstMebibyte = md5, Sha256 = sha };
        void Refused(DatasetUrl wrong, string message)
        {
            Assert.That(() => UntarData.Get(wrong, Hurried), Throws.TypeOf<DataException>().With.Message.Contains(message));
            Assert.That(Directory.GetFiles(folder.File("home/archives"), "d*"), Is.Empty);
        }
        Refused(right with { Bytes = 5 }, $"got {digits.Length} bytes, expected 5");
        server.Lengths = false;
        Refused(right with { Bytes = 2_000_000 }, "expected 2000000; what came was deleted");
        server.Lengths = true;
        Refused(right with { Md5OfFirstMebibyte = new('0', 32) }, "expected " + new string('0', 32));
        Refused(right with { Sha256 = new('0', 64) }, "got SHA-256 " + sha.ToLowerInvariant());
        UntarData.Get(right, Hurried);
    }

    [Test]
    public void ANewVersionReplacesTheOld()
    {
        string path = UntarData.Get(server.Address(), Hurried);
        File.WriteAllText(Path.Combine(path, "mine.txt"), "");
        server.Content = Tgz(tar => Add(tar, "digits/new.bin", new byte[10]));
        List<UntarProgress> progress = [];
        UntarData.Get(new(server.Address()) { Bytes = server.Content.Length }, Hurried with { Progress = progress.Add });
        Assert.That(progress[0].Step, Is.EqualTo(UntarStep.NewVersion));
        Assert.That(Directory.GetFiles(path).Select(Path.GetFileName), Is.EqualTo(new[] { "new.bin" }));
        UntarData.Get(server.Address(), Hurried with { Force = true });
        Assert.That(server.Requests, Has.Count.EqualTo(3));
    }

    [Test]
    public void LocalFoldersAndArchivesComeFirst()
    {
        DatasetUrl nowhere = new("https://nowhere.invalid/digits") { Bytes = 3 };
        Directory.CreateDirectory(folder.File("offline"));
        File.WriteAllBytes(folder.File("offline/digits.tgz"), digits);
        Environment.SetEnvironmentVariable("TESSERA_DATASETS", folder.File("offline"));
        Assert.That(UntarData.Get(nowhere), Is.EqualTo(folder.File("home/data/digits")), "an archive in the offline folder is unpacked into the home");
        Assert.That(UntarData.Get(nowhere, new() { Destination = folder.File("mine") }), Is.EqualTo(folder.File("mine/digits")));
        Directory.CreateDirectory(folder.File("offline/digits"));
        Assert.That(UntarData.Get(nowhere), Is.EqualTo(folder.File("offline/digits")), "a folder is used as it is");
        Directory.CreateDirectory(folder.File("data"));
        File.WriteAllBytes(folder.File("data/digits.tar.gz"), digits);
        Assert.That(UntarData.Get(nowhere), Is.EqualTo(folder.File("data/digits")), "the working directory wins");
        Assert.That(ImageFiles.In(folder.File("data/digits"), recurse: true), Has.Length.EqualTo(60));
        Assert.That(UntarData.Get(nowhere, new() { Source = folder.File("offline/digits.tgz") }), Is.EqualTo(folder.File("home/data/digits")), "an argument wins over all");
        Assert.That(UntarData.Get(nowhere, new() { Source = folder.File("offline/digits") }), Is.EqualTo(folder.File("offline/digits")));
        Assert.That(() => UntarData.Get(nowhere, new() { Source = "absent.tgz" }), Throws.TypeOf<DataException>().With.Message.StartsWith("absent.tgz: no such"));
    }

    [Test]
    public void ManyThreadsFetchOnce()
    {
        string[] paths = new string[8];
        Parallel.For(0, 8, i => paths[i] = UntarData.Get(server.Address(), Hurried));
        Assert.That(paths, Is.All.EqualTo(folder.File("home/data/digits")));
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [TestCase("flowers")]
    [TestCase("ftp://host/flowers")]
    [TestCase("https://host/")]
    [TestCase("https://host/%2e%2e%2fflowers.tgz")]
    [TestCase("https://host/.tgz")]
    public void AnAddressNamesAnArchive(string address) => Assert.That(() => new DatasetUrl(address), Throws.TypeOf<TesseraException>().With.Message.StartsWith("DatasetUrl"));

    [Test]
    public void TheConstantsAreArchivesWithTheirNames()
    {
        Assert.That(Tessera.Vision.Datasets.Pets.Name, Is.EqualTo("oxford-iiit-pet"));
        Assert.That(Tessera.Vision.Datasets.MnistSample.ToString(), Does.EndWith("/mnist_sample.tgz"));
        Assert.That(new DatasetUrl("https://host/a/flowers.tar.gz?download=1").Name, Is.EqualTo("flowers"));
        Assert.That(new DatasetUrl("https://host/a/flowers.tar.gz?download=1").ToString(), Does.EndWith("flowers.tar.gz?download=1"));
        Assert.That(new DatasetUrl("https://host/flowers?x=1").ToString(), Is.EqualTo("https://host/flowers.tgz?x=1"));
    }
}
