using System.Buffers;
using System.Numerics;

namespace Tessera.Cpu;

/// <content>Verbs along one dimension: position of the largest, running reductions, sorting.</content>
internal sealed unsafe partial class CpuBackend
{
    public override void ArgReduce(View x, View indices, int dim, bool largest)
    {
        _ = indices.Pointer<long>();
        int d = x.Shape.Rank == 0 ? 0 : x.Shape.Axis(dim);
        var nest = Nest.Lines(d, indices, x);
        var (length, step) = Along(x, d);
        if (length == 0 && nest.Count > 0)
            throw new ShapeException($"ArgReduce: no elements along dimension {dim}: got shape {x.Shape}, expected at least one.");
        switch (x.DType)
        {
            case DType.Float32: nest.Run(new ArgRow<float>(length, step, largest), length); break;
            case DType.Float16: nest.Run(new ArgRow<Half>(length, step, largest), length); break;
            case DType.Int32: nest.Run(new ArgRow<int>(length, step, largest), length); break;
            case DType.Int64: nest.Run(new ArgRow<long>(length, step, largest), length); break;
            case DType.UInt8 or DType.Bool: nest.Run(new ArgRow<byte>(length, step, largest), length); break;
            default: throw new DTypeException($"ArgReduce: element type: got {x.DType}, expected Float32. Hint: cast with To(DType.Float32).");
        }
    }

    public override void Scan<TOp>(TOp op, View x, View y, int dim)
    {
        ExpectFloat(TOp.Name, x, y);
        int d = x.Shape.Rank == 0 ? 0 : x.Shape.Axis(dim);
        var (length, stepX) = Along(x, d);
        Nest.Lines(d, y, x).Run(new ScanRow<TOp>(op, length, stepX, Along(y, d).Step), length);
    }

    public override void Sort(View x, View values, View indices, int dim, bool descending)
    {
        _ = indices.Pointer<long>();
        if (x.DType != values.DType)
            throw new DTypeException($"Sort: result type: got {values.DType}, expected {x.DType} as the input.");
        int d = x.Shape.Rank == 0 ? 0 : x.Shape.Axis(dim);
        var (length, step) = Along(x, d);
        Nest.Lines(d, values, indices, x).Run(
            new SortRow(x.DType, descending, length, step, Along(values, d).Step, Along(indices, d).Step), length * 16);
    }

    static (long Length, long Step) Along(View v, int dim) => v.Shape.Rank == 0 ? (1, 0) : (v.Shape[dim], v.Layout.Strides[dim] * v.DType.Size());

    readonly struct ArgRow<T>(long length, long step, bool largest) : IRow where T : unmanaged, INumber<T>
    {
        public void Row(in Nest nest, nint y, nint x, nint p2, nint p3, long n)
        {
            for (; n > 0; n--, y += (nint)nest.Step(0), x += (nint)nest.Step(1)) *(long*)y = First(x);
        }

        long First(nint x)
        {
            T best = *(T*)x;
            long at = 0;
            for (long i = 1; i < length && !T.IsNaN(best); i++)
            {
                x += (nint)step;
                T v = *(T*)x;
                if (!(largest ? v > best : v < best) && !T.IsNaN(v)) continue;
                best = v;
                at = i;
            }
            return at;
        }
    }

    readonly struct ScanRow<TOp>(TOp op, long length, long stepX, long stepY) : IRow where TOp : struct, IReduction
    {
        public void Row(in Nest nest, nint y, nint x, nint p2, nint p3, long n)
        {
            for (; n > 0; n--, y += (nint)nest.Step(0), x += (nint)nest.Step(1))
            {
                nint from = x, to = y;
                var sum = Vec1.Create(TOp.Identity);
                for (long i = 0; i < length; i++, from += (nint)stepX, to += (nint)stepY)
                {
                    sum = op.Combine(sum, op.Map(Pieces.Load<Vec1>((float*)from)));
                    Pieces.Store((float*)to, sum);
                }
            }
        }
    }

    /// <summary>An element of a line by its rank: keys order as the values do, equal values by position.</summary>
    readonly record struct Ranked(ulong Key, long Index) : IComparable<Ranked>
    {
        public int CompareTo(Ranked other)
        {
            int order = Key.CompareTo(other.Key);
            return order != 0 ? order : Index.CompareTo(other.Index);
        }
    }

    readonly struct SortRow(DType dtype, bool descending, long length, long step, long stepValues, long stepIndices) : IRow
    {
        public void Row(in Nest nest, nint values, nint indices, nint x, nint p3, long n)
        {
            var items = ArrayPool<Ranked>.Shared.Rent((int)length);
            var line = items.AsSpan(0, (int)length);
            ulong flip = descending ? ulong.MaxValue : 0;
            for (; n > 0; n--, values += (nint)nest.Step(0), indices += (nint)nest.Step(1), x += (nint)nest.Step(2))
            {
                for (int i = 0; i < line.Length; i++) line[i] = new Ranked(Key(x + (i * (nint)step)) ^ flip, i);
                line.Sort();
                for (int i = 0; i < line.Length; i++)
                {
                    *(long*)(indices + (i * (nint)stepIndices)) = line[i].Index;
                    Buffer.MemoryCopy((void*)(x + ((nint)line[i].Index * (nint)step)), (void*)(values + (i * (nint)stepValues)), dtype.Size(), dtype.Size());
                }
            }
            ArrayPool<Ranked>.Shared.Return(items);
        }

        ulong Key(nint p) => dtype switch
        {
            DType.Float32 => FloatKey(*(float*)p),
            DType.Float16 => FloatKey((float)*(Half*)p),
            DType.BFloat16 => FloatKey((float)*(BFloat16*)p),
            DType.Int32 => IntegerKey(*(int*)p),
            DType.Int64 => IntegerKey(*(long*)p),
            _ => *(byte*)p,
        };

        static ulong IntegerKey(long x) => (ulong)x ^ (1UL << 63);

        // Sign and magnitude to two's complement; -0 equals 0, every NaN is the largest.
        static ulong FloatKey(float x)
        {
            if (float.IsNaN(x)) return ulong.MaxValue;
            int bits = BitConverter.SingleToInt32Bits(x);
            return IntegerKey(bits < 0 ? -(long)(bits & 0x7FFFFFFF) : bits);
        }
    }
}
