using Tessera.Cuda;

namespace Tessera.Tests;

/// <summary>Compiled kernels on disk: compiled once, read by the next process, and never trusted.</summary>
public sealed partial class KernelFilesTests
{
    const string text = ".version 7.0\n.target sm_70\nk\n";

    readonly StandIn standIn = StandIn.Driver;
    string folder = "";
    NativeCudaDriver driver = null!;
    int live;

    [SetUp]
    public void Open()
    {
        live = standIn.Live;
        folder = Directory.CreateTempSubdirectory("tessera-kernels").FullName;
        driver = NativeCudaDriver.TryOpen(0).Driver!;
        standIn.Clear();
    }

    [TearDown]
    public void Close()
    {
        standIn.Fail("");
        driver.Dispose();
        Directory.Delete(folder, recursive: true);
        Environment.SetEnvironmentVariable(KernelFiles.Variable, "off");
        Assert.That(standIn.Live, Is.EqualTo(live), "objects given back");
    }

    KernelFiles Files => new(folder, driver.Version, driver.Architecture);

    /// <summary>What the driver was asked to do for one kernel in a process that knows nothing but the files.</summary>
    string[] Load(KernelFiles files, string ptx = text)
    {
        standIn.Clear();
        using var kernels = new KernelCache(driver, files);
        _ = kernels.Get("k.ptx", "k", ptx, static t => t);
        return [.. standIn.Calls.Select(c => c[..c.IndexOf('(')]).Where(c => c.StartsWith("cuLink", StringComparison.Ordinal) || c.StartsWith("cuModuleLoad", StringComparison.Ordinal))];
    }

    static readonly string[] compiled = ["cuLinkCreate_v2", "cuLinkAddData_v2", "cuLinkComplete", "cuLinkDestroy", "cuModuleLoadDataEx"], read = ["cuModuleLoadDataEx"];

    [Test]
    public void ATextIsCompiledOnceForAllProcesses()
    {
        Assert.That(Load(Files), Is.EqualTo(compiled));
        Assert.That(Load(Files), Is.EqualTo(read));
        Assert.That(Load(Files, text + " "), Is.EqualTo(compiled), "another text");
        Assert.That(Load(new KernelFiles(folder, 12080, 90)), Is.EqualTo(compiled), "another driver");
        Assert.That(Load(new KernelFiles(folder, 13000, 80)), Is.EqualTo(compiled), "another architecture");
        Assert.That(Load(Files), Is.EqualTo(read));
        Assert.That(Directory.GetFiles(folder, "*", SearchOption.AllDirectories), Has.Length.EqualTo(4).And.All.EndsWith(".kernel"));
    }

    [Test]
    public void TheCallsAreTheLinkers()
    {
        Load(Files);
        string[] calls = [.. standIn.Calls.Where(c => c.StartsWith("cuLink", StringComparison.Ordinal) || c.StartsWith("cuModuleLoad", StringComparison.Ordinal))];
        string link = calls[2]["cuLinkComplete(".Length..^1];
        Assert.That(calls, Is.EqualTo(new[]
        {
            "cuLinkCreate_v2(1 options, line info 1)", $"cuLinkAddData_v2({link}, 1, {text.Length + 1} bytes, tessera, 0 options, (nil), (nil))",
            $"cuLinkComplete({link})", $"cuLinkDestroy({link})", $"cuModuleLoadDataEx({text.Length + 5} bytes, 0 options, 0 for errors, 0 for notes, line info 0)",
        }));
    }

    [Test]
    public void ADamagedFileIsWrittenAnew([Values("cut", "changed", "empty", "foreign", "longer", "of another text")] string how)
    {
        Load(Files);
        Load(Files, text + " ");
        string path = Files.PathOf(text);
        byte[] good = File.ReadAllBytes(path);
        byte[] bad = [.. good];
        bad[^2] ^= 1;
        File.WriteAllBytes(path, how switch
        {
            "cut" => good[..^3],
            "changed" => bad,
            "empty" => [],
            "foreign" => new byte[500],
            "longer" => [.. good, 0],
            _ => File.ReadAllBytes(Files.PathOf(text + " ")),
        });
        Assert.That(Load(Files), Is.EqualTo(compiled));
        Assert.That(File.ReadAllBytes(path), Is.EqualTo(good));
        Assert.That(Load(Files), Is.EqualTo(read));
    }

    [Test]
    public void CodeThatTheDriverRefusesIsCompiledAnew()
    {
        Files.Write(text, "of a sound file, no code of this driver\0"u8);
        Assert.That(Load(Files), Is.EqualTo((string[])["cuModuleLoadDataEx", .. compiled]));
        Assert.That(Load(Files), Is.EqualTo(read));
    }

    [Test]
    public void WhereThereIsNoLinkerTheTextIsLoaded([Values("cuLinkCreate_v2", "cuLinkAddData_v2", "cuLinkComplete")] string without)
    {
        standIn.Fail(without, CudaResult.ErrorJitCompilerNotFound);
        Assert.That(Load(Files), Does.Contain(without));
        Assert.That(standIn.Calls.Last(c => c.StartsWith("cuModuleLoad", StringComparison.Ordinal)), Does.Contain($"{text.Length} bytes, 5 options"));
        Assert.That(Directory.GetFiles(folder, "*", SearchOption.AllDirectories), Is.Empty);
    }

    [Test]
    public void ATextThatDoesNotCompileShowsTheLineStill()
    {
        Assert.That(() => Load(Files, "k\n  bad.f32 %f1;\n"), Throws.TypeOf<CudaException>().With.Message.Contains("     2 | bad.f32 %f1;"));
        Assert.That(Directory.GetFiles(folder, "*", SearchOption.AllDirectories), Is.Empty);
    }

    [Test]
    public void AFolderThatCannotBeWrittenKeepsNothing()
    {
        string file = Path.Combine(folder, "file");
        File.WriteAllText(file, "");
        var files = new KernelFiles(Path.Combine(file, "below"), driver.Version, driver.Architecture);
        Assert.That(Load(files), Is.EqualTo(compiled));
        Assert.That(Load(files), Is.EqualTo(compiled));
    }

    [Test]
    public void AVariableNamesTheFolderOrTurnsItOff()
    {
        Environment.SetEnvironmentVariable(KernelFiles.Variable, "OFF");
        Assert.That((KernelFiles.For(driver), Device.KernelCache), Is.EqualTo(((KernelFiles?)null, "off (TESSERA_KERNEL_CACHE)")));
        Environment.SetEnvironmentVariable(KernelFiles.Variable, folder);
        Load(KernelFiles.For(driver)!);
        Assert.That(Device.KernelCache, Is.EqualTo($"{folder}: 1 kernel files, 0.0 MB (TESSERA_KERNEL_CACHE)"));
        Environment.SetEnvironmentVariable(KernelFiles.Variable, null);
        string home = Path.Combine(Environment.GetEnvironmentVariable("TESSERA_HOME") is { Length: > 0 } named ? named : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".tessera"), "kernels");
        Assert.That(KernelFiles.Folder, Is.EqualTo(home));
    }

    [Test]
    public void TwoProcessesAtOnceEachHaveAWholeFile()
    {
        Parallel.For(0, 16, i => Files.Write(text, "code:k\0"u8));
        Assert.That(Files.Read(text), Is.EqualTo("code:k\0"u8.ToArray()));
        Assert.That(Directory.GetFiles(folder, "*", SearchOption.AllDirectories), Has.Length.EqualTo(1));
    }
}
