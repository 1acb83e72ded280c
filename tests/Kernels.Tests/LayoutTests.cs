using CsCheck;

namespace Tessera.Tests;

/// <summary>Layouts against the naive model: the list of addresses in logical row-major order.</summary>
public sealed class LayoutTests
{
    static readonly Gen<int[]> shapes = Gen.Int[0, 4].SelectMany(rank => Gen.Int[0, 5].Array[rank]);
    static readonly Gen<int[]> filled = Gen.Int[0, 4].SelectMany(rank => Gen.Int[1, 5].Array[rank]);

    static readonly Gen<int> steps = Gen.Int[0, 3].Select(i => i < 2 ? i - 2 : i - 1); // -2, -1, 1, 2

    static readonly Gen<Layout> layouts =
        from shape in filled
        from name in Gen.Int[0, Layouts.Names.Length - 1].Select(i => Layouts.Names[i])
        select Layouts.Named(name, shape);

    [Test]
    public void DenseLayoutsCoverEveryElementOnce() => shapes.Sample(dims =>
    {
        var layout = Layout.Dense(dims);
        return layout.IsDense && Views.Addresses(layout).Order().SequenceEqual(Enumerable.Range(0, (int)layout.Count).Select(i => (long)i));
    });

    [Test]
    public void RowMajorIsLogicalOrder() => shapes.Sample(dims =>
        Views.Addresses(Layout.RowMajor(dims)).SequenceEqual(Enumerable.Range(0, (int)new Shape(dims).Count).Select(i => (long)i)));

    [Test]
    public void ChannelsLastPutsChannelsTogether()
    {
        var layout = Layout.Dense([2, 3, 4, 5]);
        Assert.That(layout.Strides.ToArray(), Is.EqualTo(new long[] { 60, 1, 15, 3 }));
        Assert.That(layout.IsRowMajor, Is.False);
        Assert.That(Layout.Dense([2, 1, 4, 5]).IsRowMajor, "one channel lies the same both ways");
    }

    [Test]
    public void AShapeOfTooManyElementsIsRefused()
    {
        Assert.That(() => new Shape(1 << 21, 1 << 21, 1 << 21), Throws.TypeOf<ShapeException>().With.Message.EqualTo("Shape: too many elements: got [2097152, 2097152, 2097152], expected a product of at most 2^59."));
        Assert.That(new Shape(1 << 20, 1 << 20, 1 << 19).Count, Is.EqualTo(1L << 59));
        Assert.That(new Shape(int.MaxValue, int.MaxValue, int.MaxValue, 0).Count, Is.Zero);
    }

    [Test]
    public void PermuteMovesIndices() => Gen.Select(layouts, Gen.Int[0, 1000]).Sample((layout, seed) =>
    {
        int[] dims = new Philox((ulong)seed).Permutation(layout.Shape.Rank);
        var moved = layout.Permute(dims);
        return Indices(moved.Shape).All(index =>
        {
            int[] original = new int[dims.Length];
            for (int i = 0; i < dims.Length; i++) original[dims[i]] = index[i];
            return At(moved, index) == At(layout, original);
        });
    });

    [Test]
    public void SliceTakesARange() => Gen.Select(layouts.Where(l => l.Shape.Rank > 0), Gen.Int[0, 100], Gen.Int[0, 100], Gen.Int[0, 100], steps).Sample((layout, d, s, l, step) =>
    {
        int dim = d % layout.Shape.Rank, size = layout.Shape[dim], start = s % size;
        int most = step > 0 ? (size - start + step - 1) / step : (start / -step) + 1;
        var slice = layout.Slice(dim, start, l % (most + 1), step);
        return slice.Shape[dim] == l % (most + 1) && Indices(slice.Shape).All(index =>
        {
            int[] original = [.. index];
            original[dim] = start + (index[dim] * step);
            return At(slice, index) == At(layout, original);
        });
    });

    [Test]
    public void BroadcastRepeats() => Gen.Select(layouts, Gen.Int[0, 255], Gen.Int[0, 2]).Sample((layout, mask, lead) =>
    {
        // Shrink some dimensions to 1, then repeat them and put new ones in front.
        for (int d = 0; d < layout.Shape.Rank; d++)
            if ((mask >> d & 1) != 0) layout = layout.Slice(d, 0, 1);
        int[] target = [.. Enumerable.Repeat(3, lead), .. layout.Shape.Dims.ToArray().Select(n => n == 1 ? 4 : n)];
        var wide = layout.BroadcastTo(target);
        return wide.Shape == new Shape(target) && Indices(wide.Shape).All(index =>
            At(wide, index) == At(layout, [.. index[lead..].Select((v, d) => layout.Shape[d] == 1 ? 0 : v)]));
    });

