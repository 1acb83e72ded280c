using System.Diagnostics;
using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// Cuts a data set into batches, which threads of its own load ahead. The order of the items and each item's random numbers depend on the seed
/// and the epoch alone, never on the number of threads.
/// </summary>
public sealed class DataLoader
{
    BatchBuffer[]? spare;
    EpochLoading? ahead;
    long waited;

    /// <summary>A loader.</summary>
    /// <param name="dataset">The items.</param>
    /// <param name="batchSize">Items a batch, at least 1.</param>
    /// <param name="shuffle">Whether each epoch has an order of its own.</param>
    /// <param name="dropLast">Whether an incomplete last batch is left out.</param>
    /// <param name="seed">Of the orders and of the items' random streams.</param>
    /// <param name="workers">Loading threads; 0 loads on the calling thread. Default: one a processor, at most 16.</param>
    /// <param name="device">Where the batches go.</param>
    public DataLoader(Dataset dataset, int batchSize, bool shuffle = false, bool dropLast = false, ulong seed = 0, int? workers = null, Device? device = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        if (batchSize < 1 || workers < 0)
            throw new TesseraException(string.Create(CultureInfo.InvariantCulture,
                $"DataLoader: got batch size {batchSize} and {workers ?? 0} workers, expected at least 1 and at least 0. "
                    + $"Hint: 64 photos of 224 pixels fit into 4 GB."));
        (Dataset, BatchSize, Shuffle, DropLast, Seed, Device) = (dataset, batchSize, shuffle, dropLast, seed, device ?? Device.Default);
        Workers = workers ?? Math.Min(Environment.ProcessorCount, 16);
    }

    /// <summary>The items.</summary>
    public Dataset Dataset { get; }

    /// <summary>Items a batch.</summary>
    public int BatchSize { get; }

    /// <summary>Whether each epoch has an order of its own.</summary>
    public bool Shuffle { get; }

    /// <summary>Whether an incomplete last batch is left out.</summary>
    public bool DropLast { get; }

    /// <summary>Of the orders and of the items' random streams.</summary>
    public ulong Seed { get; }

    /// <summary>Loading threads; 0 loads on the calling thread.</summary>
    public int Workers { get; }

    /// <summary>Where the batches go.</summary>
    public Device Device { get; }

    /// <summary>Batches an epoch.</summary>
    public int BatchCount => DropLast ? Dataset.Count / BatchSize : (int)(((long)Dataset.Count + BatchSize - 1) / BatchSize);

    /// <summary>Time that loops over <see cref="Epoch"/> have spent waiting for batches so far: zero, where loading keeps up with what is done with them.</summary>
    public TimeSpan Waited => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref waited));

    /// <summary>How many items in how many batches, and how they are loaded.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Dataset.Count} items in {BatchCount} batches of {BatchSize}{(Shuffle ? ", shuffled" : "")}{(DropLast ? ", an incomplete last one left out" : "")}; {Workers} loading threads");

    /// <summary>The same items in their own order, all of them.</summary>
    public DataLoader InOrder() => new(Dataset, BatchSize, shuffle: false, dropLast: false, Seed, Workers, Device);

    /// <summary>The batches of an epoch, in order; leaving the loop early stops the loading threads.</summary>
    /// <param name="epoch">At least 0; with the seed it fixes the order and all random numbers.</param>
    /// <param name="cancellation">Ends the wait for a batch.</param>
    /// <exception cref="DataException">An item could not be loaded; the message starts with its file. The first such item in the order counts.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public IEnumerable<Batch> Epoch(int epoch = 0, CancellationToken cancellation = default)
    {
        if (epoch < 0) throw new TesseraException(string.Create(CultureInfo.InvariantCulture, $"DataLoader: epoch: got {epoch}, expected at least 0. Hint: the first epoch is 0."));
        return Batches(epoch, 0, cancellation);
    }

    /// <summary>The batches of an epoch from batch <paramref name="first"/> on: what comes before is not loaded.</summary>
    internal IEnumerable<Batch> EpochFrom(int first, int epoch, CancellationToken cancellation) => Batches(epoch, first, cancellation);

    /// <summary>Starts to load the first batches of an epoch that will be asked for next.</summary>
    internal void Begin(int epoch)
    {
        if (Workers == 0 || Volatile.Read(ref ahead)?.Epoch == epoch) return;
        Interlocked.Exchange(ref ahead, Loading(epoch))?.Dispose();
    }

    /// <summary>Stops what <see cref="Begin"/> started and nobody asked for.</summary>
    internal void Discard() => Interlocked.Exchange(ref ahead, null)?.Dispose();

    IEnumerable<Batch> Batches(int epoch, int first, CancellationToken cancellation)
    {
        if (first > 0) Discard();
        using var loading = Begun(epoch) ?? Loading(epoch, first);
        loading.EndWith(cancellation);
        for (int b = first; b < BatchCount; b++)
        {
            long began = Stopwatch.GetTimestamp();
            var buffer = loading.Take(b);
            Interlocked.Add(ref waited, Stopwatch.GetTimestamp() - began);
            var batch = Upload(buffer, loading.Order.Slice(b * BatchSize, Math.Min(BatchSize, loading.Order.Length - (b * BatchSize))));
            loading.Release(b);
            try
            {
                yield return batch;
            }
            finally
            {
                batch.X.Dispose();
                batch.Y.Dispose();
            }
        }
        if (loading.Finish()) spare = loading.Ring;
    }

    EpochLoading? Begun(int epoch)
    {
        var begun = Interlocked.Exchange(ref ahead, null);
        if (begun is null || begun.Epoch == epoch) return begun;
        begun.Dispose();
        return null;
    }

    EpochLoading Loading(int epoch, int first = 0) => new(this, epoch, first, Order(epoch), Interlocked.Exchange(ref spare, null) ?? BatchBuffer.Ring(this));

    /// <summary>0..Count-1, shuffled where asked for.</summary>
    internal int[] Order(int epoch) => Shuffle
        ? new Philox(Seed, 1).At((uint)epoch, 0).Permutation(Dataset.Count)
        : [.. Enumerable.Range(0, Dataset.Count)];

    Batch Upload(BatchBuffer buffer, ReadOnlyMemory<int> items)
    {
        var (n, shape) = (items.Length, Dataset.InputShape);
        Shape batchShape = [n, .. shape];
        var x = Dataset.MakesBatches ? Made() : Uploaded();
        var y = Tensor.From<long>(buffer.Y.AsSpan(0, n), [n], Device);
        return new Batch(Scope.Keep(x), Scope.Keep(y), items);

        Tensor Made()
        {
            var made = Dataset.Make(buffer.Prepared.AsSpan(0, n), Device);
            Array.Clear(buffer.Prepared);
            return made;
        }

        Tensor Uploaded()
        {
            var elements = buffer.X.AsSpan(0, (int)batchShape.Count);
            return shape.Rank == 3 ? Tensor.FromChannelsLast<float>(elements, batchShape, Device) : Tensor.From<float>(elements, batchShape, Device);
        }
    }
}
