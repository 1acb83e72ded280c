namespace Tessera.NN;

/// <summary>Host memory of one batch while it is being loaded.</summary>
sealed class BatchBuffer(int batchSize, int itemSize)
{
    /// <summary>The elements of the items, one after another.</summary>
    public float[] X { get; } = GC.AllocateUninitializedArray<float>(checked(batchSize * itemSize));

    /// <summary>Items that the device makes the batch of: see <see cref="Dataset.MakesBatches"/>.</summary>
    public object?[] Prepared { get; } = new object?[batchSize];

    /// <summary>The labels.</summary>
    public long[] Y { get; } = new long[batchSize];

    /// <summary>Items not loaded yet.</summary>
    public int Missing { get; set; }

    /// <summary>The failure of the earliest item that failed.</summary>
    public (int At, Exception Error)? Failure { get; set; }

    /// <summary>Elements of an item.</summary>
    public int ItemSize => itemSize;

    /// <summary>Enough batches that every loading thread has work while one batch is computed.</summary>
    public static BatchBuffer[] Ring(DataLoader loader)
    {
        int ahead = loader.Workers == 0 ? 1 : Math.Max(2, (((2 * loader.Workers) - 1) / loader.BatchSize) + 1);
        int size = Math.Min(loader.BatchSize, Math.Max(1, loader.Dataset.Count));
        int itemSize = loader.Dataset.MakesBatches ? 0 : checked((int)loader.Dataset.InputShape.Count);
        return [.. Enumerable.Range(0, Math.Max(1, Math.Min(ahead, loader.BatchCount))).Select(_ => new BatchBuffer(size, itemSize))];
    }
}
