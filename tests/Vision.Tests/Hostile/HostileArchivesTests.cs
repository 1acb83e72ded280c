using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests.Hostile;

/// <summary>Archives damaged by chance, and by somebody who knows the format: nothing outside of the target, no link, no half-unpacked folder.</summary>
[CancelAfter(3_600_000)]
public sealed class HostileArchivesTests
{
    const int block = 512;

    static readonly byte[] tar = Tar(), zipped = Zipped(tar);

    static readonly int[] headers = [.. Enumerable.Range(0, tar.Length / block).Select(k => k * block).Where(at => Encoding.ASCII.GetString(tar, at + 257, 5) == "ustar")];

    static readonly string[] names = ["../out", "/tmp/tessera-out", "a/../../out", "..\\out", "a\\..\\..\\out", "..", ".", "", "/", "a/", "a//b", "link/x", "c", "\u00e9"];

    [Test]
    public void DamagedByChance() => Assert.That(Run((i, random) => Fuzz.Mutate(i % 2 == 0 ? zipped : tar, random, head: 1024)), Is.InRange(Fuzz.Count / 4, Fuzz.Count - 1));

    /// <summary>Names, links, kinds and lengths in headers whose checksums are right.</summary>
    [Test]
    public void DamagedByDesign() => Assert.That(Run((i, random) => i % 2 == 0 ? Zipped(Hostile(random)) : Hostile(random)), Is.InRange(Fuzz.Count / 4, Fuzz.Count - 1));

    static int Run(Func<int, Random, byte[]> make)
    {
        using var outer = new TemporaryFolder(inMemory: true);
        string root = Directory.CreateDirectory(outer.File("root")).FullName, archive = Path.Combine(root, "set.tgz"), into = Path.Combine(root, "into"), set = Path.Combine(into, "set");
        return Fuzz.Run("set.tgz", make, bytes =>
        {
            File.WriteAllBytes(archive, bytes);
            if (Directory.Exists(into)) Directory.Delete(into, recursive: true);
            Directory.CreateDirectory(into);
            DataException? refusal = null;
            try
            {
                TarArchive.Extract(archive, set, "set", null, default);
            }
            catch (DataException e)
            {
                refusal = e;
            }
            Expect(Directory.GetFileSystemEntries(outer.Path).Length == 1 && Directory.GetFileSystemEntries(root).Length == 2, "something lies outside of the target");
            Expect(Directory.GetFileSystemEntries(into).Length == (refusal is null ? 1 : 0), "the folder is there, or nothing is");
            if (refusal is null) Expect(Directory.GetFileSystemEntries(set, "*", SearchOption.AllDirectories).All(p => new FileInfo(p).LinkTarget is null), "a link was made");
            if (refusal is not null) throw refusal;
        });
    }

    static void Expect(bool fact, string what)
    {
        if (!fact) throw new InvalidOperationException(what);
    }

    static byte[] Tar()
    {
        using MemoryStream bytes = new();
        using (TarWriter tar = new(bytes, TarEntryFormat.Pax, leaveOpen: true))
        {
            tar.WriteEntry(new PaxTarEntry(TarEntryType.Directory, "set/"));
            tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, "set/a.txt") { DataStream = new MemoryStream(Encoding.ASCII.GetBytes(new string('a', 600))) });
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, "set/b/\u00fc.txt") { DataStream = new MemoryStream([1, 2, 3]) });
            tar.WriteEntry(new GnuTarEntry(TarEntryType.SymbolicLink, "set/link") { LinkName = "a.txt" });
            tar.WriteEntry(new UstarTarEntry(TarEntryType.HardLink, "set/c") { LinkName = "set/a.txt" });
        }
        return bytes.ToArray();
    }

    /// <summary>One to three headers say something else, and their checksums agree.</summary>
    static byte[] Hostile(Random random)
    {
        byte[] hostile = [.. tar];
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            var header = hostile.AsSpan(headers[random.Next(headers.Length)], block);
            string name = names[random.Next(names.Length)];
            switch (random.Next(6))
            {
                case 0: Put(header[..100], Encoding.UTF8.GetBytes(name)); break;
                case 1: Put(header[157..257], Encoding.UTF8.GetBytes(name)); break;
                case 2: header[156] = "01234567gxLKSVDMN\0"u8.ToArray()[random.Next(18)]; break;
                case 3: Put(header[124..136], Encoding.ASCII.GetBytes(Convert.ToString(random.Next(2) == 0 ? random.Next(4000) : random.NextInt64(1L << 33), 8).PadLeft(11, '0'))); break;
                case 4: Put(header[345..500], Encoding.UTF8.GetBytes(name)); break;
                default: header[random.Next(block)] = (byte)random.Next(256); break;
            }
            Seal(header);
        }
        return hostile;
    }

    static void Put(Span<byte> field, byte[] value)
    {
        field.Clear();
        value.AsSpan(0, Math.Min(value.Length, field.Length)).CopyTo(field);
    }

    /// <summary>The sum of a header's bytes, its own field taken as blanks, in octal.</summary>
    static void Seal(Span<byte> header)
    {
        header[148..156].Fill((byte)' ');
        int sum = 0;
        foreach (byte b in header) sum += b;
        Encoding.ASCII.GetBytes(Convert.ToString(sum, 8).PadLeft(6, '0') + "\0 ").CopyTo(header[148..156]);
    }

    static byte[] Zipped(byte[] tar)
    {
        using MemoryStream bytes = new();
        using (GZipStream gzip = new(bytes, CompressionLevel.Fastest)) gzip.Write(tar);
        return bytes.ToArray();
    }
}
