using System.Runtime.InteropServices;

namespace Tessera;

public sealed partial class Tensor
{
    /// <summary>A dense tensor whose content is undefined.</summary>
    public static Tensor Empty(Shape shape, DType dtype = DType.Float32, Device? device = null) => Empty(Layout.Dense(shape), dtype, device);

    /// <summary>Undefined content in row-major order at every rank, as host memory has it.</summary>
    static Tensor EmptyRowMajor(Shape shape, DType dtype, Device? device) => Empty(Layout.RowMajor(shape), dtype, device);

    static Tensor Empty(Layout layout, DType dtype, Device? device)
    {
        var (storage, lease) = (device ?? Device.Default).Memory.Rent(layout.Count * dtype.Size());
        return new Tensor(new View(storage, dtype, layout), lease);
    }

    /// <summary>A dense tensor filled with one value.</summary>
    public static Tensor Full(Shape shape, double value, DType dtype = DType.Float32, Device? device = null)
    {
        var y = Empty(shape, dtype, device);
        y.Backend.Fill(y.View, value);
        return y;
    }

    /// <summary>A tensor of zeros.</summary>
    public static Tensor Zeros(Shape shape, DType dtype = DType.Float32, Device? device = null) => Full(shape, 0, dtype, device);

    /// <summary>A float32 tensor of zeros on a device.</summary>
    public static Tensor Zeros(Shape shape, Device device) => Full(shape, 0, DType.Float32, device);

    /// <summary>A tensor of ones.</summary>
    public static Tensor Ones(Shape shape, Device? device = null) => Full(shape, 1, DType.Float32, device);

    /// <summary>A float32 tensor of rank 0.</summary>
    public static Tensor Scalar(double value, Device? device = null) => Full([], value, DType.Float32, device);

    /// <summary>A tensor from elements in logical row-major order (for <c>[N, C, H, W]</c>: W fastest), copied.</summary>
    /// <typeparam name="T">float, Half, BFloat16, byte, int, long or bool.</typeparam>
    /// <exception cref="ShapeException">The number of elements is not that of the shape.</exception>
    public static Tensor From<T>(ReadOnlySpan<T> elements, Shape shape, Device? device = null) where T : unmanaged
    {
        if (elements.Length != shape.Count)
            throw new ShapeException($"Tensor.From: element count: got {elements.Length}, expected {shape.Count} for shape {shape}.");
        return FromBytes(MemoryMarshal.AsBytes(elements), DTypes.Of<T>(), shape, device);
    }

    /// <summary>A tensor from the bytes of its elements in logical row-major order.</summary>
    internal static Tensor FromBytes(ReadOnlySpan<byte> bytes, DType dtype, Shape shape, Device? device)
    {
        var x = Empty(shape, dtype, device);
        if (x.Layout.IsRowMajor)
        {
            x.Backend.Upload(bytes, x.View.Storage);
            return x;
        }
        using var rowMajor = EmptyRowMajor(shape, dtype, device);
        x.Backend.Upload(bytes, rowMajor.View.Storage);
        x.Backend.Copy(rowMajor.View, x.View);
        return x;
    }

    /// <summary>A tensor from an array in logical row-major order.</summary>
    public static Tensor From<T>(T[] elements, Shape shape, Device? device = null) where T : unmanaged => From((ReadOnlySpan<T>)elements, shape, device);

    /// <summary>A tensor of rank 1 from an array.</summary>
    public static Tensor From<T>(params T[] elements) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(elements);
        return From((ReadOnlySpan<T>)elements, [elements.Length]);
    }

    /// <summary>A 4-d tensor <c>[N, C, H, W]</c> from elements in memory order N, H, W, C, copied without reordering.</summary>
    public static Tensor FromChannelsLast<T>(ReadOnlySpan<T> elements, Shape shape, Device? device = null) where T : unmanaged
    {
        if (shape.Rank != 4 || elements.Length != shape.Count)
            throw new ShapeException($"Tensor.FromChannelsLast: got {elements.Length} elements for shape {shape}, expected rank 4 and as many elements as the shape has.");
        var x = Empty(shape, DTypes.Of<T>(), device);
        x.Backend.Upload(MemoryMarshal.AsBytes(elements), x.View.Storage);
        return x;
    }

    /// <summary>0, 1, ..., n-1 as Int64.</summary>
    public static Tensor Arange(int n, Device? device = null)
    {
        long[] values = new long[n];
        for (int i = 0; i < n; i++) values[i] = i;
        return From(values, [n], device);
    }

    /// <summary>Uniform numbers in [low, high) from a random stream.</summary>
    public static Tensor Uniform(Shape shape, Philox random, float low = 0, float high = 1, Device? device = null)
    {
        var y = Empty(shape, DType.Float32, device);
        y.Backend.Uniform(y.View, random);
        if (low != 0 || high != 1) y.Backend.Unary(new Ops.Affine(high - low, low), y.View, y.View);
        return y;
    }

    /// <summary>Normal numbers with the given mean and standard deviation from a random stream.</summary>
    public static Tensor Normal(Shape shape, Philox random, float mean = 0, float std = 1, Device? device = null)
    {
        var y = Empty(shape, DType.Float32, device);
        y.Backend.Normal(y.View, random);
        if (mean != 0 || std != 1) y.Backend.Unary(new Ops.Affine(std, mean), y.View, y.View);
        return y;
    }
}
