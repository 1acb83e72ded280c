namespace Tessera.Testing;

/// <summary>
/// Where tests find their data. A relative path such as <c>ops/cases.json</c> or <c>onnx/cifar/resnet20_io.npz</c> is looked for
/// as a file or folder; else inside an archive that bears the name of a leading folder (<c>ops.tar.br</c>, <c>pets7.tar</c>,
/// <c>mnist_sample.tgz</c>), unpacked once; else as a packed file (<c>NAME.gz</c>).
/// </summary>
public static class TestData
{
    /// <summary>The folder that holds <c>tessera.slnx</c>.</summary>
    public static string RepositoryRoot { get; } = FindRoot();

    /// <summary>A file or folder of the recorded truth: from <c>TESSERA_GOLDEN</c>, or the committed copy in tests/golden.
    /// The test is skipped with the reason where it is absent.</summary>
    public static string Golden(string relative) => FindGolden(relative) ?? Skip(relative, "TESSERA_GOLDEN");

    /// <summary>A file or folder of the test data: from <c>TESSERA_DATA</c>, or the committed copy in tests/data.
    /// The test is skipped with the reason where it is absent.</summary>
    public static string Data(string relative) => FindData(relative) ?? Skip(relative, "TESSERA_DATA");

    /// <summary>A file or folder under assets/ in the repository, which is always there.</summary>
    public static string Asset(string relative) => Path.Combine(RepositoryRoot, "assets", relative);

    /// <summary>As <see cref="Golden"/>, or null where it is absent. For case sources, which run outside any test.</summary>
    public static string? FindGolden(string relative) =>
        Environment.GetEnvironmentVariable("TESSERA_GOLDEN") is { Length: > 0 } folder
            ? FindIn(folder, relative)
            : FindIn(Path.Combine(RepositoryRoot, "tests", "golden"), relative);

    /// <summary>As <see cref="Data"/>, or null where it is absent. For case sources, which run outside any test.</summary>
    public static string? FindData(string relative) =>
        (Environment.GetEnvironmentVariable("TESSERA_DATA") is { Length: > 0 } folder ? FindIn(folder, relative) : null)
        ?? FindIn(Path.Combine(RepositoryRoot, "tests", "data"), relative);

    /// <summary>Why a test over absent data does not run.</summary>
    public static string ReasonAbsent(string relative, string variable) =>
        $"{relative} is not in the repository: set {variable} to the folder that holds it";

    /// <summary>A file or folder under <paramref name="folder"/>, perhaps inside an archive there; null where it is absent.</summary>
    public static string? FindIn(string folder, string relative)
    {
        string plain = Path.Combine(folder, relative);
        if (File.Exists(plain) || Directory.Exists(plain))
            return plain;
        if (File.Exists(plain + ".gz"))
            return Unpacked.File(plain + ".gz");

        string[] parts = relative.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int n = parts.Length; n >= 1; n--)
        {
            string stem = Path.Combine([folder, .. parts[..n]]);
            string? archive = Unpacked.Extensions.Select(e => stem + e).FirstOrDefault(File.Exists);
            if (archive == null)
                continue;
            string found = Path.Combine([Unpacked.Folder(archive), .. parts[n..]]);
            return File.Exists(found) || Directory.Exists(found) ? found : null;
        }
        return null;
    }

    static string Skip(string relative, string variable)
    {
        Assert.Ignore(ReasonAbsent(relative, variable));
        throw new InvalidOperationException("Assert.Ignore returned");
    }

    static string FindRoot()
    {
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d != null; d = d.Parent)
        {
            if (File.Exists(Path.Combine(d.FullName, "tessera.slnx")))
                return d.FullName;
        }
        throw new DirectoryNotFoundException($"no tessera.slnx above {AppContext.BaseDirectory}");
    }
}
