namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>Sorted along a dimension, with the position each element came from (Int64). Stable: equals keep their order; NaN counts as largest.</summary>
    public (Tensor Values, Tensor Indices) Sort(int dim = -1, bool descending = false)
    {
        int axis = Shape.Axis(dim);
        var indices = Empty(Shape, DType.Int64, Device);
        using var values = Empty(Shape, DType, Device);
        Backend.Sort(View, values.View, indices.View, axis, descending);
        GC.KeepAlive(this);
        return (Gather(axis, indices), indices); // gathered again for the gradient's sake
    }

    /// <summary>The k largest (or smallest) along a dimension, best first, and their positions (Int64).</summary>
    /// <exception cref="ShapeException">k exceeds the size.</exception>
    public (Tensor Values, Tensor Indices) TopK(int k, int dim = -1, bool largest = true)
    {
        int axis = Shape.Axis(dim);
        if (k < 0 || k > Shape[axis])
            throw new ShapeException($"TopK: got k = {k}, expected 0..{Shape[axis]} for dimension {dim} of shape {Shape}.");
        var indices = Autograd.NoGrad(() => Sort(axis, largest).Indices.Narrow(axis, 0, k).Contiguous());
        return (Gather(axis, indices), indices);
    }
}
