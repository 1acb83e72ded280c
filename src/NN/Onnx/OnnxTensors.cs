using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Type = Tessera.NN.TensorProto.Types.DataType;

namespace Tessera.NN;

/// <summary>
/// The numbers of an ONNX tensor as ours. Half, bfloat16 and double become Float32; int8, int16, uint16 become Int32; uint32 and uint64 become
/// Int64; Float32, UInt8, Int32, Int64 and Bool stay what they are.
/// </summary>
internal static class OnnxTensors
{
    /// <summary>Most elements a tensor may have that a file asks for by its numbers alone (1 GiB of floats).</summary>
    public const long MaxElements = 1L << 28;

    /// <summary>The element type in which numbers of an ONNX type are kept, or null for strings and complex numbers.</summary>
    public static DType? Kept(int type) => (Type)type switch
    {
        Type.Float or Type.Float16 or Type.Bfloat16 or Type.Double => DType.Float32,
        Type.Uint8 => DType.UInt8,
        Type.Int8 or Type.Int16 or Type.Uint16 or Type.Int32 => DType.Int32,
        Type.Int64 or Type.Uint32 or Type.Uint64 => DType.Int64,
        Type.Bool => DType.Bool,
        _ => null,
    };

    /// <summary>Name of an ONNX element type as the standard writes it.</summary>
    public static string TypeName(int type) => Enum.IsDefined((Type)type) ? ((Type)type).ToString().ToLowerInvariant() : $"type {type}";

    /// <summary>The shape, checked: no negative size, and no more elements than the bytes at hand can hold.</summary>
    public static Shape ShapeOf(TensorProto t, string where)
    {
        int[] dims = new int[t.Dims.Count];
        long count = 1;
        for (int i = 0; i < dims.Length; i++)
        {
            long d = t.Dims[i];
            if (d is < 0 or > int.MaxValue)
                throw new DataException(
                    $"{where}: a size is out of range: got [{string.Join(", ", t.Dims)}], expected sizes of 0..2147483647. "
                        + "Hint: the file is damaged: fetch or export it again.");
            if (d != 0 && count > int.MaxValue) throw TooMany(t, where); // before the product leaves 64 bits
            count *= d;
            dims[i] = (int)d;
        }
        return count <= int.MaxValue ? dims : throw TooMany(t, where);
    }

    static DataException TooMany(TensorProto t, string where) => new(
        $"{where}: too many elements: got sizes [{string.Join(", ", t.Dims)}], expected at most 2147483647 elements. "
            + "Hint: the file is damaged: fetch or export it again.");

    /// <summary>Checks type, sizes and length of the data without decoding.</summary>
    public static void Check(TensorProto t, OnnxSource source, string where)
    {
        long count = ShapeOf(t, where).Count;
        if (Kept(t.DataType) is null)
            throw new DataException(
                $"{where}: unsupported element type: got {TypeName(t.DataType)}, expected float, float16, bfloat16, double, an integer type or bool. "
                    + "Hint: export the model in float32.");
        if (t.DataLocation == TensorProto.Types.DataLocation.External)
        {
            _ = source.Locate(t, count * Width(t.DataType), where);
            return;
        }
        int raw = source.Raw(t).Length;
        long got = raw > 0 ? raw / Width(t.DataType) : TypedCount(t);
        if (got != count || raw % Width(t.DataType) != 0)
            throw new DataException(
                $"{where}: data do not fill the shape: got {got} elements, expected {count} for [{string.Join(", ", t.Dims)}]. "
                    + "Hint: the file is damaged: fetch or export it again.");
    }

