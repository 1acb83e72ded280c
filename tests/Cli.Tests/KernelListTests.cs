using Tessera.Testing;
using static Tessera.Tests.CommandLine;

namespace Tessera.Tests;

/// <summary><c>tessera kernels list</c> and <c>show</c>.</summary>
public sealed class KernelListTests
{
    static readonly string folder = Path.Combine(TestData.RepositoryRoot, "src", "Kernels", "Ptx");

    [Test]
    public void ListNamesEveryFileAndKernelOfTessera()
    {
        var (code, output, error) = Kernels("list");
        Assert.That((code, error), Is.EqualTo((0, "")));
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string[] files = [.. Directory.GetFiles(folder, "*.ptx").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];
        Assert.That(lines.Where(l => l[0] != ' ').Select(l => l.Split("  ")[0]), Is.EqualTo(files));
        Assert.That(lines.Where(l => l[0] != ' ').Where(l => l.Split("  ").Length < 2), Is.Empty, "every file says what it computes");
        Assert.That(lines.Where(l => l[0] == ' ' && l.TrimStart().Split(' ', 2).Length < 2), Is.Empty, "and so does every kernel");
        foreach (string file in files)
            foreach (string entry in PtxModule.Load(Path.Combine(folder, file)).Entries)
                Assert.That(lines.Count(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[0] == entry && l[0] == ' '), Is.EqualTo(1), entry);
    }

    [Test]
    public void ListShowsTheFirstSentenceOfTheComments()
    {
        using var temporary = new TemporaryFolder();
        string file = temporary.File("k.ptx");
        File.WriteAllText(file, """
            // Two kernels, each
            // of one line. More of them later.
            .version 7.0
            .target sm_70
            .address_size 64
            // calls .entry b( often
            .visible .entry a() { ret; }

            .visible .entry
            """ + " ab() { ret; }\n// y = 1.5 x. In place.\n.visible .entry b(.param .u64 x) { ret; }\n");
        Assert.That(Kernels("list", file), Is.EqualTo((0, $"{file}  Two kernels, each of one line.\n  {"a",-24}  calls .entry b( often\n  ab\n  {"b",-24}  y = 1.5 x.\n", "")));
        Assert.That(Kernels("list", "no.ptx").Error, Is.EqualTo("error: no.ptx: no such file.\nhint: tessera kernels list shows the files that are part of Tessera.\n"));
    }

    [Test]
    public void ShowPrintsAFileOrAKernel()
    {
        string whole = File.ReadAllText(Path.Combine(folder, "unary.ptx")).ReplaceLineEndings("\n");
        Assert.That(Kernels("show", "unary.ptx"), Is.EqualTo((0, whole, "")));
        Assert.That(Kernels("show", "unary").Output, Is.EqualTo(whole));
        string kernel = Kernels("show", "unary_dense").Output;
        Assert.That(whole, Does.Contain(kernel));
        Assert.That(kernel, Does.StartWith("// x and y without gaps").And.Contain(".entry unary_dense(").And.EndsWith("    ret;\n}\n"));
        Assert.That(kernel.Split(".entry"), Has.Length.EqualTo(2));
        Assert.That(Kernels("show", "unary_den"), Is.EqualTo((1, "", "error: unary_den: Tessera has no such kernel or file.\nhint: tessera kernels list shows them.\n")));
    }

    [Test]
    public void KernelsOfTesseraRunByTheNameOfTheirFile()
    {
        using var temporary = new TemporaryFolder();
        string x = FileOf(temporary, "x.bin", 2.5f);
        var (code, output, error) = Kernels("run", "unary.ptx", "--entry", "unary_dense", "--block", "32", "--arg", "f32[1]", "--arg", $"f32[1]@{x}", "--arg", "u64:1", "--arg", "f32:0", "--arg", "f32:0");
        Assert.That((code, error), Is.EqualTo((0, "")));
        Assert.That(output, Does.Contain("argument 0: f32[1] 2.5"), "as it stands, the formula is the identity");
    }
}
