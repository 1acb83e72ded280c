namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>Each element is set to 0 with probability p, the others are scaled by 1/(1 - p); which ones, a random stream says.</summary>
    /// <param name="p">Probability of 0, in [0, 1].</param>
    /// <param name="random">The stream: <c>Generator.Default.Next()</c>, or one made from step and layer.</param>
    public Tensor Dropout(float p, Philox random)
    {
        if (p is not (>= 0 and <= 1)) throw new TesseraException($"Dropout: probability: got {p}, expected 0..1.");
        return p == 0 ? this : Dropout(p, Uniform(Shape, random, device: Device).GreaterEqual(p));
    }

    /// <summary>Elements where the mask (Bool) holds, scaled by 1/(1 - p); the others are 0.</summary>
    public Tensor Dropout(float p, Tensor keep) => Where(keep, this * (p == 1 ? 0 : 1 / (1 - p)), Full([], 0, DType, Device));
}
