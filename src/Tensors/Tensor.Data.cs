using System.Runtime.InteropServices;

namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>The elements in logical row-major order, copied to the host.</summary>
    /// <exception cref="DTypeException"><typeparamref name="T"/> does not store this element type.</exception>
    public T[] ToArray<T>() where T : unmanaged
    {
        T[] result = new T[Count];
        CopyTo(result.AsSpan());
        return result;
    }

    /// <summary>Copies the elements in logical row-major order into host memory.</summary>
    /// <exception cref="ShapeException">The span has another length.</exception>
    public void CopyTo<T>(Span<T> target) where T : unmanaged
    {
        if (DTypes.Of<T>() != DType)
            throw new DTypeException($"CopyTo: element type: got {typeof(T).Name}, expected the type of {DType}. Hint: cast with To(...) first.");
        if (target.Length != Count)
            throw new ShapeException($"CopyTo: length: got {target.Length}, expected {Count} for shape {Shape}.");
        CopyBytesTo(MemoryMarshal.AsBytes(target));
    }

    /// <summary>The bytes of the elements in logical row-major order.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Count * DType.Size()];
        CopyBytesTo(bytes);
        return bytes;
    }

    void CopyBytesTo(Span<byte> target)
    {
        if (Count == 0) return;
        if (Layout.IsRowMajor)
        {
            Backend.Download(View.Storage, target, Layout.Offset * DType.Size());
        }
        else
        {
            using var rowMajor = EmptyRowMajor(Shape, DType, Device);
            Backend.Copy(View, rowMajor.View);
            Backend.Download(rowMajor.View.Storage, target);
        }
        GC.KeepAlive(this);
    }

    /// <summary>The only element, as a float.</summary>
    /// <exception cref="ShapeException">There is not exactly one element.</exception>
    public float Item()
    {
        if (Count != 1) throw new ShapeException($"Item: got shape {Shape}, expected exactly one element.");
        if (DType == DType.Float32) return ToArray<float>()[0];
        using var x = To(DType.Float32);
        return x.ToArray<float>()[0];
    }

    /// <summary>A dense copy with its own memory.</summary>
    public Tensor Clone() => new CloneOp().Apply(this);

    /// <summary>This tensor where it is dense already, else a dense copy.</summary>
    public Tensor Contiguous() => IsDense ? this : Clone();

    /// <summary>The elements cast to another type; floats to integers are truncated towards zero. This tensor where the type is the same.</summary>
    public Tensor To(DType dtype) => dtype == DType ? this : new CastOp(dtype).Apply(this);

    /// <summary>The elements on another device; this tensor where it is there already. The gradient goes the way back.</summary>
    public Tensor To(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device == Device ? this : new MoveOp(device).Apply(this);
    }

    /// <summary>Overwrites the elements with those of another tensor, which is broadcast and cast as needed. Not recorded.</summary>
    public void CopyFrom(Tensor source)
    {
        ArgumentNullException.ThrowIfNull(source);
        using var moved = source.Device == Device ? null : source.To(Device);
        Backend.Copy((moved ?? source).View.BroadcastTo(Shape), View);
        View.Storage.Touch();
        GC.KeepAlive(source);
    }

    sealed class CloneOp : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var y = Empty(x[0].Shape, x[0].DType, x[0].Device);
            x[0].Backend.Copy(x[0].View, y.View);
            return y;
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g;
    }

    sealed class MoveOp(Device device) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        Device? from;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            var source = x[0].Contiguous();
            byte[] bytes = new byte[source.Count * source.DType.Size()];
            from = source.Device;
            from.Backend.Download(source.View.Storage, bytes, source.Layout.Offset * source.DType.Size());
            var y = Empty(source.Shape, source.DType, device);
            y.Backend.Upload(bytes, y.View.Storage);
            return y;
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g.To(from!);
    }

    sealed class CastOp(DType dtype) : Op
    {
        private protected override Mixing Mixing => Mixing.Moved;

        DType from;

        protected override Tensor Forward(ReadOnlySpan<Tensor> x)
        {
            from = x[0].DType;
            var y = Empty(x[0].Shape, dtype, x[0].Device);
            x[0].Backend.Copy(x[0].View, y.View);
            return y;
        }

        protected override bool Saves(int i) => false;

        protected override Tensor? Gradient(int i, Tensor g) => g.To(from);
    }
}
