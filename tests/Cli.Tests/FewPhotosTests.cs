using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Tests of commands that train on a few photos of each breed, gathered once.</summary>
public abstract class FewPhotosTests
{
    TemporaryFolder folder = null!;

    /// <summary>The folder of the photos.</summary>
    protected string Few { get; private set; } = "";

    [OneTimeSetUp]
    public void Gather() => Few = CommandLine.Few(folder = new TemporaryFolder());

    [OneTimeTearDown]
    public void Remove() => folder.Dispose();

    /// <summary>A command over the photos with a small network at 32 pixels.</summary>
    protected string[] Command(string name, params string[] more) => [name, Few, "--weights", CommandLine.Slim, "--size", "32", "--bs", "8", .. more];
}
