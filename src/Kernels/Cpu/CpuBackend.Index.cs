namespace Tessera.Cpu;

/// <content>Reading and adding at indices. Work is cut across the lines along the indexed dimension; along a line the order is fixed.</content>
internal sealed unsafe partial class CpuBackend
{
    public override void CheckIndices(View index, long size, long? except, Func<long, ShapeException> error)
    {
        if (!index.IsDense)
        {
            base.CheckIndices(index, size, except, error);
            return;
        }
        long* p = index.Pointer<long>("CheckIndices");
        for (long n = index.Count; n > 0; n--, p++)
            if ((ulong)*p >= (ulong)size && *p != except) throw error(*p);
    }

    public override void Gather(View x, View index, View y, int dim)
    {
        _ = index.Pointer<long>();
        if (x.DType != y.DType)
            throw new DTypeException($"Gather: result type: got {y.DType}, expected {x.DType} as the input.");
        var line = new Line(dim, x, y, index);
        var nest = Nest.Lines(line.Dim, y, index, x);
        switch (y.DType.Size())
        {
            case 1: nest.Run(new GatherRow<byte>(line), line.Length); break;
            case 2: nest.Run(new GatherRow<ushort>(line), line.Length); break;
            case 4: nest.Run(new GatherRow<uint>(line), line.Length); break;
            default: nest.Run(new GatherRow<ulong>(line), line.Length); break;
        }
    }

    public override void ScatterAdd(View y, View index, View source, int dim)
    {
        _ = index.Pointer<long>();
        ExpectFloat(nameof(ScatterAdd), y, source);
        var line = new Line(dim, y, source, index);
        Nest.Lines(line.Dim, source, index, y).Run(new ScatterAddRow(line), line.Length);
    }

    /// <summary>Sizes and steps (bytes) along the indexed dimension: of the table that is indexed, the listed elements, and the indices.</summary>
    readonly struct Line
    {
        public readonly int Dim;
        public readonly long Size, Step, Length, ListStep, IndexStep;

        public Line(int dim, View table, View list, View index)
        {
            Dim = list.Shape.Rank == 0 ? 0 : list.Shape.Axis(dim);
            if (list.Shape.Rank == 0) (Size, Length) = (1, 1);
            else (Size, Length) = (table.Shape[Dim], list.Shape[Dim]);
            Step = StepOf(table);
            ListStep = StepOf(list);
            IndexStep = StepOf(index);
        }

        public long Offset(long index) => (ulong)index < (ulong)Size
            ? index * Step
            : throw new ShapeException($"Index: out of range in dimension {Dim}: got {index}, expected 0..{Size - 1}.");

        long StepOf(View v) => v.Shape.Rank == 0 ? 0 : v.Layout.Strides[Dim] * v.DType.Size();
    }

    readonly struct GatherRow<T>(Line line) : IRow where T : unmanaged
    {
        public void Row(in Nest nest, nint y, nint index, nint x, nint p3, long n)
        {
            nint sy = (nint)nest.Step(0), si = (nint)nest.Step(1), sx = (nint)nest.Step(2);
            for (long k = 0; k < line.Length; k++, y += (nint)line.ListStep, index += (nint)line.IndexStep)
            {
                if (si == 0 && sx == sizeof(T) && sy == sizeof(T))
                    Buffer.MemoryCopy((void*)(x + line.Offset(*(long*)index)), (void*)y, n * sizeof(T), n * sizeof(T));
                else
                    for (nint i = 0; i < n; i++) *(T*)(y + (i * sy)) = *(T*)(x + (i * sx) + line.Offset(*(long*)(index + (i * si))));
            }
        }
    }

    readonly struct ScatterAddRow(Line line) : IRow
    {
        public void Row(in Nest nest, nint source, nint index, nint y, nint p3, long n)
        {
            nint ss = (nint)nest.Step(0), si = (nint)nest.Step(1), sy = (nint)nest.Step(2);
            for (long k = 0; k < line.Length; k++, source += (nint)line.ListStep, index += (nint)line.IndexStep)
            {
                if (si == 0 && ss == sizeof(float) && sy == sizeof(float))
                {
                    float* row = (float*)(y + line.Offset(*(long*)index));
                    Maps.Binary(default(Ops.Add), row, (float*)source, row, n);
                }
                else
                {
                    for (nint i = 0; i < n; i++) *(float*)(y + (i * sy) + line.Offset(*(long*)(index + (i * si)))) += *(float*)(source + (i * ss));
                }
            }
        }
    }
}
