using System.CommandLine;

namespace Tessera.Cli;

/// <summary><c>tessera kernels list</c> and <c>show</c>: Tessera's own kernels, or those of a file.</summary>
static class KernelListCommand
{
    public static Command Create(TextWriter output)
    {
        var files = Options.Path<string[]>("file", "PTX files; without any, those that are part of Tessera.", ArgumentArity.ZeroOrMore);
        var command = new ExampleCommand("list", "List the kernels of Tessera, or of PTX files, with what their comments say.",
            "Examples:\n  tessera kernels list\n  tessera kernels list kernel.ptx")
        {
            files,
        };
        command.SetAction(parsed =>
        {
            string[] names = parsed.GetValue(files) ?? [];
            foreach (PtxSource source in names.Length == 0 ? PtxSource.Library : names.Select(PtxSource.Open)) List(source, output);
            return Tool.Success;
        });
        return command;
    }

    public static Command CreateShow(TextWriter output)
    {
        var name = Options.Path<string>("name", "A file of Tessera's, such as unary.ptx, or one kernel of it.", ArgumentArity.ExactlyOne);
        var command = new ExampleCommand("show", "Print the PTX of a kernel of Tessera.", "Examples:\n  tessera kernels show unary.ptx\n  tessera kernels show unary_dense") { name };
        command.SetAction(parsed =>
        {
            output.Write(Find(parsed.GetValue(name)!));
            return Tool.Success;
        });
        return command;
    }

    static void List(PtxSource source, TextWriter output)
    {
        output.WriteLine($"{source.Name}  {source.Description}".TrimEnd());
        foreach (var (entry, description) in source.Entries()) output.WriteLine($"  {entry,-24}  {description}".TrimEnd());
    }

    static string Find(string name) =>
        PtxSource.Embedded(name)?.Text ?? PtxSource.Library.Select(s => s.TextOf(name)).FirstOrDefault(t => t != null)
        ?? throw new DataException($"{name}: Tessera has no such kernel or file. Hint: tessera kernels list shows them.");
}
