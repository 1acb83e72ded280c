namespace Tessera.Cpu;

/// <summary>The innermost loop over n elements of up to four operands that lie at regular steps.</summary>
internal interface IRow
{
    /// <summary>Elements i = 0..n-1 of operand k are at address pk + i · nest.Step(k).</summary>
    void Row(in Nest nest, nint p0, nint p1, nint p2, nint p3, long n);
}

/// <summary>
/// The smallest loop nest that visits the common elements of up to four views: dimensions of size 1 are dropped, the others sorted by the
/// stride of the first view (so channels-last tensors are walked as they lie), and neighbours that continue each other are merged. Two dense
/// tensors become one flat loop. Dimension 0 is the innermost.
/// </summary>
internal unsafe struct Nest
{
    const int MaxRank = 16;
    const int MaxViews = 4;

    // Elements of one task: large against the cost of handing it out, small against a cache.
    const long Grain = 1 << 15;

    fixed long size[MaxRank];
    fixed long step[MaxRank * MaxViews]; // bytes
    fixed long start[MaxViews]; // addresses
    int views;

    /// <summary>Number of dimensions, at least 1.</summary>
    public int Rank { get; private set; }

    /// <summary>Number of elements.</summary>
    public long Count { get; private set; }

    /// <summary>Length of the innermost dimension.</summary>
    public readonly long Inner => size[0];

    /// <summary>Bytes from one element to the next of an operand in the innermost dimension.</summary>
    public readonly long Step(int view) => step[view];

    /// <summary>The same of dimension <paramref name="dimension"/>.</summary>
    public readonly long Step(int view, int dimension) => step[(dimension * MaxViews) + view];

    /// <summary>Length of a dimension.</summary>
    public readonly long Size(int dimension) => size[dimension];

    /// <summary>Address of an operand's first element.</summary>
    public readonly nint Start(int view) => (nint)start[view];

    /// <summary>The nest over the shape of the first view; the other views have that shape, or stride 0 where they have not.</summary>
    public static Nest Of(params ReadOnlySpan<View> views) => Over(views[0].Shape.Dims, views);

    /// <summary>The nest over the shape of the first view, leaving out dimension <paramref name="dim"/>: one element for each line along it.</summary>
    public static Nest Lines(int dim, params ReadOnlySpan<View> views)
    {
        Span<int> sizes = stackalloc int[views[0].Shape.Rank];
        views[0].Shape.Dims.CopyTo(sizes);
        if (sizes.Length > 0) sizes[dim] = 1;
        return Over(sizes, views);
    }

    /// <summary>The nest over given sizes, which walks each view by its strides.</summary>
    public static Nest Over(ReadOnlySpan<int> sizes, params ReadOnlySpan<View> views)
    {
        var nest = new Nest { views = views.Length, Count = 1 };
        for (int k = 0; k < views.Length; k++) nest.start[k] = views[k].Address;
        for (int d = sizes.Length - 1; d >= 0; d--)
        {
            nest.Count *= sizes[d];
            if (sizes[d] != 1) nest.Insert(d, sizes[d], views);
        }
        nest.Merge();
        return nest;
    }

    /// <summary>Adds an operand that is no memory: p of its rows is <c>logical row-major index</c> of the views' shape, its step in elements.</summary>
    public static Nest WithIndex(params ReadOnlySpan<View> views)
    {
        View y = views[0], index = new(y.Storage, DType.Bool, Layout.RowMajor(y.Shape)); // one byte an element: addresses count elements
        var nest = Of([.. views, index]);
        nest.start[views.Length] = 0;
        return nest;
    }

    /// <summary>Address of operand <paramref name="view"/> at element <paramref name="index"/> of the walk.</summary>
    public readonly nint Address(long index, int view)
    {
        long p = start[view];
        for (int d = 0; d < Rank; d++)
        {
            p += index % size[d] * step[(d * MaxViews) + view];
            index /= size[d];
        }
        return (nint)p;
    }

    /// <summary>Runs <paramref name="row"/> over all elements, cut into tasks for the threads; <paramref name="weight"/> is the work an element stands for.</summary>
    public readonly void Run<TRow>(in TRow row, long weight = 1) where TRow : struct, IRow
    {
        if (Count == 0) return;
        long grain = Math.Max(1, Grain / Math.Max(1, weight));
        if (Count <= grain) Walk(0, Count, row);
        else CpuThreads.For((int)((Count + grain - 1) / grain), new Part<TRow>(this, row, grain));
    }

    /// <summary>Runs <paramref name="row"/> over elements <paramref name="begin"/> to <paramref name="end"/> of the walk, all addresses moved by <paramref name="move"/>.</summary>
    public readonly void Walk<TRow>(long begin, long end, in TRow row, nint move = 0) where TRow : struct, IRow
    {
        long* at = stackalloc long[MaxRank];
        nint* p = stackalloc nint[MaxViews];
        for (int k = 0; k < MaxViews; k++) p[k] = k < views ? Address(begin, k) + move : 0;
        long rest = begin;
        for (int d = 0; d < Rank; rest /= size[d], d++) at[d] = rest % size[d];
        while (begin < end)
        {
            long n = Math.Min(size[0] - at[0], end - begin);
            row.Row(this, p[0], p[1], p[2], p[3], n);
            begin += n;
            at[0] += n;
            for (int k = 0; k < views; k++) p[k] += (nint)(n * step[k]);
            for (int d = 0; at[d] == size[d] && d + 1 < Rank; d++)
            {
                at[d] = 0;
                at[d + 1]++;
                for (int k = 0; k < views; k++) p[k] += (nint)(step[((d + 1) * MaxViews) + k] - (size[d] * step[(d * MaxViews) + k]));
            }
        }
    }

    // Keeps the dimensions sorted by the first view's stride, the smallest first.
    void Insert(int dim, long length, ReadOnlySpan<View> all)
    {
        if (Rank == MaxRank)
            throw new ShapeException($"Kernels: too many dimensions: got {all[0].Shape}, expected at most {MaxRank} of a size other than 1.");
        int d = Rank++;
        for (long own = Math.Abs(all[0].Layout.Strides[dim] * all[0].DType.Size()); d > 0 && Math.Abs(step[(d - 1) * MaxViews]) > own; d--)
        {
            size[d] = size[d - 1];
            for (int k = 0; k < MaxViews; k++) step[(d * MaxViews) + k] = step[((d - 1) * MaxViews) + k];
        }
        size[d] = length;
        for (int k = 0; k < all.Length; k++) step[(d * MaxViews) + k] = all[k].Layout.Strides[dim] * all[k].DType.Size();
    }

    void Merge()
    {
        int last = 0;
        for (int d = 1; d < Rank; d++)
        {
            if (Continues(last, d))
            {
                size[last] *= size[d];
                continue;
            }
            last++;
            size[last] = size[d];
            for (int k = 0; k < MaxViews; k++) step[(last * MaxViews) + k] = step[(d * MaxViews) + k];
        }
        if (Rank == 0) size[0] = 1;
        Rank = last + 1;
    }

    readonly bool Continues(int inner, int outer)
    {
        for (int k = 0; k < views; k++)
            if (step[(outer * MaxViews) + k] != size[inner] * step[(inner * MaxViews) + k]) return false;
        return true;
    }

    readonly struct Part<TRow>(Nest nest, TRow row, long grain) : ICpuTask where TRow : struct, IRow
    {
        readonly Nest nest = nest;
        readonly TRow row = row;

        public void Run(int task) => nest.Walk(task * grain, Math.Min(nest.Count, (task + 1) * grain), row);
    }
}
