using System.CommandLine;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;

namespace Tessera.Benchmarks;

/// <summary><c>kernels</c>: Tessera's kernels one by one under BenchmarkDotNet, whose own options follow, such as <c>--filter *Gemm*</c>.</summary>
static class KernelsCommand
{
    public static Command Create()
    {
        var rest = new Argument<string[]>("options") { Description = "Options of BenchmarkDotNet.", Arity = ArgumentArity.ZeroOrMore };
        var command = new Command("kernels", "Tessera's kernels one by one, with rates.") { rest };
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction(parsed =>
        {
            string[] options = [.. parsed.GetValue(rest) ?? [], .. parsed.UnmatchedTokens];
            var summaries = BenchmarkSwitcher.FromTypes([typeof(GemmKernels), typeof(ConvKernels), typeof(PassKernels)]).Run(options, Config());
            return summaries.Any(s => s.HasCriticalValidationErrors) ? 1 : 0;
        });
        return command;
    }

    // In this process: the kernels' threads and the pool are warm, and no project is built for each benchmark.
    static ManualConfig Config() => ManualConfig.CreateEmpty()
        .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance))
        .AddLogger(ConsoleLogger.Default)
        .AddExporter(MarkdownExporter.GitHub)
        .AddColumnProvider(DefaultColumnProviders.Descriptor, DefaultColumnProviders.Params)
        .AddColumn(StatisticColumn.Median, StatisticColumn.StdDev, new RateColumn("GFLOP/s", k => k.Flops), new RateColumn("GB/s", k => k.Bytes))
        .WithOptions(ConfigOptions.DisableLogFile);
}
