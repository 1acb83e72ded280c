namespace Tessera.Emulator;

/// <summary>
/// What the threads of a launch print, shown at its end in the order of the blocks, whichever thread ran them. As CUDA's buffer it holds 1 MB: what was printed first is lost.
/// </summary>
sealed class PrintBuffer(Action<string> show)
{
    /// <summary>Bytes of the buffer, and of a text beside its own.</summary>
    public const int Most = 1 << 20, Head = 16;

    readonly SortedDictionary<long, Queue<string>> blocks = [];
    long bytes, lost, lostBefore;

    /// <summary>A thread of a block prints.</summary>
    public void Add(long block, string text)
    {
        lock (blocks)
        {
            if (block < lostBefore)
            {
                lost++;
                return;
            }
            if (!blocks.TryGetValue(block, out Queue<string>? texts)) blocks[block] = texts = [];
            texts.Enqueue(text);
            bytes += Head + text.Length;
            if (bytes > 2 * Most) Trim();
        }
    }

    /// <summary>Drops the first texts, in the order of blocks, until the others fit: of what comes later none is kept that would have been dropped with them.</summary>
    void Trim()
    {
        while (bytes > Most && blocks.Count > 0)
        {
            var (block, texts) = blocks.First();
            for (lostBefore = block; bytes > Most && texts.TryDequeue(out string? old); lost++) bytes -= Head + old.Length;
            if (texts.Count == 0) blocks.Remove(block);
        }
    }

    /// <summary>The launch has ended.</summary>
    public void Show()
    {
        Trim();
        if (lost > 0) show($"[{lost} texts that were printed before these are lost: the buffer of a launch has {Most} bytes]\n");
        foreach (string text in blocks.Values.SelectMany(texts => texts)) show(text);
        blocks.Clear();
    }
}
