using System.Text.RegularExpressions;
using Tessera.Cli;
using Tessera.Testing;
using Tessera.Vision;

namespace Tessera.Tests;

/// <summary>
/// Every file of examples/ is a program of its own that a reader starts with <c>dotnet run examples/NAME.cs</c>. All run, compiled as the pages are; one for
/// each head (<c>#:project</c> and the like) is started as a reader does.
/// </summary>
[NonParallelizable]
public sealed class ExampleTests
{
    const string Client = "client.cs";

    static readonly TimeSpan limit = TimeSpan.FromMinutes(8);

    static IEnumerable<string> Examples => Directory.EnumerateFiles(Path.Combine(TestData.RepositoryRoot, "examples"), "*.cs").Order(StringComparer.Ordinal).Select(f => Path.GetFileName(f));

    static IEnumerable<string> WithoutArguments => Examples.Where(e => e != Client);

    static IEnumerable<string> OneOfEachHead => WithoutArguments.GroupBy(e => string.Join('\n', File.ReadLines(FileOf(e)).Where(IsHead))).Select(g => g.First());

    static string FileOf(string example) => Path.Combine(TestData.RepositoryRoot, "examples", example);

    static bool IsHead(string line) => line.StartsWith("#:", StringComparison.Ordinal);

    [TestCaseSource(nameof(WithoutArguments))]
    public async Task AnExampleRuns(string name)
    {
        using RootFolder folder = new();
        string code = string.Join('\n', File.ReadLines(FileOf(name)).Select(line => IsHead(line) ? "" : line));
        TextWriter console = Console.Out;
        using StringWriter output = new();
        Console.SetOut(output);
        try
        {
            await Page.Run(name, [new CodeBlock(1, code, null)]);
        }
        finally
        {
            Console.SetOut(console);
        }
        Assert.That(output.ToString(), Is.Not.Empty);
    }

    [TestCaseSource(nameof(OneOfEachHead))]
    public async Task DotnetRunStartsIt(string name)
    {
        using RootFolder folder = new();
        var (code, output, errors) = await Start(name);
        Assert.That(code, Is.Zero, errors + output);
        Assert.That(output, Is.Not.Empty);
    }

    [Test]
    public async Task TheClientAsksAServer()
    {
        using RootFolder folder = new();
        string photo = "assets/pets/images/Bengal_1.jpg";
        var data = ImageDataBunch.FromLists([photo, "assets/pets/images/havanese_1.jpg"], ["Bengal", "havanese"], size: 32, batchSize: 1);
        var server = await PhotoServer.Start(ImageLearner.Create(data, Architecture.ResNet18()), "pets", new ServingOptions { Port = 0 }, TextWriter.Null);
        try
        {
            var (code, output, errors) = await Start(Client, $"{server.Address}", photo);
            Assert.That(code, Is.Zero, errors);
            Assert.That(output, Does.Match($@"^{photo}: (Bengal|havanese), \d+ %\n$"));
            (code, _, errors) = await Start(Client, $"{server.Address}", FileOf(Client));
            Assert.That(code, Is.EqualTo(1));
            Assert.That(errors, Does.StartWith($"{FileOf(Client)}: ").And.Contain("photo"));
        }
        finally
        {
            await server.Stop();
        }
    }

    [TestCaseSource(nameof(Examples))]
    public void AnExampleSaysHowItIsStarted(string name)
    {
        string text = File.ReadAllText(FileOf(name));
        Assert.That(Disposal.IsStated(text), Is.False, "no using");
        Assert.That(text, Does.Match($@"^(#:.*\n)*// .*`dotnet run examples/{Regex.Escape(name)}"));
        Assert.That(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "examples", "README.md")), Does.Contain($"[{name}]({name})"), "examples/README.md lists it");
    }

    static async Task<(int Code, string Output, string Errors)> Start(string name, params string[] arguments)
    {
        string[] run = ["run", "-c", "Release", FileOf(name), .. arguments.Length > 0 ? ["--", .. arguments] : Array.Empty<string>()];
        var (code, output, errors) = await ChildProcess.Try(Environment.CurrentDirectory, limit, "dotnet", run);
        return (code, output.ReplaceLineEndings("\n"), errors);
    }
}
