using BenchmarkDotNet.Attributes;

namespace Tessera.Benchmarks;

/// <summary>Operations bound by memory: pools, batch norm, elementwise, loss, optimizer.</summary>
public class PassKernels : IKernel
{
    RunningPass pass = null!;

    /// <summary>Which.</summary>
    [ParamsSource(nameof(Passes))]
    public string Pass { get; set; } = "";

    /// <summary>All of them.</summary>
    public static IEnumerable<string> Passes => MemoryPass.All.Select(p => p.Name);

    double IKernel.Flops => 0;

    double IKernel.Bytes
    {
        get
        {
            using var scope = Scope.Begin();
            return Chosen.Create(false).Bytes;
        }
    }

    MemoryPass Chosen => MemoryPass.All.First(p => p.Name == Pass);

    /// <summary>Makes the operands.</summary>
    [GlobalSetup]
    public void Setup() => pass = Chosen.Create(false);

    /// <summary>Does it once.</summary>
    [Benchmark]
    public void Run() => pass.Run();
}
