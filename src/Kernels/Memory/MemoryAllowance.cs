namespace Tessera;

/// <summary>
/// A bound on the memory that the calling thread takes from the pools until the end of the allowance: what a file may make of its numbers alone. Memory that
/// the thread gives back does not count any more. Allowances nest; each of them counts.
/// </summary>
internal sealed class MemoryAllowance : IDisposable
{
    [ThreadStatic]
    static MemoryAllowance? current;

    readonly MemoryAllowance? outer = current;
    readonly long bytes;
    readonly Func<long, TesseraException> exceeded;
    long taken;

    MemoryAllowance(long bytes, Func<long, TesseraException> exceeded) => (this.bytes, this.exceeded) = (bytes, exceeded);

    /// <summary>Begins an allowance; dispose it, on the same thread, to end it.</summary>
    /// <param name="bytes">The most bytes in use at once.</param>
    /// <param name="exceeded">The error, from the bytes that would have been in use. Nothing is allocated then.</param>
    public static MemoryAllowance Begin(long bytes, Func<long, TesseraException> exceeded) => current = new MemoryAllowance(bytes, exceeded);

    /// <summary>Counts memory that is about to be taken.</summary>
    internal static void Take(long size)
    {
        for (var a = current; a is not null; a = a.outer)
            if (a.taken + size > a.bytes) throw a.exceeded(a.taken + size);
        for (var a = current; a is not null; a = a.outer) a.taken += size;
    }

    /// <summary>Counts memory that was given back; what was taken before the allowance began adds nothing to it.</summary>
    internal static void Return(long size)
    {
        for (var a = current; a is not null; a = a.outer) a.taken = Math.Max(0, a.taken - size);
    }

    /// <summary>Ends the allowance.</summary>
    public void Dispose() => current = outer;
}
