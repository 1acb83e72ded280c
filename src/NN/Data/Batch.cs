namespace Tessera.NN;

/// <summary>Items that are computed together. The loader gives the memory of both tensors back when the next batch is asked for.</summary>
/// <param name="X">The inputs <c>[N, ...]</c>, Float32.</param>
/// <param name="Y">The labels <c>[N]</c>, Int64.</param>
/// <param name="Items">The items' indices in the data set.</param>
public sealed record Batch(Tensor X, Tensor Y, ReadOnlyMemory<int> Items);
