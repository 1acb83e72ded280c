namespace Tessera.Tests;

/// <summary>Comparisons, choice, indexing, positions, scans and sorting against plain loops.</summary>
public sealed class IndexTests
{
    static readonly string[] layouts = Layouts.Names;

    [Test]
    public void ComparisonsGiveBools([ValueSource(nameof(layouts))] string layout)
    {
        Shape shape = [3, 400];
        float[] a = [.. Arrays.Random(shape.Count, 1).Select(v => MathF.Round(v))], b = [.. Arrays.Random(shape.Count, 2).Select(v => MathF.Round(v))];
        a[5] = b[5] = a[6] = float.NaN;
        View x = Views.Of(Layouts.Named(layout, shape), a), z = Views.Of(shape, b), y = Views.Empty<bool>(Layouts.Named(layout, shape));
        Check(default(Ops.Equal), (p, q) => p == q);
        Check(default(Ops.NotEqual), (p, q) => p != q);
        Check(default(Ops.Less), (p, q) => p < q);
        Check(default(Ops.LessEqual), (p, q) => p <= q);
        Check(default(Ops.Greater), (p, q) => p > q);
        Check(default(Ops.GreaterEqual), (p, q) => p >= q);
        Check(default(Ops.LogicalAnd), (p, q) => p != 0 && q != 0);
        Check(default(Ops.LogicalOr), (p, q) => p != 0 || q != 0);
        Check(default(Ops.LogicalXor), (p, q) => (p != 0) != (q != 0));

        void Check<TOp>(TOp op, Func<float, float, bool> expected) where TOp : struct, IBinary
        {
            Views.Cpu.Compare(op, x, z, y);
            Assert.That(Views.Get<bool>(y), Is.EqualTo(a.Zip(b, expected)), TOp.Name);
        }
    }

    [Test]
    public void LargeIntegersCompareExactly()
    {
        long[] numbers = [0, 1, -1, long.MaxValue, long.MaxValue - 1, long.MinValue, long.MinValue + 1, 1L << 40, (1L << 40) + 1, -(1L << 40), -(1L << 40) - 1];
        long[] a = [.. from p in numbers from q in numbers select p], b = [.. from p in numbers from q in numbers select q];
        View x = Views.Of([a.Length], a), z = Views.Of([b.Length], b), y = Views.Empty<bool>(Layout.Dense([a.Length]));
        Views.Cpu.Compare(default(Ops.Less), x, z, y);
        Assert.That(Views.Get<bool>(y), Is.EqualTo(a.Zip(b, (p, q) => p < q)));
        Views.Cpu.Compare(default(Ops.Equal), x, z, y);
        Assert.That(Views.Get<bool>(y), Is.EqualTo(a.Zip(b, (p, q) => p == q)));
        Views.Cpu.Compare(default(Ops.LogicalAnd), x, z, y);
        Assert.That(Views.Get<bool>(y), Is.EqualTo(a.Zip(b, (p, q) => p != 0 && q != 0)));
    }

    [Test]
    public void BytesAndHalvesCompare()
    {
        View y = Views.Empty<bool>(Layout.Dense([3]));
        Views.Cpu.Compare(default(Ops.Less), Views.Of<byte>([3], 1, 200, 255), Views.Of<byte>([3], 2, 200, 0), y);
        Assert.That(Views.Get<bool>(y), Is.EqualTo(new[] { true, false, false }));
        Views.Cpu.Compare(default(Ops.Less), Views.Of([3], (Half)1, (Half)(-2), (Half)3), Views.Of([3], (Half)2, (Half)(-2), (Half)(-3)), y);
        Assert.That(Views.Get<bool>(y), Is.EqualTo(new[] { true, false, false }));
        Assert.That(() => Views.Cpu.Compare(default(Ops.Less), Views.Of<byte>([3], 1, 2, 3), Views.Of([3], 1f, 2f, 3f), y), Throws.TypeOf<DTypeException>());
    }

