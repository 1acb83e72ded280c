namespace Tessera;

/// <summary>
/// The target q of cross-entropy over logits <c>[N, C, ...]</c>: q_c = (1 - ε)·w·[c = y] + ε/C·v_c for a sample that counts, else 0. All dense.
/// </summary>
/// <param name="Classes">The class y of each sample, Int64 <c>[N, 1, ...]</c>; any class where the sample does not count.</param>
/// <param name="Counts">Which samples count, Bool <c>[N, 1, ...]</c>.</param>
/// <param name="Weights">The weight w of each sample, Float32 <c>[N, 1, ...]</c>; 0 where it does not count.</param>
/// <param name="ClassWeights">The weight v of each class, Float32 <c>[C]</c>; none: 1.</param>
/// <param name="Smoothing">ε.</param>
public readonly record struct ClassTargets(View Classes, View Counts, View Weights, View? ClassWeights = null, float Smoothing = 0);
