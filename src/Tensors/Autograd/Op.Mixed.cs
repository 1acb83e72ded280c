namespace Tessera;

// Mixed precision: see Autocast.
public abstract partial class Op
{
    bool widened; // Forward was given halves as float32: so are the gradients

    /// <summary>What becomes of halves.</summary>
    private protected virtual Mixing Mixing => Mixing.Stored;

    /// <summary>Element type of input <paramref name="i"/>, which its gradient has.</summary>
    private protected DType InputType(int i) => inputs[i].DType;

    /// <summary>Element type in which the gradient of input <paramref name="i"/> is computed from the output's, <paramref name="g"/>: its own where no sum over a broadcast follows.</summary>
    private protected DType GradientType(int i, Tensor g) => g.Shape == InputShape(i) ? InputType(i) : DType.Float32;

    /// <summary>The forward computation within a region of <see cref="Autocast"/>.</summary>
    Tensor ForwardMixed(ReadOnlySpan<Tensor> x)
    {
        widened = false;
        if (Autocast.Type == DType.Float32 || Mixing == Mixing.Own || !Widens(x)) return watcher is null ? Forward(x) : ForwardUnseen(x);
        widened = true;
        var wide = new Tensor[x.Length];
        for (int i = 0; i < x.Length; i++) wide[i] = x[i].Widened();
        var y = watcher is null ? Forward(wide) : ForwardUnseen(wide);
        for (int i = 0; i < x.Length; i++)
            if (wide[i] != x[i]) wide[i].Dispose();
        return Mixing == Mixing.Float32 || y.DType != DType.Float32 ? y : y.TakeRounded(Autocast.Type);
    }

    /// <summary>True where there are halves, and the operation cannot move them as they are.</summary>
    bool Widens(ReadOnlySpan<Tensor> x)
    {
        bool halves = false, mixed = false;
        DType first = x[0].DType;
        bool known = first.IsFloat();
        foreach (var t in x)
        {
            if (!t.DType.IsFloat()) continue;
            if (!known) (first, known) = (t.DType, true);
            halves |= t.Is16Bit;
            mixed |= t.DType != first;
        }
        return halves && (mixed || Mixing != Mixing.Moved);
    }

    /// <summary>A saved tensor as the gradients read it.</summary>
    Tensor Read(Tensor saved) => widened ? saved.Widened() : saved;
}

public sealed partial class Tensor
{
    /// <summary>Float16 or BFloat16.</summary>
    internal bool Is16Bit => DType is DType.Float16 or DType.BFloat16;

    /// <summary>The elements in another type, dense and without history; this tensor where the type is the same.</summary>
    internal Tensor As(DType type)
    {
        if (DType == type) return this;
        var y = Empty(Shape, type, Device);
        Backend.Copy(View, y.View);
        return y;
    }

    /// <summary>Halves as float32, without history; this tensor where it has none.</summary>
    internal Tensor Widened() => Is16Bit ? As(DType.Float32) : this;

    /// <summary>The elements in another type; this tensor is given back where that is not its own.</summary>
    internal Tensor TakeRounded(DType type)
    {
        if (DType == type) return this;
        var y = As(type);
        Dispose();
        return y;
    }
}
