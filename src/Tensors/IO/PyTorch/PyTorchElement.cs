using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Tessera;

/// <summary>An element type of PyTorch's files and what becomes of it here: float64 is narrowed, small integers are widened.</summary>
/// <param name="Name">As PyTorch calls it: <c>float32</c>.</param>
/// <param name="Storage">Its storage type: <c>FloatStorage</c>.</param>
/// <param name="Width">Bytes in the file.</param>
/// <param name="DType">Its type here.</param>
sealed record PyTorchElement(string Name, string Storage, int Width, DType DType)
{
    public static IReadOnlyList<PyTorchElement> All { get; } =
    [
        new("float32", "FloatStorage", 4, DType.Float32), new("float64", "DoubleStorage", 8, DType.Float32),
        new("float16", "HalfStorage", 2, DType.Float16), new("bfloat16", "BFloat16Storage", 2, DType.BFloat16),
        new("int64", "LongStorage", 8, DType.Int64), new("int32", "IntStorage", 4, DType.Int32),
        new("int16", "ShortStorage", 2, DType.Int32), new("int8", "CharStorage", 1, DType.Int32),
        new("uint8", "ByteStorage", 1, DType.UInt8), new("bool", "BoolStorage", 1, DType.Bool),
    ];

    /// <summary>A tensor from row-major elements as the file has them.</summary>
    public Tensor ToTensor(byte[] bytes, Shape shape, Device? device)
    {
        switch (Name)
        {
            case "float64":
                return Tensor.From(Convert<double, float>(bytes, x => (float)x), shape, device);
            case "int16":
                return Tensor.From(Convert<short, int>(bytes, x => x), shape, device);
            case "int8":
                return Tensor.From(Convert<sbyte, int>(bytes, x => x), shape, device);
            case "bool":
                foreach (ref byte b in bytes.AsSpan()) b = b != 0 ? (byte)1 : (byte)0;
                break;
        }
        return Tensor.FromBytes(bytes, DType, shape, device);
    }

    static TTo[] Convert<TFrom, TTo>(byte[] bytes, Func<TFrom, TTo> convert) where TFrom : unmanaged => Array.ConvertAll(MemoryMarshal.Cast<byte, TFrom>(bytes).ToArray(), x => convert(x));
}
