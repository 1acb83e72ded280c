namespace Tessera;

/// <summary>
/// What becomes of the result of a convolution or matrix product while it is still in the cache: <c>y ← relu(result + bias + residual)</c>, and the
/// statistics of y that batch norm needs. Channels are dimension 1 of an image batch and the last dimension of a matrix. The default does nothing.
/// </summary>
/// <param name="Bias">One number a channel, or none.</param>
/// <param name="Residual">Added element by element; shape and layout of y, other memory than y.</param>
/// <param name="Relu">Negative results become zero.</param>
/// <param name="Moments"><c>[2, channels]</c>, written: mean and variance <c>Σ (y - mean)² / n</c> of every channel of y.</param>
public readonly record struct Epilogue(View? Bias = null, View? Residual = null, bool Relu = false, View? Moments = null);
