using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Tessera.Benchmarks;

/// <summary><c>ratios</c>: Tessera beside its peers, one table.</summary>
static class RatiosCommand
{
    static readonly Option<string?> json = new("--json") { Description = "Writes the rows to this file." };
    static readonly Option<bool> keep = new("--keep") { Description = "Rows of other works that the file holds stay." };
    static readonly Option<string?> markdown = new("--markdown") { Description = "Puts the table into this page, between its marks." };
    static readonly Option<string?> work = new("--work") { Description = "One work, or all whose names begin with this." };
    static readonly Option<bool> list = new("--list") { Description = "Lists the works." };
    static readonly Option<bool> smoke = new("--smoke") { Description = "Tiny sizes, one sample: shows that every work works. The figures mean nothing." };
    static readonly Option<double> seconds = new("--seconds") { Description = "How long to sample a comparison.", DefaultValueFactory = _ => 8 };
    static readonly Option<string?> data = new("--data") { Description = "A folder of photos named breed_number.jpg; by default those of the repository." };

    public static Command Create()
    {
        var command = new Command("ratios", "Tessera beside TorchSharp and ONNX Runtime, in one process by turns.") { json, keep, markdown, work, list, smoke, seconds, data };
        command.SetAction(Run);
        return command;
    }

    static int Run(ParseResult args)
    {
        var works = Work.Named(args.GetValue(work));
        if (works.Count == 0) throw new ArgumentException($"--work: no such work: got '{args.GetValue(work)}'. Hint: --list shows all names.");
        if (args.GetValue(list))
        {
            foreach (var w in works) Console.WriteLine(w.Name);
            return 0;
        }
        if (args.GetValue(markdown) is { } written) Page.Check(written);
        bool once = args.GetValue(smoke);
        var bench = new Bench(new Sampling(args.GetValue(seconds), once), Machine.Measure(once), once ? BenchSize.Tiny : BenchSize.Full, args.GetValue(data));
        string? file = args.GetValue(json);
        var old = args.GetValue(keep) && file is not null ? Json.Read(file) : [];
        IReadOnlyList<Row> rows = once ? Try(works, bench) : Measure(works, bench, Save);
        Save(rows);
        if (args.GetValue(markdown) is { } page) Page.Write(page, RowFile.Merge(old, rows), Facts(bench));
        return 0;

        void Save(IReadOnlyList<Row> measured)
        {
            if (file is not null) Json.Write(file, RowFile.Merge(old, measured));
        }
    }

    /// <summary>Prints rows as they come, and saves them work by work: a run that is stopped loses only the work it was at.</summary>
    static List<Row> Measure(IEnumerable<Work> works, Bench bench, Action<IReadOnlyList<Row>> save)
    {
        var rows = new List<Row>();
        Console.WriteLine(Markdown.Head);
        foreach (var work in works)
        {
            foreach (var row in work.Measure(bench))
            {
                rows.Add(row);
                Console.WriteLine(Markdown.Line(row));
            }
            save(rows);
        }
        Console.WriteLine();
        foreach (string fact in Facts(bench)) Console.WriteLine(fact);
        return rows;
    }

    /// <summary>Every work once; one that gives no sound rows fails.</summary>
    static List<Row> Try(IReadOnlyList<Work> works, Bench bench)
    {
        var rows = new List<Row>();
        foreach (var work in works)
        {
            Row[] some = [.. work.Measure(bench)];
            if (Smoke.Fault(work, some) is { } fault) throw new InvalidOperationException(fault);
            rows.AddRange(some);
        }
        if (Smoke.FaultOfFile(Json.Text(rows)) is { } wrong) throw new InvalidOperationException(wrong);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{works.Count} works gave {rows.Count} sound rows; {Peer.TorchSharp}; {Peer.OnnxRuntime}"));
        return rows;
    }

    /// <summary>Machine, versions, date, and how samples were taken.</summary>
    static IEnumerable<string> Facts(Bench bench) =>
    [
        bench.Machine.ToString(),
        string.Create(CultureInfo.InvariantCulture, $"{RuntimeInformation.OSDescription}; .NET {Environment.Version}; {Peer.TorchSharp}; {Peer.OnnxRuntime}; {DateTime.UtcNow:yyyy-MM-dd}"),
        Disturbance.Available
            ? string.Create(CultureInfo.InvariantCulture, $"medians of samples taken by turns; dropped were those whose computing threads waited more than {Disturbance.Limit:0%} of the time for a CPU")
            : "medians of samples taken by turns; how far they were disturbed is not available on this system",
    ];
}