    [Test]
    public void WhereChooses([ValueSource(nameof(layouts))] string layout)
    {
        Shape shape = [4, 3, 5, 6];
        bool[] c = [.. Arrays.Random(shape.Count, 3).Select(v => v > 0)];
        long[] a = [.. Enumerable.Range(0, c.Length).Select(i => (long)i)], b = [.. a.Select(v => -v)];
        View y = Views.Empty<long>(Layouts.Named(layout, shape));
        Views.Cpu.Where(Views.Of(Layouts.Named(layout, shape), c), Views.Of(shape, a), Views.Of(Layouts.Named(layout, shape), b), y);
        Assert.That(Views.Get<long>(y), Is.EqualTo(c.Select((set, i) => set ? a[i] : b[i])));
    }

    [Test]
    public void GatherAndScatterAddAreTransposes([ValueSource(nameof(layouts))] string layout, [Values(0, 1, 2)] int dim)
    {
        Shape table = [5, 6, 7], list = table.With(dim, 9);
        float[] x = Arrays.Random(table.Count, 1), g = Arrays.Random(list.Count, 2);
        long[] index = [.. Enumerable.Range(0, (int)list.Count).Select(i => (long)(new Philox(3).Word((ulong)i) % (uint)table[dim]))];
        View vx = Views.Of(Layouts.Named(layout, table), x), vi = Views.Of(list, index), y = Views.Empty<float>(Layouts.Named(layout, list));
        Views.Cpu.Gather(vx, vi, y, dim);
        Assert.That(Views.Get<float>(y), Is.EqualTo(index.Select((k, i) => x[Replace(i, list, table, dim, k)])));

        View sum = Views.Of(Layouts.Named(layout, table), new float[table.Count]);
        Views.Cpu.ScatterAdd(sum, vi, Views.Of(Layouts.Named(layout, list), g), dim);
        float[] expected = new float[table.Count];
        for (int i = 0; i < g.Length; i++) expected[Replace(i, list, table, dim, index[i])] += g[i];
        Assert.That(Views.Get<float>(sum), Is.EqualTo(expected));
    }

    [Test]
    public void RowsAreGatheredByABroadcastIndex()
    {
        float[] x = Arrays.Random(40, 1);
        View index = Views.Of<long>([3, 1], 7, 0, 7).BroadcastTo([3, 5]), y = Views.Empty<float>(Layout.Dense([3, 5])), sum = Views.Of([8, 5], new float[40]);
        Views.Cpu.Gather(Views.Of([8, 5], x), index, y, 0);
        Assert.That(Views.Get<float>(y), Is.EqualTo(x[35..].Concat(x[..5]).Concat(x[35..])));
        Views.Cpu.ScatterAdd(sum, index, y, 0);
        Assert.That(Views.Get<float>(sum)[35..], Is.EqualTo(x[35..].Select(v => v + v)));
    }

