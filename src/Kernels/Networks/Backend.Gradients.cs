using System.Runtime.InteropServices;

namespace Tessera;

// What is done to all gradients together, between the backward pass and the step.
public abstract partial class Backend
{
    /// <summary>Σ x² over all elements of all tensors (Float32, of this device); 0 where there are none. Waits for the device once. What a norm of gradients is made of.</summary>
    public virtual double SumOfSquares(ReadOnlySpan<View> tensors)
    {
        if (tensors.IsEmpty) return 0;
        using var sums = new Temporary(tensors[0].Storage.Device, Layout.RowMajor([tensors.Length]));
        for (int i = 0; i < tensors.Length; i++)
        {
            int[] one = new int[tensors[i].Shape.Rank];
            Array.Fill(one, 1);
            Reduce(default(Ops.SumSquare), tensors[i], sums.View.Slice(0, i, 1).Reshape(one));
        }
        float[] found = new float[tensors.Length];
        Download(sums.View.Storage, MemoryMarshal.AsBytes(found.AsSpan()));
        return found.Sum(s => (double)s);
    }

    /// <summary>x ← factor · x for all tensors (Float32, of this device).</summary>
    public virtual void Scale(ReadOnlySpan<View> tensors, float factor)
    {
        foreach (var x in tensors) Unary(new Ops.MulScalar(factor), x, x);
    }
}
