using System.CommandLine;
using System.Globalization;
using System.IO.Enumeration;

namespace Tessera.Cli;

/// <summary><c>tessera kernels</c>: work on PTX files.</summary>
static class KernelsCommand
{
    /// <summary>What became of one file; the exception is null where it was accepted.</summary>
    readonly record struct Verdict(string Path, PtxException? Rejected);

    public static Command Create(TextWriter output)
    {
        var paths = Options.Path<string[]>("file", "PTX files, or folders that hold some (*.ptx, at any depth).", ArgumentArity.OneOrMore);
        var arch = new Option<string?>("--arch") { Description = "The GPU to check for, such as sm_90; without it the text's own target." };
        var json = new Option<bool>("--json") { Description = "One JSON object a line." };
        var verify = new ExampleCommand("verify", "Check PTX files as NVIDIA's assembler would: one line a file.",
            "Examples:\n  tessera kernels verify kernel.ptx\n  tessera kernels verify kernels/ --arch sm_90 --json")
        {
            paths, arch, json,
        };
        verify.SetAction(parsed => Verify(parsed.GetValue(paths)!, parsed.GetValue(arch), parsed.GetValue(json), output, parsed.InvocationConfiguration.Error));
        return new ExampleCommand("kernels", "Check PTX files, and run, follow and measure their kernels.", "Examples:\n  tessera kernels verify kernel.ptx\n  tessera kernels run --help")
        {
            KernelListCommand.Create(output), KernelListCommand.CreateShow(output), verify, KernelRunCommand.Create(output),
                KernelRunCommand.CreateCheck(output), KernelCountCommand.Create(output), KernelStepCommand.Create(output),
        };
    }

    static int Verify(string[] paths, string? arch, bool json, TextWriter output, TextWriter error)
    {
        List<string> files = [];
        bool found = true;
        foreach (string path in paths)
        {
            string[] here = Directory.Exists(path) ? FilesIn(path) : File.Exists(path) ? [path] : [];
            if (here.Length == 0) error.WriteLine($"error: {path}: {(Directory.Exists(path) ? "no .ptx files in this folder" : "no such file or folder")}.");
            found &= here.Length > 0;
            files.AddRange(here);
        }
        bool all = true;
        foreach (var verdict in files.AsParallel().AsOrdered().Select(file => Check(file, arch)))
        {
            all &= verdict.Rejected is null;
            output.WriteLine(json ? KernelJson.Of(verdict.Path, verdict.Rejected) : Line(verdict));
        }
        return !found ? Tool.Usage : all ? Tool.Success : Tool.Failure;
    }

    /// <summary>The files below a folder, in order. Links to folders are not followed: they may lead back.</summary>
    static string[] FilesIn(string folder)
    {
        var files = new FileSystemEnumerable<string>(folder, (ref entry) => entry.ToSpecifiedFullPath(), new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0, IgnoreInaccessible = false })
        {
            ShouldIncludePredicate = (ref entry) => !entry.IsDirectory && entry.FileName.EndsWith(".ptx", StringComparison.Ordinal),
            ShouldRecursePredicate = (ref entry) => (entry.Attributes & FileAttributes.ReparsePoint) == 0,
        };
        return [.. files.Order(StringComparer.Ordinal)];
    }

    static Verdict Check(string path, string? arch)
    {
        try
        {
            PtxModule.Load(path).Verify(arch);
            return new(path, null);
        }
        catch (PtxException e)
        {
            return new(path, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(path, new PtxException(path, 1, 1, "file", $"it cannot be read: {e.Message}"));
        }
    }

    static string Line(Verdict verdict) => verdict.Rejected is { } e
        ? string.Create(CultureInfo.InvariantCulture, $"reject {verdict.Path}:{e.Line}:{e.Column} {e.Rule}: {e.Detail}")
        : $"accept {verdict.Path}";
}
