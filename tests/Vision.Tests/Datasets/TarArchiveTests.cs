using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Datasets;

public sealed class TarArchiveTests
{
    static byte[] Tar(params TarEntry[] entries)
    {
        using MemoryStream bytes = new();
        using (TarWriter tar = new(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            foreach (var entry in entries) tar.WriteEntry(entry);
        }
        return bytes.ToArray();
    }

    static byte[] Zipped(byte[] tar)
    {
        using MemoryStream bytes = new();
        using (GZipStream gzip = new(bytes, CompressionLevel.Optimal)) gzip.Write(tar);
        return bytes.ToArray();
    }

    static PaxTarEntry Text(string name, string text = "text") => new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)) };

    static PaxTarEntry Link(TarEntryType type, string name, string target) => new(type, name) { LinkName = target };

    static string Unpack(TemporaryFolder folder, byte[] archive)
    {
        File.WriteAllBytes(folder.File("set.tgz"), archive);
        TarArchive.Extract(folder.File("set.tgz"), folder.File("into/set"), "set", null, default);
        return folder.File("into/set");
    }

    [Test]
    public void FilesFoldersAndLinksInside()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("into"));
        string set = Unpack(folder, Tar(Text("./a/b.txt", "one"), new PaxTarEntry(TarEntryType.Directory, "empty/"), Link(TarEntryType.HardLink, "hard.txt", "a/b.txt"),
            Link(TarEntryType.SymbolicLink, "c/soft.txt", "../a/b.txt"), Text("a/b.txt", "two")));
        string[] files = [.. Directory.GetFiles(set, "*", SearchOption.AllDirectories).Select(p => Path.GetRelativePath(set, p)).Order(StringComparer.Ordinal)];
        Assert.That(files, Is.EqualTo(new[] { "a/b.txt", "c/soft.txt", "hard.txt" }));
        Assert.That(files.Select(f => File.ReadAllText(Path.Combine(set, f))), Is.All.EqualTo("two"));
        Assert.That(files.Select(f => new FileInfo(Path.Combine(set, f)).LinkTarget), Is.All.Null);
        Assert.That(Directory.Exists(Path.Combine(set, "empty")));
    }

    [Test]
    public void OnlyATopFolderOfTheSameNameIsLeftOut()
    {
        foreach (var (entries, expected) in new (TarEntry[], string)[] { ([Text("set/a.txt")], "a.txt"), ([Text("other/a.txt")], "other/a.txt"), ([Text("set/a.txt"), Text("b.txt")], "set/a.txt") })
        {
            using TemporaryFolder folder = new();
            Directory.CreateDirectory(folder.File("into"));
            Assert.That(File.Exists(Path.Combine(Unpack(folder, Zipped(Tar(entries))), expected)), expected);
        }
    }

    static IEnumerable<TestCaseData> Hostile()
    {
        yield return Case("parent", "leads out of the target", Text("good.txt"), Text("../evil.txt"));
        yield return Case("hidden parent", "leads out of the target", Text("a/../../evil.txt"));
        yield return Case("backslashes", "leads out of the target", Text("..\\evil.txt"));
        yield return Case("absolute", "leads out of the target", Text("/tmp/evil.txt"));
        yield return Case("folder", "leads out of the target", new PaxTarEntry(TarEntryType.Directory, "../evil/"));
        yield return Case("absolute link", "leads out of the target", Text("a"), Link(TarEntryType.SymbolicLink, "l", "/etc/passwd"));
        yield return Case("link out", "leads out of the target", Text("a"), Link(TarEntryType.SymbolicLink, "a/l", "../../../secret.txt"));
        yield return Case("hard link out", "leads out of the target", Text("a"), Link(TarEntryType.HardLink, "l", "../secret.txt"));
        yield return Case("link named out", "leads out of the target", Text("a"), Link(TarEntryType.HardLink, "../l", "a"));
        yield return Case("through a link", "is no file of the archive", Link(TarEntryType.SymbolicLink, "d", "."), Text("d/evil.txt"), Link(TarEntryType.SymbolicLink, "e", "d/none"));
        yield return Case("link to a folder", "is no file of the archive", Text("a/b"), Link(TarEntryType.SymbolicLink, "l", "a"));
        yield return Case("device", "kind CharacterDevice", Text("a"), new PaxTarEntry(TarEntryType.CharacterDevice, "null"));
        yield return Case("pipe", "kind Fifo", Text("a"), new PaxTarEntry(TarEntryType.Fifo, "pipe"));
        yield return Case("empty", "holds no files", new PaxTarEntry(TarEntryType.Directory, "a/"));
        static TestCaseData Case(string name, string message, params TarEntry[] entries) => new TestCaseData(Tar(entries), message).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(Hostile))]
    public void HostileArchivesAreRefusedAndNothingIsLeft(byte[] tar, string message)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("into"));
        File.WriteAllText(folder.File("secret.txt"), "secret");
        Assert.That(() => Unpack(folder, Zipped(tar)), Throws.TypeOf<DataException>().With.Message.StartsWith(folder.File("set.tgz")).And.Message.Contains(message));
        Assert.That(Directory.GetFileSystemEntries(folder.File("into")), Is.Empty);
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(3), "into, secret.txt and set.tgz");
    }

    [Test]
    public void BombsAreRefused()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("into"));
        string zeros = new('\0', 24 << 20);
        Assert.That(() => Unpack(folder, Zipped(Tar(Text("a", zeros)))), Throws.TypeOf<DataException>().With.Message.Contains("more than 100 times its length"));
        TarEntry[] copies = [Text("a", zeros[..(3 << 20)]), .. Enumerable.Range(0, 10).Select(i => Link(TarEntryType.HardLink, $"l{i}", "a"))];
        Assert.That(() => Unpack(folder, Zipped(Tar(copies))), Throws.TypeOf<DataException>().With.Message.Contains("more than 100 times its length"));
        Assert.That(Directory.GetFileSystemEntries(folder.File("into")), Is.Empty);
    }

    /// <summary>A header may claim a length that nobody has: no memory is taken for it.</summary>
    [TestCase("17777777777")]
    [TestCase("77777777777")]
    public void ClaimedLengthsCostNothing(string octal)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("into"));
        byte[] tar = Tar(Text("a.txt"));
        Assert.That((char)tar[156], Is.EqualTo('x'), "a header of attributes comes first");
        Encoding.ASCII.GetBytes(octal + "\0").CopyTo(tar, 124);
        tar.AsSpan(148, 8).Fill((byte)' ');
        Encoding.ASCII.GetBytes(Convert.ToString(tar.Take(512).Sum(b => b), 8).PadLeft(6, '0') + "\0 ").CopyTo(tar, 148);
        long before = GC.GetTotalAllocatedBytes();
        Assert.That(() => Unpack(folder, tar), Throws.TypeOf<DataException>());
        Assert.That(GC.GetTotalAllocatedBytes() - before, Is.LessThan(256 << 20));
    }

    [Test]
    public void DamagedArchivesAreErrorsOfOurs()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.File("into"));
        byte[] tar = Tar([.. Enumerable.Range(0, 5).Select(i => Text($"set/{new string('n', i * 40)}{i}.txt", new string('x', i * 300)))]), whole = Zipped(tar);
        Assert.That(() => Unpack(folder, "no archive"u8.ToArray()), Throws.TypeOf<DataException>().With.Message.Contains("no sound archive"));
        for (int n = 0; n < tar.Length; n += 128) AllOrNothing(tar[..n]);
        for (int n = 0; n < whole.Length; n += 19) AllOrNothing(whole[..n]);
        Random random = new(5);
        int refused = 0;
        foreach (byte[] archive in Enumerable.Repeat(whole, 100).Concat(Enumerable.Repeat(tar, 200)).Select(b => b.ToArray()))
        {
            for (int i = 0; i < 3; i++) archive[random.Next(archive.Length)] = (byte)random.Next(256);
            try
            {
                Directory.Delete(Unpack(folder, archive), recursive: true);
            }
            catch (DataException)
            {
                refused++;
            }
            Assert.That(Directory.GetFileSystemEntries(folder.File("into")), Is.Empty);
        }
        Assert.That(refused, Is.InRange(100, 299), "damage in a gzip is seen, damage in the text of a file is not");
        Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(2));

        // What lacks nothing but end marks may be taken.
        void AllOrNothing(byte[] archive)
        {
            try
            {
                string set = Unpack(folder, archive);
                Assert.That(Directory.GetFiles(set).Select(f => new FileInfo(f).Length).Order(), Is.EqualTo(new[] { 0, 300, 600, 900, 1200 }), $"first {archive.Length} bytes");
                Directory.Delete(set, recursive: true);
            }
            catch (DataException)
            {
                Assert.That(archive, Has.Length.LessThan(tar.Length - 512));
            }
        }
    }
}
