using System.Text;

namespace Tessera.Tests;

/// <summary>One row of the op table.</summary>
/// <param name="Name">Name in the runner; it also seeds the inputs.</param>
/// <param name="Shapes">Shape of each input.</param>
/// <param name="Ours">The op.</param>
/// <param name="Reference">The same in plain double precision.</param>
sealed record OpCase(string Name, int[][] Shapes, Func<Tensor[], Tensor> Ours, Func<Plain[], Plain> Reference)
{
    /// <summary>Inputs are drawn from Low..High.</summary>
    public double Low { get; init; } = -2;

    public double High { get; init; } = 2;

    /// <summary>Greatest allowed difference, relative to the largest element.</summary>
    public double Tolerance { get; init; } = 1e-5;

    public double GradientTolerance { get; init; } = 5e-5;

    /// <summary>False for results without a gradient.</summary>
    public bool HasGradient { get; init; } = true;

    /// <summary>Element types the op takes beside Float32.</summary>
    public DType[] Types { get; init; } = [];

    /// <summary>Shapes with nothing inside; by default dimension 0 of every input at 0; none where the op needs something.</summary>
    public int[][]? Zero { get; init; }

    public bool TakesNothing { get; init; } = true;

    /// <summary>False where the reference has no say about NaN.</summary>
    public bool TakesNaN { get; init; } = true;

    public int[][] ZeroShapes => Zero ?? [.. Shapes.Select(s => s.Length == 0 ? s : (int[])[0, .. s[1..]])];

    /// <summary>The inputs of given shapes, rounded to float32.</summary>
    public Plain[] Draw(int[][] shapes)
    {
        ulong seed = 14695981039346656037;
        foreach (byte b in Encoding.UTF8.GetBytes(Name)) seed = (seed ^ b) * 1099511628211; // FNV-1a
        return [.. shapes.Select((shape, input) =>
        {
            var random = new Philox(seed, (ulong)input);
            ulong k = 0;
            return Plain.Of(shape, _ => (float)(Low + ((High - Low) * random.Uniform(k++))));
        })];
    }

    public override string ToString() => Name;
}
