using Tessera.Cuda;

namespace Tessera.Tests;

/// <content>The bound of the folder: what was used longest ago goes, whoever else is at work in it.</content>
public sealed partial class KernelFilesTests
{
    static string Text(int i) => $"text {i}";

    static readonly byte[] thousand = new byte[1000];

    /// <summary>Of a file with a code of a thousand bytes, its header included.</summary>
    const long FileBytes = 1084;

    bool Exists(int i) => File.Exists(Files.PathOf(Text(i)));

    [Test]
    public void WhatWasUsedLongestAgoIsDeletedFirst()
    {
        KernelFiles files = new(folder, driver.Version, driver.Architecture, 8 * FileBytes), other = new(folder, 12080, 90, 8 * FileBytes);
        for (int i = 0; i < 8; i++)
        {
            (i == 5 ? other : files).Write(Text(i), thousand);
            File.SetLastWriteTimeUtc((i == 5 ? other : files).PathOf(Text(i)), new DateTime(2026, 1, 1 + i, 0, 0, 0, DateTimeKind.Utc));
        }
        Assert.That(Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length), Is.EqualTo(8 * FileBytes), "as many as may be");
        Assert.That(files.Read(Text(0)), Is.EqualTo(thousand), "used");
        Assert.That(files.Read(Text(3)), Is.EqualTo(thousand), "used");
        files.Write(Text(8), thousand);
        Assert.That(Enumerable.Range(0, 9).Where(i => i != 5).Where(Exists), Is.EqualTo(new[] { 0, 3, 6, 7, 8 }), "six are left of nine");
        Assert.That(File.Exists(other.PathOf(Text(5))), "of another driver, and newer than those that went");
        Assert.That(files.Read(Text(1)), Is.Null);
        files.Write(Text(1), thousand);
        Assert.That(files.Read(Text(1)), Is.EqualTo(thousand), "compiled anew");
    }

    [Test]
    public void AKernelLargerThanTheLimitIsKeptUntilTheNext()
    {
        KernelFiles files = new(folder, driver.Version, driver.Architecture, 100);
        files.Write(Text(0), thousand);
        Assert.That(files.Read(Text(0)), Is.EqualTo(thousand));
        files.Write(Text(1), thousand);
        Assert.That((Exists(0), Exists(1)), Is.EqualTo((false, true)));
    }

    [Test]
    public void NothingIsDeletedThatIsNotAKernelOfOurs()
    {
        KernelFiles files = new(folder, driver.Version, driver.Architecture, 100);
        string below = Path.GetDirectoryName(files.PathOf(""))!, hash = Path.GetFileName(files.PathOf("another"));
        Directory.CreateDirectory(below);
        string[] kept = [Path.Combine(folder, "photo.kernel"), Path.Combine(folder, hash), Path.Combine(below, "notes.txt"), Path.Combine(below, "my.kernel"), Path.Combine(below, $"{hash}.{new string('a', 32)}.tmp")];
        string abandoned = Path.Combine(below, $"{hash}.{new string('b', 32)}.tmp");
        foreach (string path in kept[..^1].Append(abandoned))
        {
            File.WriteAllBytes(path, thousand);
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-2));
        }
        File.WriteAllBytes(kept[^1], thousand); // somebody writes it just now
        files.Write(Text(0), thousand);
        files.Write(Text(1), thousand);
        Assert.That(kept.Where(f => !File.Exists(f)), Is.Empty);
        Assert.That((File.Exists(abandoned), Exists(0), Exists(1)), Is.EqualTo((false, false, true)));
    }

    [Test]
    public void ProcessesPruneAtOnce()
    {
        Parallel.For(0, 200, i =>
        {
            KernelFiles files = new(folder, driver.Version, driver.Architecture, 20 * FileBytes);
            byte[] code = new byte[1000];
            code.AsSpan().Fill((byte)(i % 50));
            files.Write(Text(i % 50), code);
            for (int k = 0; k < 50; k += 7)
                if (files.Read(Text(k)) is { } read) Assert.That(read, Has.Length.EqualTo(1000).And.All.EqualTo((byte)k));
        });
        new KernelFiles(folder, driver.Version, driver.Architecture, 20 * FileBytes).Write(Text(0), new byte[1000]);
        string[] left = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
        Assert.That(left, Has.Length.InRange(1, 20).And.All.EndsWith(".kernel"));
    }
}
