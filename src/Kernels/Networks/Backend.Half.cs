using System.Runtime.InteropServices;

namespace Tessera;

// Mixed precision: products whose factors are Float16 or BFloat16. The factors count exactly as they are, the sums are float32. Composed: the factors
// are widened, which loses nothing, and the float32 verbs do the rest. Maps and pools of halves: Backend.HalfMaps.cs.
public abstract partial class Backend
{
    /// <summary>y ← alpha · a · b + beta · y for factors of one 16-bit type; sums and y are Float32. Shapes as of <see cref="Gemm(View, View, View, float, float)"/>.</summary>
    public virtual void Gemm16(View a, View b, View y, float alpha = 1, float beta = 0)
    {
        Expect16("Gemm16", a, b);
        using var left = Widened(a, out var wideA);
        using var right = Widened(b, out var wideB);
        Gemm(wideA, wideB, y, alpha, beta);
    }

    /// <summary>y ← epilogue(a · b) for factors of one 16-bit type; sums are Float32, y and the residual Float32 or of 16 bits, bias and moments Float32.</summary>
    public virtual void Gemm16(View a, View b, View y, in Epilogue epilogue)
    {
        Expect16("Gemm16", a, b);
        using var left = Widened(a, out var wideA);
        using var right = Widened(b, out var wideB);
        using var added = WidenedOrNone(epilogue.Residual, out var residual);
        using var rounded = ToRound(y, out var result);
        if (epilogue is { Bias: { } bias, Residual: null, Relu: false, Moments: null }) Linear(wideA, wideB, bias, result);
        else Gemm(wideA, wideB, result, epilogue with { Residual = residual });
        Round(result, y);
    }

    /// <summary>y ← epilogue(Σ x · w) for x and w of one 16-bit type; y, and the residual, may be of 16 bits too. All dense; see <see cref="Conv2d"/>.</summary>
    public virtual void Conv2d16(View x, View w, View y, Window2d window, in Epilogue epilogue = default)
    {
        Expect16("Conv2d16", x, w);
        using var pixels = Widened(x, out var wideX);
        using var filters = Widened(w, out var wideW);
        using var added = WidenedOrNone(epilogue.Residual, out var residual);
        using var rounded = ToRound(y, out var result);
        Conv2d(wideX, wideW, result, window, epilogue with { Residual = residual });
        Round(result, y);
    }

    /// <summary>gx ← gradient of the convolution's input for gy and w of one 16-bit type; gx is Float32 or of 16 bits. All dense.</summary>
    public virtual void Conv2d16BackwardData(View gy, View w, View gx, Window2d window)
    {
        Expect16("Conv2d16BackwardData", gy, w);
        using var gradient = Widened(gy, out var wideG);
        using var filters = Widened(w, out var wideW);
        using var rounded = ToRound(gx, out var result);
        Conv2dBackwardData(wideG, wideW, result, window);
        Round(result, gx);
    }

    /// <summary>gw ← gradient of the convolution's weight for gy and x of one 16-bit type; gw is Float32 or of 16 bits. All dense.</summary>
    public virtual void Conv2d16BackwardWeight(View gy, View x, View gw, Window2d window)
    {
        Expect16("Conv2d16BackwardWeight", gy, x);
        using var gradient = Widened(gy, out var wideG);
        using var pixels = Widened(x, out var wideX);
        using var rounded = ToRound(gw, out var result);
        Conv2dBackwardWeight(wideG, wideX, result, window);
        Round(result, gw);
    }

    /// <summary><see cref="BatchNorm"/> with x, residual and y of one 16-bit type; what is computed, and the norm's numbers, are Float32.</summary>
    public virtual void BatchNorm16(View x, ChannelNorm norm, View? residual, bool relu, View y)
    {
        Expect16("BatchNorm16", x, residual ?? y);
        using var wide = Widened(x, out var normalized);
        using var added = WidenedOrNone(residual, out var r);
        BatchNorm(normalized, norm, r, relu, normalized);
        Copy(normalized, y);
    }

