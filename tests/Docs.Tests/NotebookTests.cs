using System.Text.Json.Nodes;
using Tessera.Testing;

namespace Tessera.Tests;

/// <summary>The notebooks of examples/ run cell by cell, compiled as the pages are; what the kernel itself reads (<c>#r</c>, <c>#i</c>, <c>#!</c>) is left out.</summary>
[NonParallelizable]
public sealed class NotebookTests
{
    static IEnumerable<string> Notebooks => Directory.EnumerateFiles(Path.Combine(TestData.RepositoryRoot, "examples"), "*.ipynb").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal);

    static JsonNode Read(string notebook) => JsonNode.Parse(File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "examples", notebook)))!;

    static IEnumerable<JsonNode> CodeCells(string notebook) => Read(notebook)["cells"]!.AsArray().Where(c => (string)c!["cell_type"]! == "code").Select(c => c!);

    static string[] Lines(JsonNode cell) => [.. cell["source"]!.AsArray().Select(l => ((string)l!).TrimEnd('\n'))];

    [TestCaseSource(nameof(Notebooks))]
    public async Task EveryCellRuns(string notebook)
    {
        using RootFolder folder = new(inside: "examples");
        CodeBlock[] cells = [.. CodeCells(notebook).Select(Lines).Select(lines => new CodeBlock(1, string.Join('\n', lines.Select(l => l.StartsWith('#') ? "" : l)), null))];
        Assert.That(cells, Has.Length.GreaterThan(5));
        for (int i = 0; i < cells.Length; i++) cells[i] = cells[i] with { Line = (100 * (i + 1)) + 1 }; // an error at 305 is in line 5 of the third cell
        await Page.Run(notebook, cells);
    }

    /// <summary>As a reader runs it, but that the assemblies beside this test stand for the package. Skipped where there is no kernel.</summary>
    [TestCaseSource(nameof(Notebooks))]
    public async Task TheNetKernelRunsEveryCell(string notebook)
    {
        using RootFolder folder = new(inside: "examples");
        using var kernel = NotebookKernel.Start();
        string[] ours = ["Tessera.Kernels", "Tessera.Tensors", "Tessera.NN", "Tessera.Vision"], others = ["SkiaSharp", "HarfBuzzSharp", "SkiaSharp.HarfBuzz", "ScottPlot", "CsvHelper", "Google.Protobuf"];
        string Dll(string assembly) => $"{Path.Combine(AppContext.BaseDirectory, assembly)}.dll";
        // Once for all who ask, whichever version they ask for: a reference alone loads a second SkiaSharp for ScottPlot.
        string load = string.Concat(others.Concat(ours).Select(a => $"System.Runtime.Loader.AssemblyLoadContext.Default.LoadFromAssemblyPath(@\"{Dll(a)}\");\n"));
        string references = string.Join('\n', ours.Prepend("SkiaSharp").Select(a => $"#r \"{Dll(a)}\""));
        await kernel.Run(load);
        int pictures = 0;
        foreach (string[] lines in CodeCells(notebook).Select(Lines))
        {
            bool isPackage = lines[0].StartsWith("#r \"nuget: Tessera", StringComparison.Ordinal);
            string shown = await kernel.Run(isPackage ? references : string.Join('\n', lines));
            if (shown.Contains("src=\"data:image/png;base64,", StringComparison.Ordinal)) pictures++;
        }
        Assert.That(pictures, Is.GreaterThan(4), "figures and photos are shown as pictures");
    }

    [TestCaseSource(nameof(Notebooks))]
    public void ItIsForTheNetKernelAndKeepsNoResults(string notebook)
    {
        Assert.That((string)Read(notebook)["metadata"]!["kernelspec"]!["name"]!, Is.EqualTo(".net-csharp"));
        foreach (var cell in CodeCells(notebook))
        {
            Assert.That(cell["outputs"]!.AsArray(), Is.Empty);
            Assert.That(cell["execution_count"], Is.Null);
            Assert.That(Disposal.IsStated(string.Join('\n', Lines(cell))), Is.False);
        }
    }
}
