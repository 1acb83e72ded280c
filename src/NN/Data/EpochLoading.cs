using System.Globalization;

namespace Tessera.NN;

/// <summary>
/// The loading of one epoch: threads take the items in order, one by one, and load them into a ring of batch buffers; nobody runs further ahead
/// than the ring is long. Ends when all is loaded, or when disposed: then a thread finishes its item and leaves, and nobody waits for it.
/// It may begin before anybody asks for the epoch.
/// </summary>
sealed class EpochLoading : IDisposable
{
    readonly object gate = new();
    readonly DataLoader loader;
    readonly Philox random;
    readonly int[] order;
    readonly BatchBuffer[] ring;
    readonly int items;
    CancellationToken cancellation;
    CancellationTokenRegistration registration;
    int next, taken, running;
    bool stopped;

    /// <param name="loader">Whose items.</param>
    /// <param name="epoch">Which epoch.</param>
    /// <param name="first">The first batch that is wanted.</param>
    /// <param name="order">Its order of the items.</param>
    /// <param name="ring">The buffers.</param>
    public EpochLoading(DataLoader loader, int epoch, int first, int[] order, BatchBuffer[] ring)
    {
        (this.loader, Epoch, this.order, this.ring) = (loader, epoch, order, ring);
        random = new Philox(loader.Seed);
        items = Math.Min(order.Length, loader.BatchCount * loader.BatchSize);
        (taken, next) = (first, Math.Min(items, first * loader.BatchSize));
        for (int b = first; b < first + ring.Length; b++) Clear(b);
        int workers = Math.Min(loader.Workers, items - next);
        for (int i = 0; i < workers; i++) Start(i);
    }

    /// <summary>The epoch.</summary>
    public int Epoch { get; }

    /// <summary>The items in order.</summary>
    public ReadOnlyMemory<int> Order => order;

    /// <summary>The buffers.</summary>
    public BatchBuffer[] Ring => ring;

    /// <summary>From now on, cancelling ends the wait for a batch.</summary>
    public void EndWith(CancellationToken token)
    {
        cancellation = token;
        registration = token.UnsafeRegister(static me => ((EpochLoading)me!).Wake(), this);
    }

    /// <summary>Waits until batch <paramref name="b"/> is loaded.</summary>
    public BatchBuffer Take(int b)
    {
        var buffer = ring[b % ring.Length];
        if (loader.Workers == 0) LoadHere(b);
        lock (gate)
        {
            while (buffer.Missing > 0)
            {
                cancellation.ThrowIfCancellationRequested();
                Monitor.Wait(gate);
            }
        }
        if (buffer.Failure is { } failure) throw Describe(failure.At, failure.Error);
        return buffer;
    }

    /// <summary>Frees the buffer of batch <paramref name="b"/> for a later one.</summary>
    public void Release(int b)
    {
        lock (gate)
        {
            taken = b + 1;
            Clear(b + ring.Length);
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>After the last batch: waits for the threads, which have nothing left to do; true where nobody writes into the buffers any more.</summary>
    public bool Finish()
    {
        lock (gate)
        {
            while (running > 0) Monitor.Wait(gate);
            return true;
        }
    }

    public void Dispose()
    {
        registration.Dispose();
        lock (gate)
        {
            stopped = true;
            Monitor.PulseAll(gate);
        }
    }

    void Start(int worker)
    {
        lock (gate) running++;
        var thread = new Thread(Work) { IsBackground = true, Name = string.Create(CultureInfo.InvariantCulture, $"loader {worker}") };
        thread.Start();
    }

    void Work()
    {
        while (Next() is int at) Load(at);
        lock (gate)
        {
            running--;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>The place in the order of the next item, once there is room for its batch; null when there is no more to do.</summary>
    int? Next()
    {
        lock (gate)
        {
            while (!stopped && next < items && next / loader.BatchSize >= taken + ring.Length) Monitor.Wait(gate);
            return stopped || next >= items ? null : next++;
        }
    }

    void LoadHere(int b)
    {
        int end = Math.Min(items, (b + 1) * loader.BatchSize);
        for (int at = b * loader.BatchSize; at < end; at++)
        {
            cancellation.ThrowIfCancellationRequested();
            Load(at);
        }
    }

    void Load(int at)
    {
        var buffer = ring[at / loader.BatchSize % ring.Length];
        int row = at % loader.BatchSize;
        Exception? error = null;
        try
        {
            var stream = random.At((uint)Epoch, (uint)order[at]);
            if (loader.Dataset.MakesBatches)
                buffer.Prepared[row] = loader.Dataset.Prepare(order[at], stream, out buffer.Y[row]);
            else
                loader.Dataset.Load(order[at], stream, buffer.X.AsSpan(row * buffer.ItemSize, buffer.ItemSize), out buffer.Y[row]);
        }
        catch (Exception e)
        {
            error = e;
        }
        lock (gate)
        {
            if (error is not null && (buffer.Failure is not { } first || at < first.At)) buffer.Failure = (at, error);
            if (--buffer.Missing == 0) Monitor.PulseAll(gate);
        }
    }

    void Clear(int b)
    {
        var buffer = ring[b % ring.Length];
        buffer.Missing = Math.Clamp(items - (b * loader.BatchSize), 0, loader.BatchSize);
        buffer.Failure = null;
    }

    DataException Describe(int at, Exception e)
    {
        string name = loader.Dataset.Describe(order[at]);
        return new DataException(e.Message.StartsWith(name, StringComparison.Ordinal) ? e.Message : $"{name}: cannot be loaded: {e.Message}", e);
    }

    void Wake()
    {
        lock (gate) Monitor.PulseAll(gate);
    }
}
