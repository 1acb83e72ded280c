using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>Every C# block of the README and of docs/ compiles and runs.</summary>
[NonParallelizable]
public sealed class PageTests
{
    RootFolder? folder;

    static IEnumerable<string> Pages =>
        new[] { Path.Combine(TestData.RepositoryRoot, "README.md") }
            .Concat(Directory.EnumerateFiles(Path.Combine(TestData.RepositoryRoot, "docs"), "*.md", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            .Where(p => CodeBlock.Of(File.ReadAllText(p)).Count > 0)
            .Select(p => Path.GetRelativePath(TestData.RepositoryRoot, p));

    [SetUp]
    public void EnterAFolderLikeTheRoot() => folder = new RootFolder();

    [TearDown]
    public void LeaveIt() => folder?.Dispose();

    [TestCaseSource(nameof(Pages))]
    public Task EveryBlockRuns(string page) => Page.Run(page, CodeBlock.Of(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, page))));

    [TestCaseSource(nameof(Pages))]
    public void NoBlockNeedsUsing(string page) => Assert.That(
        CodeBlock.Of(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, page))).Where(b => Disposal.IsStated(b.Code)).Select(b => b.Line), Is.Empty);

    [Test]
    public Task BlocksShareUsingsAndVariables() => Run("""
        ```csharp
        using System.Text;
        int x = 20;
        StringBuilder text = new("a");
        ```
        ```csharp
        File.WriteAllText("x.txt", $"{x + 1}{text}");
        ```
        """, () => Assert.That(File.ReadAllText("x.txt"), Is.EqualTo("21a")));

    [Test]
    public Task AReaderOfTheRepositoryFindsItsAssets() => Run("""
        ```csharp
        if (Directory.GetFiles("assets/pets/images").Length != 1001) throw new Exception("no photos");
        ```
        """, () => { });

    [Test]
    public Task BlocksSeeTheEngine() => Run("""
        ```csharp
        using Tessera;
        Shape shape = new(2, 3);
        ```
        ```csharp
        File.WriteAllText("count.txt", $"{shape.Count}");
        ```
        """, () => Assert.That(File.ReadAllText("count.txt"), Is.EqualTo("6")));

    [Test]
    public void AMistakeNamesItsLine()
    {
        Assert.That(() => Run("# T\n```csharp\nint x = 1;\nint y = z;\n```", () => { }), Throws.TypeOf<FormatException>().With.Message.StartsWith("page.md:4: CS0103"));
        Assert.That(() => Run("```csharp\nthrow new Exception(\"broken\");\n```", () => { }),
            Throws.InvalidOperationException.With.Message.EqualTo("page.md: the block at line 2 failed: broken"));
    }

    [Test]
    public async Task ANoRunBlockIsOnlyCompiled()
    {
        await Run("```csharp no-run: it would throw\nthrow new Exception();\n```", () => { });
        Assert.That(() => Run("```csharp no-run: it does not compile\nint x = ;\n```", () => { }), Throws.TypeOf<FormatException>());
        Assert.That(() => Run("```csharp no-run\nint x = 1;\n```", () => { }), Throws.TypeOf<FormatException>().With.Message.Contains("no-run: REASON"));
    }

    [TestCase("using var x = Open();", true)]
    [TestCase("using Tensor x = Open();", true)]
    [TestCase("using (Open()) { }", true)]
    [TestCase("x.Dispose();", true)]
    [TestCase("using Tessera;\nusing Text = System.Text;\nvar x = Open();", false)]
    public void DisposalIsSeen(string code, bool stated) => Assert.That(Disposal.IsStated(code), Is.EqualTo(stated));

    static async Task Run(string markdown, Action check)
    {
        await Page.Run("page.md", CodeBlock.Of(markdown));
        check();
    }
}
