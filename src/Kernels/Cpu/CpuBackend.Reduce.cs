using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tessera.Cpu;

/// <content>
/// Reductions. The outer nest visits the results, the inner nest the elements of one result. Where the elements of one result are adjacent (or
/// neither are) a result is a row; where the results are adjacent they are columns, 64 at a time. Long reductions are cut into chunks whose
/// length depends on the shape alone; the chunks are combined by pairs, so the bits do not depend on the number of threads.
/// </content>
internal sealed unsafe partial class CpuBackend
{
    const long ReduceGrain = 1 << 15;
    const int ColumnBlock = 64;
    const long ColumnRows = ReduceGrain / ColumnBlock;

    public override void Reduce<TOp>(TOp op, View x, View y)
    {
        ExpectFloat(TOp.Name, x, y);
        Span<int> sizes = stackalloc int[x.Shape.Rank];
        for (int d = 0; d < sizes.Length; d++) sizes[d] = y.Shape[d] == 1 ? x.Shape[d] : 1;
        Nest outer = Nest.Of(y, x), inner = Nest.Over(sizes, x);
        if (outer.Count == 0) return;
        if (inner.Count == 0) Fill(y, TOp.Identity);
        else if (inner.Step(0) != sizeof(float) && outer.Step(1) == sizeof(float) && outer.Inner > 1) ReduceColumns(op, outer, inner);
        else ReduceRows(op, outer, inner);
    }

    static void ReduceRows<TOp>(TOp op, in Nest outer, in Nest inner) where TOp : struct, IReduction
    {
        long chunks = (inner.Count + ReduceGrain - 1) / ReduceGrain;
        if (chunks == 1)
        {
            outer.Run(new RowsRow<TOp>(op, inner), inner.Count);
            return;
        }
        using var partials = new Partials(chunks, outer.Count);
        CpuThreads.For((int)(chunks * outer.Count), new RowChunks<TOp>(op, outer, inner, chunks, partials.Pointer));
        partials.Finish(op, outer);
    }

    static void ReduceColumns<TOp>(TOp op, in Nest outer, in Nest inner) where TOp : struct, IReduction
    {
        long chunks = (inner.Count + ColumnRows - 1) / ColumnRows;
        long blocks = (outer.Inner + ColumnBlock - 1) / ColumnBlock, groups = outer.Count / outer.Inner;
        using var partials = new Partials(chunks, outer.Count);
        // Few rows: a task takes several blocks.
        long units = chunks * blocks * groups, perTask = Math.Max(1, ReduceGrain / (ColumnBlock * Math.Min(inner.Count, ColumnRows)));
        CpuThreads.For((int)((units + perTask - 1) / perTask), new ColumnChunks<TOp>(op, outer, inner, blocks, units, perTask, partials.Pointer));
        partials.Finish(op, outer);
    }

    /// <summary>Elements <paramref name="begin"/> to <paramref name="end"/> of the reduction whose first element is moved by <paramref name="move"/>.</summary>
    [SkipLocalsInit]
    static float ReduceOne<TOp>(TOp op, in Nest inner, long begin, long end, nint move) where TOp : struct, IReduction
    {
        if (end - begin < Reducer.Short && inner.Rank == 1)
            return Reducer.Sequential(op, inner.Start(0) + move + (nint)(begin * inner.Step(0)), (nint)inner.Step(0), end - begin);
        float* partial = stackalloc float[Reducer.Partials];
        new Span<float>(partial, Reducer.Partials).Fill(TOp.Identity);
        inner.Walk(begin, end, new PartialsRow<TOp>(op, partial), move);
        return Reducer.Fold(op, partial);
    }

