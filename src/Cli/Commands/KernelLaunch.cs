using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Tessera.Cli;

/// <summary>What <c>tessera kernels</c> run, check, count and step launch: a kernel of a PTX text, its geometry and its arguments.</summary>
sealed record KernelLaunch(PtxModule Module, string File, string Text, string Entry, PtxLaunch Launch, KernelArgument[] Arguments)
{
    static readonly Argument<string> file = Options.Path<string>("file", "A PTX file, or one of Tessera's, such as unary.ptx.", ArgumentArity.ExactlyOne);
    static readonly Option<string?> entry = new("--entry") { Description = "The kernel; may be left out where the file has only one." };
    static readonly Option<(int, int, int)> grid = Size("--grid", "Blocks in x, y and z; what is left out is 1.");
    static readonly Option<(int, int, int)> block = Size("--block", "Threads of a block in x, y and z; what is left out is 1.");
    static readonly Option<(int, int, int)> cluster = Size("--cluster", "Blocks of a cluster in x, y and z; without it what the kernel says, or none.");
    static readonly Option<int> shared = Options.Number("--shared", "Bytes of dynamic shared memory.", 0, 0);
    static readonly Option<long?> limit = Options.Number<long?>("--limit", "Most warp instructions of the launch, which ends with an error after them: 10 billion where nothing is said.", 1, null);
    static readonly Option<KernelArgument[]> arguments = ArgumentOption();

    /// <summary>How arguments are written, for the end of a command's help.</summary>
    public const string ArgumentForms = """
        --arg comes once for each parameter of the kernel, in order:
          f32:2.5             a number; types are f32 f64 f16 bf16, s8 to s64, u8 to u64, b8 to b64
          f32[1024]           a buffer of zeros
          f32[1024]@in.bin    a buffer with the content of a file, little-endian
          bytes:00ff          the bytes of a parameter
          "{f32[8]@x.bin, s64:8}"   a structure by value, laid out as C does
        """;

    /// <summary>The launch of what the command line says, and the kernel, verified.</summary>
    public static KernelLaunch Read(ParseResult parsed)
    {
        var source = PtxSource.Open(parsed.GetValue(file)!);
        PtxModule module = PtxModule.Parse(source.Text, source.Name).Verify();
        PtxLaunch launch = new(parsed.GetValue(grid), parsed.GetValue(block))
        {
            SharedBytes = parsed.GetValue(shared),
            Cluster = parsed.GetResult(cluster) is { Implicit: false } ? parsed.GetValue(cluster) : null,
        };
        var console = parsed.InvocationConfiguration;
        launch = launch with { Print = parsed.GetValue(KernelJson.Option) ? console.Error.Write : console.Output.Write };
        if (parsed.GetValue(limit) is long most) launch = launch with { StepLimit = most };
        return new(module, source.Name, source.Text, Entered(module, source.Name, parsed.GetValue(entry)), launch, parsed.GetValue(arguments) ?? []);
    }

    /// <summary>A command with the options of a launch, and its own.</summary>
    public static Command Command(string name, string description, string examples, params Option[] more)
    {
        ExampleCommand command = new(name, description, examples) { file, entry, grid, block, cluster, shared, limit, arguments };
        foreach (Option option in more) command.Add(option);
        return command;
    }

    /// <summary><c>scale: 4 x 1 x 1 blocks of 256 x 1 x 1 threads</c></summary>
    public string Geometry => $"{Entry}: {Launch.Grid.X} x {Launch.Grid.Y} x {Launch.Grid.Z} blocks of {Launch.Block.X} x {Launch.Block.Y} x {Launch.Block.Z} threads";

    /// <summary>What the kernel gets.</summary>
    public PtxArgument[] Values => [.. Arguments.Select(a => a.Value)];

    /// <summary>Every buffer among the arguments, with its path.</summary>
    public IEnumerable<(string Path, KernelArgument Buffer)> Buffers => Arguments.SelectMany((a, i) => a.Buffers($"{i}"));

    static string Entered(PtxModule module, string path, string? name)
    {
        var names = module.Entries;
        if (name == null) return names.Count switch { 1 => names[0], 0 => throw new DataException($"{path}: has no kernel (.entry)."), _ => throw new DataException($"{path}: has {names.Count} kernels: {string.Join(", ", names)}. Hint: choose one with --entry.") };
        return names.Contains(name, StringComparer.Ordinal) ? name : throw new DataException($"{path}: there is no kernel '{name}'. Hint: it has {string.Join(", ", names)}.");
    }

    static Option<KernelArgument[]> ArgumentOption() => new("--arg")
    {
        Description = "An argument of the kernel; once for each parameter.",
        HelpName = "argument",
        Arity = ArgumentArity.ZeroOrMore,
        CustomParser = result =>
        {
            try
            {
                return [.. result.Tokens.Select(t => KernelArgument.Parse(t.Value))];
            }
            catch (Exception e) when (e is TesseraException or IOException or UnauthorizedAccessException)
            {
                result.AddError(e.Message);
                return [];
            }
        },
    };

    /// <summary>An option of one to three whole numbers: <c>4</c>, <c>4,2</c>, <c>4,2,1</c>.</summary>
    public static Option<(int X, int Y, int Z)> Size(string name, string description, int standard = 1, int least = 1) => new(name)
    {
        Description = description,
        HelpName = "x,y,z",
        DefaultValueFactory = _ => (standard, standard, standard),
        CustomParser = result => Triple(result, name, standard, least),
    };

    static (int, int, int) Triple(ArgumentResult result, string name, int standard, int least)
    {
        string text = result.Tokens.Count > 0 ? result.Tokens[0].Value : "";
        string[] parts = text.Split(',');
        int[] sizes = [.. parts.Select(p => int.TryParse(p, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out int n) ? n : -1)];
        if (sizes.Length <= 3 && sizes.Min() >= least) return (sizes[0], sizes.Length > 1 ? sizes[1] : standard, sizes.Length > 2 ? sizes[2] : standard);
        result.AddError($"{name}: got '{text}', expected one to three whole numbers of at least {least}, such as 4,2,1.");
        return default;
    }
}
