using Tessera.Cuda;
using Tessera.Testing;

namespace Tessera.Tests;

/// <content>How libraries are found, and what is said of those that are not of use.</content>
public sealed partial class VendorTests
{
    static readonly VendorSearch nowhere = new("nothing", "TESSERA_NOTHING", ["libtessera_nothing.so.9", "libtessera_nothing.so.8"], ["nothing/lib"], new Version(1, 0), new Version(2, 0));

    [Test]
    public void A_named_library_without_a_function_is_an_error()
    {
        string libc = OperatingSystem.IsLinux() ? "libc.so.6" : "kernel32.dll";
        Environment.SetEnvironmentVariable("TESSERA_CUBLAS", libc);
        var e = Assert.Throws<DeviceException>(() => _ = Backend().Blas);
        Assert.That(e!.Message, Does.Contain($"{libc} has no function 'cublas").And.Contain("version").And.Contain("Hint"));
        Assert.That(Backend().Libraries[0].State, Is.EqualTo(e.Message), "the list says it, and goes on");
    }

    [TestCase("cudnn_version", 7605, "7.6.5"), TestCase("cudnn_version", 8800, "8.8.0"), TestCase("cudnn_version", 100000, "10.0.0")]
    [TestCase("cublas_version", 10203, "10.2.3"), TestCase("cublas_version", 140000, "14.0.0")]
    public void A_version_that_is_not_known_is_refused(string number, int version, string words)
    {
        VendorStandIn.Name();
        int now = VendorStandIn.Count(number), handles = VendorStandIn.Count("live_handles");
        VendorStandIn.Set(number, version);
        try
        {
            Action[] open = number[2] == 'd' ? [() => _ = Backend().Dnn] : [() => _ = Backend().Blas, () => _ = Backend().BlasLt];
            foreach (var use in open)
                Assert.That(use, Throws.TypeOf<DeviceException>().With.Message.Contains($"got {words}, expected {(number[2] == 'd' ? "8.9" : "11.0")} or newer").And.Message.Contains(VendorStandIn.Path));
            Assert.That(VendorStandIn.Count("live_handles"), Is.EqualTo(handles), "handles given back");
        }
        finally
        {
            VendorStandIn.Set(number, now);
        }
    }

    [TestCase(130100, 100000, "13.1.0"), TestCase(111103, 100000, "11.11.3"), TestCase(11200, 100000, "11.2.0")]
    [TestCase(91900, 90000, "9.19.0"), TestCase(8901, 90000, "8.9.1"), TestCase(22809, 10000, "2.28.9"), TestCase(2804, 10000, "2.8.4")]
    public void Versions_in_one_number(int number, int tenThousands, string version)
        => Assert.That(VendorSearch.VersionOf(number, tenThousands), Is.EqualTo(Version.Parse(version)));

    [Test]
    public void What_is_not_found_says_where_it_was_looked_for_and_on_is_an_error()
    {
        using var toolkit = new Toolkit();
        Assert.That(VendorLibrary.Find(nowhere, null, out string whyNot), Is.Null);
        Assert.That(whyNot, Does.Contain("libtessera_nothing.so.9, libtessera_nothing.so.8").And.Contain(toolkit.Lib));
        Environment.SetEnvironmentVariable(nowhere.Variable, "on");
        var e = Assert.Throws<DeviceException>(() => VendorLibrary.Find(nowhere, null, out _));
        Assert.That(e!.Message, Is.EqualTo($"TESSERA_NOTHING: nothing cannot be used: got on, but {whyNot}. Hint: unset TESSERA_NOTHING, or set it to the library's path."));
        Assert.That(VendorLibrary.Find(nowhere, "not here", out whyNot), Is.Null, "where nothing is searched for");
        Assert.That(whyNot, Is.EqualTo("not here"));
    }

    [Test]
    public void A_file_that_is_no_library_is_named_with_the_loaders_words()
    {
        using var toolkit = new Toolkit();
        string file = Path.Combine(toolkit.Lib, nowhere.Names[1]);
        File.WriteAllBytes(file, new byte[4096]);
        Assert.That(VendorLibrary.Find(nowhere, null, out string whyNot), Is.Null);
        Assert.That(whyNot, Does.StartWith($"{file} cannot be loaded: "));
        Assert.That(whyNot, Has.Length.GreaterThan($"{file} cannot be loaded: ".Length));
        if (OperatingSystem.IsLinux()) Assert.That(whyNot, Does.Contain("ELF"));
        Environment.SetEnvironmentVariable(nowhere.Variable, file);
        Assert.That(() => VendorLibrary.Find(nowhere, null, out _), Throws.TypeOf<DeviceException>().With.Message.Contains(whyNot[(whyNot.IndexOf(':', StringComparison.Ordinal) + 2)..]));
    }

    [Test]
    public void The_files_are_found_without_a_gpu_and_nothing_is_asked_of_them()
    {
        VendorStandIn.Name();
        int before = VendorStandIn.Count("live_handles");
        Assert.That(Device.InstalledLibraries, Is.EqualTo(((string[])["cuBLAS", "cuBLASLt", "cuDNN", "NCCL"]).Select(name => (name, $"{VendorStandIn.Path}, not used: there is no GPU"))));
        Assert.That(VendorStandIn.Count("live_handles"), Is.EqualTo(before));
        Environment.SetEnvironmentVariable("TESSERA_CUDNN", "/nowhere/libcudnn.so.9");
        Assert.That(Device.InstalledLibraries[2].State, Does.Contain("/nowhere/libcudnn.so.9").And.Contain("there is no such file"));
    }

    /// <summary>A folder in the place of a CUDA toolkit.</summary>
    sealed class Toolkit : IDisposable
    {
        readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("tessera-toolkit");
        readonly string? before = Environment.GetEnvironmentVariable("CUDA_PATH");

        public Toolkit()
        {
            Lib = folder.CreateSubdirectory("lib64").FullName;
            Environment.SetEnvironmentVariable("CUDA_PATH", folder.FullName);
        }

        public string Lib { get; }

        public void Dispose()
        {
            Environment.SetEnvironmentVariable("CUDA_PATH", before);
            Environment.SetEnvironmentVariable(nowhere.Variable, null);
            folder.Delete(recursive: true);
        }
    }
}