    readonly struct PartialsRow<TOp>(TOp op, float* partial) : IRow where TOp : struct, IReduction
    {
        [SkipLocalsInit]
        public void Row(in Nest nest, nint x, nint p1, nint p2, nint p3, long n)
        {
            long step = nest.Step(0);
            if (step == sizeof(float))
            {
                Reducer.Row(op, (float*)x, n, partial);
                return;
            }
            float* buffer = stackalloc float[Pieces.Length];
            for (; n > 0; n -= Pieces.Length, x += (nint)(step * Pieces.Length))
            {
                int m = (int)Math.Min(n, Pieces.Length);
                Reducer.Row(op, Pieces.Read(x, step, buffer, m), m, partial);
            }
        }
    }

    /// <summary>Results of one chunk each.</summary>
    readonly struct RowsRow<TOp>(TOp op, Nest inner) : IRow where TOp : struct, IReduction
    {
        readonly Nest inner = inner;

        public void Row(in Nest nest, nint y, nint x, nint p2, nint p3, long n)
        {
            for (; n > 0; n--, y += (nint)nest.Step(0), x += (nint)nest.Step(1))
                *(float*)y = ReduceOne(op, inner, 0, inner.Count, x - inner.Start(0));
        }
    }

    readonly struct RowChunks<TOp>(TOp op, Nest outer, Nest inner, long chunks, float* partials) : ICpuTask where TOp : struct, IReduction
    {
        readonly Nest outer = outer, inner = inner;

        public void Run(int task)
        {
            long result = task / chunks, chunk = task % chunks;
            nint move = outer.Address(result, 1) - inner.Start(0);
            partials[(chunk * outer.Count) + result] =
                ReduceOne(op, inner, chunk * ReduceGrain, Math.Min(inner.Count, (chunk + 1) * ReduceGrain), move);
        }
    }

    readonly struct ColumnChunks<TOp>(TOp op, Nest outer, Nest inner, long blocks, long units, long perTask, float* partials) : ICpuTask where TOp : struct, IReduction
    {
        readonly Nest outer = outer, inner = inner;

        public void Run(int task)
        {
            for (long unit = task * perTask; unit < Math.Min(units, (task + 1) * perTask); unit++)
            {
                long groups = outer.Count / outer.Inner, block = unit % blocks, group = unit / blocks % groups, chunk = unit / blocks / groups;
                long first = (group * outer.Inner) + (block * ColumnBlock);
                int columns = (int)Math.Min(ColumnBlock, outer.Inner - (block * ColumnBlock));
                float* y = partials + (chunk * outer.Count) + first;
                new Span<float>(y, columns).Fill(TOp.Identity);
                // The inner nest's own innermost dimension runs over rows here.
                inner.Walk(chunk * ColumnRows, Math.Min(inner.Count, (chunk + 1) * ColumnRows), new ColumnsRow<TOp>(op, columns, y), outer.Address(first, 1) - inner.Start(0));
            }
        }
    }

    readonly struct ColumnsRow<TOp>(TOp op, int columns, float* y) : IRow where TOp : struct, IReduction
    {
        public void Row(in Nest nest, nint x, nint p1, nint p2, nint p3, long n) => Reducer.Columns(op, (float*)x, n, (nint)nest.Step(0), columns, y);
    }

    /// <summary>One row of results a chunk.</summary>
    readonly ref struct Partials(long chunks, long results)
    {
        public float* Pointer { get; } = (float*)NativeMemory.Alloc((nuint)(chunks * results), sizeof(float));

        /// <summary>Combines the chunks by pairs and puts the results where they belong.</summary>
        public void Finish<TOp>(TOp op, in Nest outer) where TOp : struct, IReduction
        {
            Reducer.FoldRows(op, Pointer, chunks, results);
            float* next = Pointer;
            outer.Walk(0, results, new PutRow(&next));
        }

        public void Dispose() => NativeMemory.Free(Pointer);
    }

    readonly struct PutRow(float** next) : IRow
    {
        public void Row(in Nest nest, nint y, nint p1, nint p2, nint p3, long n)
        {
            Pieces.Write(*next, y, nest.Step(0), (int)n);
            *next += n;
        }
    }
}