    /// <summary><see cref="BatchNormBackward"/> with gy, x, y, gx and gresidual of one 16-bit type; gw and gb are Float32.</summary>
    public virtual void BatchNorm16Backward(View gy, View x, View? y, ChannelNorm norm, bool relu, bool given, View? gx, View? gresidual, View? gw, View? gb)
    {
        Expect16("BatchNorm16Backward", gy, x);
        using var gradient = Widened(gy, out var g);
        using var pixels = Widened(x, out var wide);
        using var output = WidenedOrNone(y, out var o);
        using var data = new Temporary(x.Storage.Device, Layout.Dense(gx is null || gresidual is null ? [0] : x.Shape));
        View? dx = gx is null ? null : gresidual is null ? g : data.View, dr = gresidual is null ? null : g;
        BatchNormBackward(g, wide, o, norm, relu, given, dx, dr, gw, gb);
        if (gresidual is { } residual) Copy(g, residual);
        if (gx is { } result) Copy(dx!.Value, result);
    }

    /// <summary>
    /// g ← factor · g for all gradients (Float32, of this device); true where all of them are finite then. Waits for the device once. What a scaled loss
    /// needs before the step.
    /// </summary>
    public virtual bool Unscale(ReadOnlySpan<View> gradients, float factor)
    {
        if (gradients.IsEmpty) return true;
        using var sums = new Temporary(gradients[0].Storage.Device, Layout.RowMajor([gradients.Length]));
        for (int i = 0; i < gradients.Length; i++)
        {
            View g = gradients[i];
            int[] one = new int[g.Shape.Rank];
            Array.Fill(one, 1);
            using var zeros = new Temporary(g);
            Unary(new Ops.MulScalar(factor), g, g);
            Unary(new Ops.MulScalar(0), g, zeros.View); // infinity and NaN times 0 are NaN, and so is their sum
            Reduce(default(Ops.Sum), zeros.View, sums.View.Slice(0, i, 1).Reshape(one));
        }
        float[] found = new float[gradients.Length];
        Download(sums.View.Storage, MemoryMarshal.AsBytes(found.AsSpan()));
        return Array.TrueForAll(found, f => f == 0);
    }

    private protected static void Expect16(string op, View a, View b)
    {
        if (a.DType != b.DType || a.DType is not (DType.Float16 or DType.BFloat16))
            throw new DTypeException($"{op}: element types: got {a.DType} and {b.DType}, expected Float16 twice or BFloat16 twice. Hint: cast with To(DType.BFloat16).");
    }

    /// <summary>x as Float32, in the order in which it lies; what is repeated (stride 0) once.</summary>
    private protected Temporary Widened(View x, out View wide)
    {
        View once = x;
        int rank = x.Shape.Rank;
        for (int d = 0; d < rank; d++)
            if (x.Layout.Strides[d] == 0 && x.Shape[d] > 1) once = once.Slice(d, 0, 1);
        long[] strides = new long[rank];
        int[] outermost = [.. Enumerable.Range(0, rank).OrderByDescending(d => once.Shape[d] == 1 ? 0 : Math.Abs(once.Layout.Strides[d]))];
        long step = 1;
        for (int i = rank - 1; i >= 0; step *= once.Shape[outermost[i--]]) strides[outermost[i]] = step;
        var memory = new Temporary(x.Storage.Device, Layout.RowMajor([checked((int)once.Count)]));
        View dense = memory.View.As(new Layout(once.Shape, strides, 0));
        Copy(once, dense);
        wide = dense.BroadcastTo(x.Shape);
        return memory;
    }

    private protected Temporary? WidenedOrNone(View? x, out View? wide)
    {
        wide = x;
        if (x is not { DType: DType.Float16 or DType.BFloat16 } halves) return null;
        var memory = new Temporary(halves);
        Copy(halves, memory.View);
        wide = memory.View;
        return memory;
    }

    /// <summary>Where a result is computed in Float32: in place, or in memory of its own that <see cref="Round"/> takes it from.</summary>
    private protected static Temporary? ToRound(View y, out View result)
    {
        Temporary? memory = y.DType == DType.Float32 ? null : new Temporary(y);
        result = memory?.View ?? y;
        return memory;
    }

    private protected void Round(View result, View y)
    {
        if (result.DType != y.DType) Copy(result, y);
    }
}
