using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Scripting;
using Microsoft.CodeAnalysis.Scripting;

namespace Tessera.Tests;

/// <summary>
/// Runs a page's blocks in order like a notebook: a block sees the usings and variables of the ones before it. A no-run block is
/// compiled against all blocks before it. What a reader would type is what runs: only the usings every new C# program has are given.
/// </summary>
static class Page
{
    static readonly ScriptOptions options = ScriptOptions.Default
        .WithReferences(AppDomain.CurrentDomain.GetAssemblies().Where(a => !a.IsDynamic && a.Location.Length > 0)
            .Concat(new[] { "Kernels", "Tensors", "NN", "Vision", "Cli" }.Select(n => System.Reflection.Assembly.Load($"Tessera.{n}"))).Distinct())
        .WithImports("System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading", "System.Threading.Tasks");

    /// <summary>Compiles and runs the blocks; an exception names the page's line.</summary>
    public static async Task Run(string name, IReadOnlyList<CodeBlock> blocks)
    {
        Script<object>? all = null;
        Script<object>? run = null;
        ScriptState<object>? state = null;
        foreach (CodeBlock block in blocks)
        {
            all = Compile(name, block, all);
            if (block.NoRun != null)
                continue;
            run = Compile(name, block, run);
            state = await Execute(name, block, run, state);
        }
    }

    static Script<object> Compile(string name, CodeBlock block, Script<object>? before)
    {
        Script<object> script = before == null ? CSharpScript.Create(block.Code, options) : before.ContinueWith(block.Code, options);
        Diagnostic[] errors = [.. script.Compile().Where(d => d.Severity == DiagnosticSeverity.Error)];
        if (errors.Length > 0)
        {
            throw new FormatException(string.Join('\n', errors.Select(e =>
                $"{name}:{block.Line + e.Location.GetLineSpan().StartLinePosition.Line}: {e.Id} {e.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}")));
        }
        return script;
    }

    static async Task<ScriptState<object>> Execute(string name, CodeBlock block, Script<object> script, ScriptState<object>? before)
    {
        try
        {
            return before == null ? await script.RunAsync() : await script.RunFromAsync(before);
        }
        catch (Exception e) when (e is not FormatException)
        {
            throw new InvalidOperationException($"{name}: the block at line {block.Line} failed: {e.Message}", e);
        }
    }
}
