using System.CommandLine;
using System.Globalization;

namespace Tessera.Benchmarks;

/// <summary><c>ratios</c>: Tessera beside its peers, one table.</summary>
static class RatiosCommand
{
    static readonly Option<string?> json = new("--json") { Description = "Writes the rows to this file." };
    static readonly Option<string?> work = new("--work") { Description = "Only works whose name begins with this; the whole name for one alone." };
    static readonly Option<bool> list = new("--list") { Description = "Lists the works." };
    static readonly Option<bool> smoke = new("--smoke") { Description = "Tiny sizes, one sample: shows that every work works. The figures mean nothing." };
    static readonly Option<double> seconds = new("--seconds") { Description = "How long to sample a comparison.", DefaultValueFactory = _ => 8 };
    static readonly Option<string?> data = new("--data") { Description = "A folder of photos; by default those of the repository." };

    public static Command Create()
    {
        var command = new Command("ratios", "Tessera beside TorchSharp and ONNX Runtime, in one process by turns.") { json, work, list, smoke, seconds, data };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult args)
    {
        Work[] works = [.. Chosen(args.GetValue(work))];
        if (works.Length == 0) throw new ArgumentException($"--work: no such work: got '{args.GetValue(work)}'. Hint: --list shows all names.");
        if (args.GetValue(list))
        {
            foreach (var w in works) Console.WriteLine(w.Name);
            return 0;
        }
        bool once = args.GetValue(smoke);
        var bench = new Bench(new Sampling(args.GetValue(seconds), once), Machine.Measure(once), once ? BenchSize.Tiny : BenchSize.Full, args.GetValue(data));
        var rows = once ? Try(works, bench) : Measure(works, bench);
        if (args.GetValue(json) is { } file) Json.Write(file, rows);
        return 0;
    }

    static List<Row> Measure(Work[] works, Bench bench)
    {
        var rows = new List<Row>();
        Console.WriteLine(Markdown.Head);
        foreach (var row in works.SelectMany(w => w.Measure(bench)))
        {
            rows.Add(row);
            Console.WriteLine(Markdown.Line(row));
        }
        Console.WriteLine();
        foreach (string line in Facts(bench)) Console.WriteLine(line);
        return rows;
    }

    /// <summary>Every work once; one that gives no sound rows fails.</summary>
    static List<Row> Try(Work[] works, Bench bench)
    {
        var rows = new List<Row>();
        foreach (var work in works)
        {
            Row[] some = [.. work.Measure(bench)];
            if (Smoke.Fault(work, some) is { } fault) throw new InvalidOperationException(fault);
            rows.AddRange(some);
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{works.Length} works gave {rows.Count} sound rows; {Peer.TorchSharp}; {Peer.OnnxRuntime}"));
        return rows;
    }

    /// <summary>Machine, versions and date.</summary>
    static IEnumerable<string> Facts(Bench bench) =>
    [
        bench.Machine.ToString(),
        $".NET {Environment.Version}; {Peer.TorchSharp}; {Peer.OnnxRuntime}",
        Disturbance.Available ? string.Create(CultureInfo.InvariantCulture, $"samples whose threads waited more than {Disturbance.Limit:0%} of their time for a CPU were dropped") : "disturbance of samples: not available on this system",
    ];

    static IEnumerable<Work> Chosen(string? name)
    {
        if (name is null) return Work.All;
        var exact = Work.All.Where(w => w.Name == name).ToArray();
        return exact.Length > 0 ? exact : Work.All.Where(w => w.Name.StartsWith(name, StringComparison.Ordinal));
    }
}
