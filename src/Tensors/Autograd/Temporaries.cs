namespace Tessera;

/// <summary>
/// A stretch of work during which the tensors made on this thread stay reachable. A kernel sees addresses only: without this the collector could
/// take a temporary whose last mention is the kernel's argument, and its memory would be lent again while the kernel still reads it.
/// </summary>
internal readonly struct Temporaries : IDisposable
{
    [ThreadStatic]
    static List<Tensor>? made;

    [ThreadStatic]
    static int depth;

    /// <summary>Begins; operations inside operations share the outermost one's stretch.</summary>
    public static Temporaries KeepAlive()
    {
        depth++;
        return default;
    }

    /// <summary>Notes a new tensor.</summary>
    public static void Add(Tensor tensor)
    {
        if (depth > 0) (made ??= []).Add(tensor);
    }

    /// <summary>Ends: from now on the collector may take what nobody else mentions.</summary>
    public void Dispose()
    {
        if (--depth == 0) made?.Clear();
    }
}