    [TestCase(-1)]
    [TestCase(4)]
    [TestCase(long.MinValue)]
    public void IndicesOutsideAreRefused(long index)
    {
        View x = Views.Of([4], 1f, 2, 3, 4), i = Views.Of([1], index), y = Views.Empty<float>(Layout.Dense([1]));
        Assert.That(() => Views.Cpu.Gather(x, i, y, 0), Throws.TypeOf<ShapeException>().With.Message.Contains("expected 0..3"));
        Assert.That(() => Views.Cpu.ScatterAdd(x, i, y, 0), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void TheFirstOfEqualsIsFound([ValueSource(nameof(layouts))] string layout, [Values(0, 1, 2)] int dim, [Values] bool largest)
    {
        Shape shape = [4, 9, 5];
        float[] x = [.. Arrays.Random(shape.Count, 4).Select(v => MathF.Round(v))];
        x[17] = x[80] = x[81] = float.NaN;
        View y = Views.Empty<long>(Layout.Dense(shape.With(dim, 1)));
        Views.Cpu.ArgReduce(Views.Of(Layouts.Named(layout, shape), x), y, dim, largest);
        Assert.That(Views.Get<long>(y), Is.EqualTo(Lines(shape, dim).Select(line => (long)Best([.. line.Select(i => x[i])], largest))));
    }

    static int Best(float[] line, bool largest)
    {
        int nan = Array.FindIndex(line, float.IsNaN);
        return nan >= 0 ? nan : Array.IndexOf(line, largest ? line.Max() : line.Min());
    }

    [Test]
    public void AnEmptyLineHasNoLargest()
        => Assert.That(() => Views.Cpu.ArgReduce(Views.Of<float>([2, 0]), Views.Empty<long>(Layout.Dense([2, 1])), 1, true), Throws.TypeOf<ShapeException>());

    [Test]
    public void ScansAreRunningSums([ValueSource(nameof(layouts))] string layout, [Values(0, 1, 2)] int dim)
    {
        Shape shape = [4, 9, 5];
        float[] x = Arrays.Random(shape.Count, 5), expected = new float[x.Length];
        View y = Views.Empty<float>(Layouts.Named(layout, shape));
        Views.Cpu.Scan(default(Ops.Sum), Views.Of(shape, x), y, dim);
        foreach (int[] line in Lines(shape, dim))
        {
            float sum = 0;
            foreach (int i in line) expected[i] = sum += x[i];
        }
        Assert.That(Views.Get<float>(y), Is.EqualTo(expected));
    }

    [Test]
    public void SortIsStableAndNanIsLargest([ValueSource(nameof(layouts))] string layout, [Values(0, 1, 2)] int dim, [Values] bool descending)
    {
        Shape shape = [4, 30, 5];
        float[] x = [.. Arrays.Random(shape.Count, 6).Select(v => MathF.Round(v))];
        x[17] = x[80] = x[200] = float.NaN;
        x[18] = float.PositiveInfinity;
        View values = Views.Empty<float>(Layouts.Named(layout, shape)), indices = Views.Empty<long>(Layout.Dense(shape));
        Views.Cpu.Sort(Views.Of(Layouts.Named(layout, shape), x), values, indices, dim, descending);
        float[] expected = new float[x.Length];
        long[] positions = new long[x.Length];
        foreach (int[] line in Lines(shape, dim))
        {
            static double Rank(float v) => float.IsNaN(v) ? double.PositiveInfinity : Math.Min(v, double.MaxValue);
            int[] order = [.. descending ? line.OrderByDescending(i => Rank(x[i])) : line.OrderBy(i => Rank(x[i]))];
            for (int k = 0; k < line.Length; k++)
            {
                expected[line[k]] = x[order[k]];
                positions[line[k]] = Array.IndexOf(line, order[k]);
            }
        }
        Assert.That(Views.Get<float>(values), Is.EqualTo(expected));
        Assert.That(Views.Get<long>(indices), Is.EqualTo(positions));
    }

    [Test]
    public void LongsSortExactly()
    {
        long[] x = [3, long.MinValue, (1L << 60) + 1, 1L << 60, -5, long.MaxValue, 0];
        View values = Views.Empty<long>(Layout.Dense([7])), indices = Views.Empty<long>(Layout.Dense([7]));
        Views.Cpu.Sort(Views.Of([7], x), values, indices, 0, descending: false);
        Assert.That(Views.Get<long>(values), Is.EqualTo(x.Order()));
    }

    [Test]
    public void IntegersSortExactly()
    {
        int[] x = [3, int.MinValue, -5, int.MaxValue, 0, (1 << 24) + 1, 1 << 24];
        View values = Views.Empty<int>(Layout.Dense([7])), indices = Views.Empty<long>(Layout.Dense([7]));
        Views.Cpu.Sort(Views.Of([7], x), values, indices, 0, descending: true);
        Assert.That(Views.Get<int>(values), Is.EqualTo(x.OrderDescending()));
    }

    // Logical indices of the elements of every line along a dimension.
    static IEnumerable<int[]> Lines(Shape shape, int dim)
        => Enumerable.Range(0, (int)shape.With(dim, 1).Count)
            .Select(i => Enumerable.Range(0, shape[dim]).Select(k => Replace(i, shape.With(dim, 1), shape, dim, k)).ToArray());

    // The element of `to` that has the index of element i of `from`, but k in dimension dim.
    static int Replace(int i, Shape from, Shape to, int dim, long k)
    {
        int at = 0, place = 1;
        for (int d = from.Rank - 1; d >= 0; place *= to[d], i /= from[d], d--) at += (d == dim ? (int)k : i % from[d]) * place;
        return at;
    }
}
