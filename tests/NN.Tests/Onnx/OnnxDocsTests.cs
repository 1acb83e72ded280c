using Tessera.NN;
using Tessera.Testing;

namespace Tessera.Tests;

public sealed class OnnxDocsTests
{
    /// <summary>docs/onnx-operators.md is the operator table. TESSERA_WRITE_DOCS=1 writes it.</summary>
    [Test]
    public void TheListOfOperatorsIsTheTable()
    {
        string path = Path.Combine(TestData.RepositoryRoot, "docs", "onnx-operators.md");
        if (Environment.GetEnvironmentVariable("TESSERA_WRITE_DOCS") == "1") File.WriteAllText(path, OnnxOperators.Page());
        Assert.That(File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "", Is.EqualTo(OnnxOperators.Page()), "run this test once with TESSERA_WRITE_DOCS=1");
    }
}
