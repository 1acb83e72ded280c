using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Tessera.Testing;

/// <summary>
/// A recorded array: element type in safetensors spelling (F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL), row-major little-endian bytes.
/// Read by the tests' own code, so that the engine's readers have something independent to agree with.
/// </summary>
/// <param name="DType">Element type in safetensors spelling.</param>
/// <param name="Shape">Extents, outermost first; empty for a scalar.</param>
/// <param name="Bytes">The elements, row-major, little-endian.</param>
public sealed record TestArray(string DType, int[] Shape, byte[] Bytes)
{
    /// <summary>Number of elements.</summary>
    public int Length => Bytes.Length / SizeOf(DType);

    /// <summary>The elements as float32; integers and wider floats are rounded.</summary>
    public float[] Floats() => DType is "F32" ? MemoryMarshal.Cast<byte, float>(Bytes).ToArray() : Array.ConvertAll(Doubles(), x => (float)x);

    /// <summary>The elements as float64 (exact for all types but large 64-bit integers).</summary>
    public double[] Doubles()
    {
        double[] y = new double[Length];
        for (int i = 0; i < y.Length; i++)
            y[i] = At(i);
        return y;
    }

    /// <summary>The elements of an integer or bool array as int64.</summary>
    public long[] Longs() => DType switch
    {
        "I64" => MemoryMarshal.Cast<byte, long>(Bytes).ToArray(),
        "F64" or "F32" or "F16" or "BF16" => throw new InvalidOperationException($"{DType} elements are not integers"),
        _ => Array.ConvertAll(Doubles(), x => (long)x),
    };

    /// <summary>The elements of an integer or bool array as int32.</summary>
    public int[] Ints() => Array.ConvertAll(Longs(), x => checked((int)x));

    /// <summary>The elements of an array of fixed-width UTF-32 strings (NumPy's <c>&lt;U11</c>).</summary>
    public string[] Strings()
    {
        int width = SizeOf(DType);
        return [.. Enumerable.Range(0, Length).Select(i => Encoding.UTF32.GetString(Bytes, i * width, width).TrimEnd('\0'))];
    }

    double At(int i)
    {
        ReadOnlySpan<byte> x = Bytes.AsSpan(i * SizeOf(DType));
        return DType switch
        {
            "F64" => BinaryPrimitives.ReadDoubleLittleEndian(x),
            "F32" => BinaryPrimitives.ReadSingleLittleEndian(x),
            "F16" => (double)BinaryPrimitives.ReadHalfLittleEndian(x),
            "BF16" => BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(x) << 16),
            "I64" => BinaryPrimitives.ReadInt64LittleEndian(x),
            "I32" => BinaryPrimitives.ReadInt32LittleEndian(x),
            "I16" => BinaryPrimitives.ReadInt16LittleEndian(x),
            "I8" => (sbyte)x[0],
            "U8" or "BOOL" => x[0],
            _ => throw new NotSupportedException($"element type {DType}"),
        };
    }

    /// <summary>Bytes of one element.</summary>
    public static int SizeOf(string dtype) => dtype switch
    {
        "F64" or "I64" or "U64" => 8,
        "F32" or "I32" or "U32" => 4,
        "F16" or "BF16" or "I16" or "U16" => 2,
        "I8" or "U8" or "BOOL" => 1,
        _ when dtype.StartsWith("<U", StringComparison.Ordinal) => 4 * int.Parse(dtype.AsSpan(2), CultureInfo.InvariantCulture),
        _ => throw new NotSupportedException($"element type {dtype}"),
    };
}