    /// <summary>The tensor, after <see cref="Check"/>.</summary>
    public static Tensor Decode(TensorProto t, OnnxSource source, string where)
    {
        Check(t, source, where);
        var shape = ShapeOf(t, where);
        int n = (int)shape.Count;
        byte[]? external = t.DataLocation == TensorProto.Types.DataLocation.External ? source.Read(t, (long)n * Width(t.DataType), where) : null;
        var raw = external is not null ? external : source.Raw(t);
        var x = Kept(t.DataType) switch
        {
            DType.Float32 => raw.Length > 0 ? RawFloats(raw, (Type)t.DataType, shape) : Tensor.From(TypedFloats(t), shape),
            DType.UInt8 => Tensor.From(Integers(t, raw, n, x => unchecked((byte)x)), shape),
            DType.Bool => Tensor.From(Integers(t, raw, n, x => x != 0), shape),
            DType.Int32 => Tensor.From(Integers(t, raw, n, x => unchecked((int)x)), shape),
            _ => Tensor.From(Integers(t, raw, n, x => x), shape),
        };
        GC.KeepAlive(source); // and with it the file that raw lies in
        return x;
    }

    static int Width(int type) => (Type)type switch
    {
        Type.Double or Type.Int64 or Type.Uint64 => 8,
        Type.Float or Type.Int32 or Type.Uint32 => 4,
        Type.Float16 or Type.Bfloat16 or Type.Int16 or Type.Uint16 => 2,
        _ => 1,
    };

    static int TypedCount(TensorProto t) => (Type)t.DataType switch
    {
        Type.Float => t.FloatData.Count,
        Type.Double => t.DoubleData.Count,
        Type.Int64 => t.Int64Data.Count,
        Type.Uint32 or Type.Uint64 => t.Uint64Data.Count,
        _ => t.Int32Data.Count,
    };

    static Tensor RawFloats(ReadOnlySpan<byte> raw, Type type, Shape shape)
    {
        if (type == Type.Float) return Tensor.From(MemoryMarshal.Cast<byte, float>(raw), shape);
        if (type == Type.Double)
        {
            float[] y = new float[raw.Length / 8];
            for (int i = 0; i < y.Length; i++) y[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(raw[(8 * i)..]);
            return Tensor.From(y, shape);
        }
        using var x = type == Type.Float16 ? Tensor.From(MemoryMarshal.Cast<byte, Half>(raw), shape) : Tensor.From(MemoryMarshal.Cast<byte, BFloat16>(raw), shape);
        return x.To(DType.Float32);
    }

    // The standard keeps the 16 bits of a half or bfloat16 in int32_data.
    static float[] TypedFloats(TensorProto t) => (Type)t.DataType switch
    {
        Type.Float => [.. t.FloatData],
        Type.Double => [.. t.DoubleData.Select(x => (float)x)],
        Type.Float16 => [.. t.Int32Data.Select(x => (float)BitConverter.UInt16BitsToHalf((ushort)x))],
        _ => [.. t.Int32Data.Select(x => (float)new BFloat16((ushort)x))],
    };

    static T[] Integers<T>(TensorProto t, ReadOnlySpan<byte> raw, int n, Func<long, T> make)
    {
        var type = (Type)t.DataType;
        if (raw.Length == 0)
            return type switch
            {
                Type.Int64 => [.. t.Int64Data.Select(make)],
                Type.Uint32 or Type.Uint64 => [.. t.Uint64Data.Select(x => make(unchecked((long)x)))],
                _ => [.. t.Int32Data.Select(x => make(x))],
            };
        var y = new T[n];
        for (int i = 0; i < n; i++)
            y[i] = make(type switch
            {
                Type.Int64 or Type.Uint64 => BinaryPrimitives.ReadInt64LittleEndian(raw[(8 * i)..]),
                Type.Int32 => BinaryPrimitives.ReadInt32LittleEndian(raw[(4 * i)..]),
                Type.Uint32 => BinaryPrimitives.ReadUInt32LittleEndian(raw[(4 * i)..]),
                Type.Int16 => BinaryPrimitives.ReadInt16LittleEndian(raw[(2 * i)..]),
                Type.Uint16 => BinaryPrimitives.ReadUInt16LittleEndian(raw[(2 * i)..]),
                Type.Int8 => (sbyte)raw[i],
                _ => raw[i],
            });
        return y;
    }
}
