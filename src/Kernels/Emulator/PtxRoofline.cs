using System.Globalization;

namespace Tessera;

/// <summary>A GPU by its data sheet, without structured sparsity.</summary>
/// <param name="Name">The name to ask for.</param>
/// <param name="Single">f32 outside of the matrix units, in TFLOP/s.</param>
/// <param name="Double">f64 outside of the matrix units, in TFLOP/s.</param>
/// <param name="Half">Pairs of f16 outside of the matrix units, in TFLOP/s.</param>
/// <param name="Matrix">f16 products with sums in f32 on the matrix units, in TFLOP/s; tf32 runs at half of it.</param>
/// <param name="IntegerMatrix">8-bit products on the matrix units, in TOP/s.</param>
/// <param name="Bandwidth">Memory, in GB/s.</param>
public sealed record PtxGpu(string Name, double Single, double Double, double Half, double Matrix, double IntegerMatrix, double Bandwidth)
{
    /// <summary>The GPUs with an entry.</summary>
    // NVIDIA's data sheets of T4, A100 and H100 and the whitepapers of Turing, GA100, GA102, AD102 and GH100 (peak rates at boost clock).
    public static IReadOnlyList<PtxGpu> All { get; } =
    [
        new("T4", 8.1, 0.25, 16.2, 65, 130, 320),
        new("RTX 3090", 35.6, 0.56, 35.6, 71, 285, 936),
        new("A100", 19.5, 9.7, 78, 312, 624, 2039),
        new("RTX 4090", 82.6, 1.29, 82.6, 165.2, 660.6, 1008),
        new("H100", 67, 34, 133.8, 989.4, 1978.9, 3350),
    ];

    /// <summary>The entry of that name, in either case and with or without the space.</summary>
    /// <exception cref="DeviceException">There is none.</exception>
    public static PtxGpu Find(string name) =>
        All.FirstOrDefault(g => string.Equals(g.Name.Replace(" ", ""), name.Replace(" ", ""), StringComparison.OrdinalIgnoreCase))
        ?? throw new DeviceException($"Roofline: unknown GPU: got '{name}', expected {string.Join(", ", All.Select(g => g.Name))}. Hint: take the nearest of these.");
}

/// <summary>
/// An estimate, not a measurement: the least time for a launch on a GPU, when every sector is moved once between memory and chip, no
/// instruction waits, and all units run at their peak side by side. Integer and control instructions and launch overhead are left out.
/// </summary>
public sealed class PtxRoofline
{
    internal PtxRoofline(PtxGpu gpu, PtxCounters counters)
    {
        Gpu = gpu;
        long bytes = counters.FootprintRead + counters.FootprintWritten;
        Intensity = bytes == 0 ? double.PositiveInfinity : (double)(counters.Flops + counters.IntegerMatrixOps) / bytes;
        Memory = bytes / (gpu.Bandwidth * 1e9);
        double matrix = (counters.MatrixFlops + (2 * counters.Tf32MatrixFlops)) / gpu.Matrix + (counters.IntegerMatrixOps / gpu.IntegerMatrix);
        Compute = new[] { counters.SingleFlops / gpu.Single, counters.DoubleFlops / gpu.Double, counters.HalfFlops / gpu.Half, matrix }.Max() / 1e12;
    }

    /// <summary>The GPU.</summary>
    public PtxGpu Gpu { get; }

    /// <summary>Operations for each byte that is moved between memory and chip.</summary>
    public double Intensity { get; }

    /// <summary>Seconds that moving the bytes takes.</summary>
    public double Memory { get; }

    /// <summary>Seconds that the busiest kind of unit needs for its operations.</summary>
    public double Compute { get; }

    /// <summary>The least possible time in seconds.</summary>
    public double Least => Math.Max(Memory, Compute);

    /// <summary>Whether moving the bytes takes longer than computing.</summary>
    public bool IsMemoryBound => Memory >= Compute;

    /// <summary>One line for people.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Gpu.Name}: {Intensity:0.##} operations a byte, bound by {(IsMemoryBound ? "memory" : "computing")}, at least {Least * 1e6:0.###} us (memory {Memory * 1e6:0.###}, computing {Compute * 1e6:0.###}; an estimate from the data sheet)");
}
