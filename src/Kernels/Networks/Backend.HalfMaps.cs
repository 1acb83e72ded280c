namespace Tessera;

// Maps and pools whose operands are of 16 bits, or some of them: what is read is widened, which loses nothing, the arithmetic is float32, the result is rounded once.
// Composed: the operands are copied. A device whose kernels load and store halves themselves gives the same bits.
public abstract partial class Backend
{
    /// <summary>y ← f(x), x and y each Float32, Float16 or BFloat16; see <see cref="Unary{TOp}"/>.</summary>
    public virtual void Unary16<TOp>(TOp op, View x, View y) where TOp : struct, IUnary
    {
        using var wide = WidenedOrSame(x, out var a);
        using var rounded = ToRound(y, out var result);
        Unary(op, a, result);
        Round(result, y);
    }

    /// <summary>y ← f(a, b), each Float32, Float16 or BFloat16; see <see cref="Binary{TOp}"/>.</summary>
    public virtual void Binary16<TOp>(TOp op, View a, View b, View y) where TOp : struct, IBinary
    {
        using var wideA = WidenedOrSame(a, out var left);
        using var wideB = WidenedOrSame(b, out var right);
        using var rounded = ToRound(y, out var result);
        Binary(op, left, right, result);
        Round(result, y);
    }

    /// <summary><see cref="MaxPool2d"/> with x and y each Float32, Float16 or BFloat16.</summary>
    public virtual void MaxPool2d16(View x, View y, View? indices, Window2d window)
    {
        using var wide = WidenedOrSame(x, out var a);
        using var rounded = ToRound(y, out var result);
        MaxPool2d(a, result, indices, window);
        Round(result, y);
    }

    /// <summary><see cref="MaxPool2dBackward"/> with gy and gx each Float32, Float16 or BFloat16.</summary>
    public virtual void MaxPool2d16Backward(View gy, View indices, View gx, Window2d window)
    {
        using var wide = WidenedOrSame(gy, out var g);
        using var rounded = ToRound(gx, out var result);
        MaxPool2dBackward(g, indices, result, window);
        Round(result, gx);
    }

    /// <summary><see cref="AvgPool2d"/> with x and y each Float32, Float16 or BFloat16.</summary>
    public virtual void AvgPool2d16(View x, View y, Window2d window, bool countPadding)
    {
        using var wide = WidenedOrSame(x, out var a);
        using var rounded = ToRound(y, out var result);
        AvgPool2d(a, result, window, countPadding);
        Round(result, y);
    }

    /// <summary><see cref="AvgPool2dBackward"/> with gy and gx each Float32, Float16 or BFloat16.</summary>
    public virtual void AvgPool2d16Backward(View gy, View gx, Window2d window, bool countPadding)
    {
        using var wide = WidenedOrSame(gy, out var g);
        using var rounded = ToRound(gx, out var result);
        AvgPool2dBackward(g, result, window, countPadding);
        Round(result, gx);
    }

    Temporary? WidenedOrSame(View x, out View wide)
    {
        wide = x;
        return x.DType == DType.Float32 ? null : Widened(x, out wide);
    }
}
