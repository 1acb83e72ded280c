using System.Globalization;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace Tessera.Benchmarks;

/// <summary>How much a benchmarked call does.</summary>
interface IKernel
{
    /// <summary>Floating-point operations of a call; 0 where they do not matter.</summary>
    double Flops { get; }

    /// <summary>Bytes a call must move at least; 0 where they do not matter.</summary>
    double Bytes { get; }
}

/// <summary>The amount of a call over its median time, in billions a second.</summary>
sealed class RateColumn(string unit, Func<IKernel, double> amount) : IColumn
{
    public string Id => "Rate " + unit;

    public string ColumnName => unit;

    public string Legend => $"{unit} at the median time";

    public bool AlwaysShow => true;

    public ColumnCategory Category => ColumnCategory.Custom;

    public int PriorityInCategory => 0;

    public bool IsNumeric => true;

    public UnitType UnitType => UnitType.Dimensionless;

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        double all = amount(Kernel(benchmarkCase));
        if (all == 0 || summary[benchmarkCase]?.ResultStatistics is not { } statistics) return "";
        return (all / statistics.Median).ToString("0.0", CultureInfo.InvariantCulture);
    }

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) => GetValue(summary, benchmarkCase);

    // The benchmark's own object with the case's parameters.
    static IKernel Kernel(BenchmarkCase c)
    {
        var kernel = (IKernel)Activator.CreateInstance(c.Descriptor.Type)!;
        foreach (var p in c.Parameters.Items) c.Descriptor.Type.GetProperty(p.Name)!.SetValue(kernel, p.Value);
        return kernel;
    }
}
