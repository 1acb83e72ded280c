using System.Runtime.CompilerServices;

namespace Tessera;

/// <summary>What a backend sees of a tensor: a storage, the element type, and where each element lies.</summary>
/// <param name="Storage">The memory.</param>
/// <param name="DType">Element type.</param>
/// <param name="Layout">Shape, strides and offset in elements.</param>
public readonly record struct View(Storage Storage, DType DType, Layout Layout)
{
    /// <summary>The sizes.</summary>
    public Shape Shape => Layout.Shape;

    /// <summary>Number of elements.</summary>
    public long Count => Layout.Count;

    /// <summary>Elements lie densely in the canonical order of their rank.</summary>
    public bool IsDense => Layout.IsDense;

    /// <summary>The same storage seen through another layout.</summary>
    public View As(Layout layout) => this with { Layout = layout };

    /// <summary>Repeated to a larger shape (stride 0).</summary>
    public View BroadcastTo(Shape shape) => As(Layout.BroadcastTo(shape));

    /// <summary>Dimensions in a new order.</summary>
    public View Permute(params ReadOnlySpan<int> dims) => As(Layout.Permute(dims));

    /// <summary>A range of one dimension.</summary>
    public View Slice(int dim, int start, int length, int step = 1) => As(Layout.Slice(dim, start, length, step));

    /// <summary>The same dense elements under another shape of equal count.</summary>
    /// <exception cref="ShapeException">The strides do not allow it without a copy.</exception>
    public View Reshape(Shape shape) => Layout.TryReshape(shape, out var layout)
        ? As(layout)
        : throw new ShapeException($"View.Reshape: needs a copy: got {Layout}, expected strides that allow {shape}.");

    /// <summary>Address of the first element in the device's memory.</summary>
    internal nint Address => Storage.Pointer + (nint)(Layout.Offset * DType.Size());

    /// <summary>Address of the first element in host memory.</summary>
    /// <exception cref="DTypeException">The element type is not <typeparamref name="T"/>.</exception>
    internal unsafe T* Pointer<T>([CallerMemberName] string op = "") where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != DType.Size())
            throw new DTypeException($"{op}: element type: got {DType}, expected {typeof(T).Name}. Hint: cast with To(...).");
        return (T*)Address;
    }

    /// <summary>Address of the first of float32 elements.</summary>
    internal unsafe float* Float([CallerMemberName] string op = "")
        => DType == DType.Float32
            ? (float*)Address
            : throw new DTypeException($"{op}: element type: got {DType}, expected Float32. Hint: cast with To(DType.Float32).");
}
