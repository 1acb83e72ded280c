namespace Tessera;

/// <summary>How an optimizer's fused step treats one parameter; see the optimizers of the NN library for the formulas.</summary>
/// <param name="Lr">Learning rate.</param>
/// <param name="Momentum">Momentum, or Adam's β₁; 1 - β₁ is rounded to float32 only after the subtraction.</param>
/// <param name="Beta2">Adam's β₂, or RMSprop's α; in double for the same reason: 1 - 0.999f is off by 5·10⁻⁵ of itself.</param>
/// <param name="Eps">Added to the denominator.</param>
/// <param name="Decay">Decoupled weight decay: w ← w·(1 - Lr·Decay) before the step.</param>
/// <param name="L2">Coupled weight decay: g ← g + L2·w.</param>
/// <param name="Correction1">Adam's 1 - β₁ᵗ.</param>
/// <param name="Correction2">Adam's 1 - β₂ᵗ.</param>
/// <param name="Nesterov">Nesterov momentum (SGD).</param>
/// <param name="First">First step of this parameter: momentum buffers start as the gradient (SGD).</param>
public readonly record struct StepOptions(
    float Lr, double Momentum = 0, double Beta2 = 0, float Eps = 0, float Decay = 0, float L2 = 0, double Correction1 = 1, double Correction2 = 1,
    bool Nesterov = false, bool First = false);

/// <summary>What one step of an optimizer works on: tensors of one shape.</summary>
/// <param name="W">The parameter, changed.</param>
/// <param name="G">Its gradient.</param>
/// <param name="M">Momentum, or Adam's first moment; changed.</param>
/// <param name="V">Running mean of the squares: Adam's second moment, RMSprop's; changed.</param>
/// <param name="A">Running mean of the gradients of centered RMSprop; changed.</param>
public readonly record struct StepTensors(View W, View G, View? M = null, View? V = null, View? A = null);