    [Test]
    public void ReshapeKeepsLogicalOrderOrAsksForACopy() => Gen.Select(layouts, Gen.Int[0, 1000]).Sample((layout, seed) =>
    {
        var shape = Regroup(layout.Shape, seed);
        if (!layout.TryReshape(shape, out var result)) return !layout.IsRowMajor;
        return result.Shape == shape && Views.Addresses(result).SequenceEqual(Views.Addresses(layout));
    });

    [Test]
    public void RowMajorLayoutsAlwaysReshape() => Gen.Select(filled, Gen.Int[0, 1000]).Sample((dims, seed) =>
        Layout.RowMajor(dims).TryReshape(Regroup(dims, seed), out _));

    [TestCase("[2, 3]", 2, 0, 1, 1)]
    [TestCase("[2, 3]", 1, 0, 4, 1)]
    [TestCase("[2, 3]", 1, -1, 1, 1)]
    [TestCase("[2, 3]", 1, 0, 2, 0)]
    [TestCase("[2, 3]", 1, 2, 2, -3)]
    public void SlicesOutsideAreRefused(string shape, int dim, int start, int length, int step)
    {
        var layout = Layout.Dense(shape.Trim('[', ']').Split(", ").Select(t => int.Parse(t)).ToArray());
        Assert.That(() => layout.Slice(dim, start, length, step), Throws.TypeOf<ShapeException>());
    }

    [Test]
    public void ShapesThatDoNotBroadcastAreRefused()
    {
        Assert.That(() => Shape.Broadcast([2, 3], [2, 4]), Throws.TypeOf<ShapeException>().With.Message.Contains("[2, 3]").And.Message.Contains("[2, 4]"));
        Assert.That(() => Layout.Dense([2, 3]).BroadcastTo([2, 4]), Throws.TypeOf<ShapeException>());
        Assert.That(() => Layout.Dense([2, 3]).BroadcastTo([3]), Throws.TypeOf<ShapeException>());
        Assert.That(Shape.Broadcast([4, 1, 3], [5, 1]), Is.EqualTo(new Shape(4, 5, 3)));
    }

    [Test]
    public void ShapesKnowTheirFacts()
    {
        Shape shape = [2, 3, 4];
        Assert.That((shape.Rank, shape.Count, shape[-1], shape.ToString()), Is.EqualTo((3, 24L, 4, "[2, 3, 4]")));
        Assert.That(default(Shape).Count, Is.EqualTo(1));
        Assert.That(() => shape[3], Throws.TypeOf<ShapeException>());
        Assert.That(() => new Shape(2, -1), Throws.TypeOf<ShapeException>());
    }

    // Another shape of the same count: neighbours merged at random, then sizes that divide by 2 split.
    static Shape Regroup(Shape shape, int seed)
    {
        var random = new Philox((ulong)seed);
        List<int> dims = [];
        for (int d = 0; d < shape.Rank; d++)
        {
            if (dims.Count > 0 && random.Word((ulong)d) % 2 == 0) dims[^1] *= shape[d];
            else dims.Add(shape[d]);
        }
        for (int d = 0; d < dims.Count; d++)
        {
            if (dims[d] % 2 != 0 || random.Word((ulong)(100 + d)) % 2 != 0) continue;
            dims[d] /= 2;
            dims.Insert(d + 1, 2);
            d++;
        }
        if (random.Word(99) % 2 == 0) dims.Insert(0, 1);
        return dims.ToArray();
    }

    static long At(Layout layout, int[] index)
    {
        long at = layout.Offset;
        for (int d = 0; d < index.Length; d++) at += index[d] * layout.Strides[d];
        return at;
    }

    static IEnumerable<int[]> Indices(Shape shape)
    {
        for (int i = 0; i < shape.Count; i++)
        {
            int[] index = new int[shape.Rank];
            for (int d = shape.Rank - 1, rest = i; d >= 0; rest /= shape[d], d--) index[d] = rest % shape[d];
            yield return index;
        }
    }
}
