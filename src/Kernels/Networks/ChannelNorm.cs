namespace Tessera;

/// <summary>What a batch norm is applied with: y = (x - mean) / √(var + eps) · w + b for each channel.</summary>
/// <param name="Mean">Mean <c>[C]</c>.</param>
/// <param name="Var">Biased variance <c>[C]</c>.</param>
/// <param name="Eps">Added to the variance.</param>
/// <param name="W">Scale <c>[C]</c>, or 1.</param>
/// <param name="B">Shift <c>[C]</c>, or 0.</param>
public readonly record struct ChannelNorm(View Mean, View Var, float Eps, View? W = null, View? B = null);
