namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>a · b for matrices and batches of them, which broadcast; of one type, the result Float32, or of 16 bits where they are. Without history.</summary>
    static Tensor Product(Tensor a, Tensor b, string op, DType type)
    {
        var batch = Shape.Broadcast(new Shape(a.Shape.Dims[..^2]), new Shape(b.Shape.Dims[..^2]), op);
        var y = Empty([.. batch.Dims, a.Shape[-2], b.Shape[-1]], type, a.Device);
        View left = a.View.BroadcastTo([.. batch.Dims, a.Shape[-2], a.Shape[-1]]), right = b.View.BroadcastTo([.. batch.Dims, b.Shape[-2], b.Shape[-1]]);
        if (a.Is16Bit) y.Backend.Gemm16(left, right, y.View, default(Epilogue));
        else y.Backend.Gemm(left, right, y.View);
        return y;
    }

    /// <summary>
    /// An operation whose inputs 0 and 1 are the factors of products, the second one weights as a rule. Under <see cref="Autocast"/> they are rounded to 16 bits,
    /// and so is the result. Gradients read the rounded first factor, which takes half the memory; weights are there anyway, and rounded again.
    /// </summary>
    abstract class ProductOp : Op
    {
        Tensor? a; // the first factor, rounded, where gradients read it

        private protected sealed override Mixing Mixing => Mixing.Own;

        /// <summary>Float16 or BFloat16 where the factors were rounded, else Float32.</summary>
        protected DType Rounding { get; private set; }

        protected override bool Saves(int i) => i < 2 && Needs(1 - i) && (i == 1 || a is null);

        /// <summary>Within Forward: the factors as they are multiplied.</summary>
        protected (Tensor A, Tensor B) Factors(Tensor x, Tensor w, bool isWeight = true)
        {
            x.RequireFloat(Name);
            w.RequireFloat(Name);
            (Rounding, a) = (Autocast.Type, null);
            if (Rounding == DType.Float32) return (x, w);
            var (left, right) = (x.As(Rounding), isWeight && !IsRecording ? RoundedWeights.Of(w, Rounding) : w.As(Rounding));
            if (IsRecording && w.RequiresGrad) a = Save(left);
            return (left, right);
        }

        /// <summary>A factor as it was multiplied, for the gradients.</summary>
        protected Tensor Factor(int i) => i == 0 && a is not null ? a : Input(i).As(Rounding);

        /// <summary>A result or an output gradient in the type of the factors.</summary>
        protected Tensor Rounded(Tensor t) => t.As(Rounding);
    }
}
