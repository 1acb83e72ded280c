using System.Diagnostics;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>Damaged files give a picture or a DataException: never another exception, a crash or a hang.</summary>
public sealed class ImageFuzzTests
{
    private static IEnumerable<TestCaseData> Files() => GoldenCase.All("images/cases.json", "decode");

    [TestCaseSource(nameof(Files))]
    [CancelAfter(60_000)]
    public void DamagedFile(GoldenCase c, CancellationToken cancel)
    {
        var whole = File.ReadAllBytes(c.File(c.Id));
        var random = new Random(7);
        var clock = Stopwatch.StartNew();
        var refused = 0;
        for (var k = 0; k < 150 && clock.ElapsedMilliseconds < 5_000; k++)
        {
            cancel.ThrowIfCancellationRequested();
            var file = k % 3 == 0 ? whole[..random.Next(whole.Length)] : Mutate(whole, random);
            try
            {
                var image = Image.Decode(file, "fuzz");
                Assert.That(image.Pixels.Length, Is.EqualTo(image.Width * image.Height * 3));
            }
            catch (DataException e)
            {
                Assert.That(e.Message, Does.StartWith("fuzz: ").And.Contain("Hint:"));
                refused++;
            }
        }
        Assert.That(refused, Is.GreaterThan(20));
    }

    /// <summary>Some bytes replaced, or a piece moved, doubled or cut out.</summary>
    private static byte[] Mutate(byte[] whole, Random random)
    {
        var (a, b) = (random.Next(whole.Length), random.Next(whole.Length));
        var (from, to) = (Math.Min(a, b), Math.Max(a, b));
        switch (random.Next(4))
        {
            case 0:
                return [.. whole.AsSpan(0, from), .. whole.AsSpan(to)];
            case 1:
                return [.. whole.AsSpan(0, to), .. whole.AsSpan(from)];
            default:
                var file = whole.ToArray();
                for (var n = random.Next(1, 9); n > 0; n--)
                    file[random.Next(2) == 0 ? random.Next(file.Length) : random.Next(Math.Min(64, file.Length))] = (byte)random.Next(256);
                return file;
        }
    }
}
