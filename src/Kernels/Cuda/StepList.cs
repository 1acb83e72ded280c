using System.Runtime.InteropServices;

namespace Tessera.Cuda;

/// <summary>
/// The parameters of one launch of an optimizer's kernel, passed by value: many small tensors are stepped together, since a launch costs more
/// than their elements. A block of the grid takes a chunk of one tensor.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct StepList
{
    /// <summary>Elements of a chunk.</summary>
    public const int Chunk = 4096;

    const int Capacity = 64;

    /// <summary>Tensors with more elements take several entries.</summary>
    const long Longest = 1L << 30;

    fixed long entries[Capacity * 6];
    int count;

    /// <summary>Blocks of the grid.</summary>
    public int Chunks { get; private set; }

    /// <summary>Which states the tensors added last have: 1 for M, 2 for V, 4 for A.</summary>
    public int States { get; private set; }

    struct Entry
    {
        public nint W, G, M, V, A;
        public int Length, FirstChunk;
    }

    /// <summary>Adds the elements from <paramref name="done"/> on; returns how many of them are done then: fewer than all where the list is full.</summary>
    public long Add(in StepTensors t, long done)
    {
        long all = t.W.Count;
        States = (t.M is null ? 0 : 1) | (t.V is null ? 0 : 2) | (t.A is null ? 0 : 4);
        for (; done < all && count < Capacity; count++)
        {
            int length = (int)Math.Min(all - done, Longest);
            fixed (long* p = entries)
            {
                ((Entry*)p)[count] = new Entry
                {
                    W = Address(t.W, done),
                    G = Address(t.G, done),
                    M = Address(t.M, done),
                    V = Address(t.V, done),
                    A = Address(t.A, done),
                    Length = length,
                    FirstChunk = Chunks,
                };
            }
            Chunks += (length + Chunk - 1) / Chunk;
            done += length;
        }
        return done;
    }

    static nint Address(View? view, long element) => view is { } v ? v.Address + (nint)(element * sizeof(float)) : 0;
}

/// <summary>A launch for the tensors of a list.</summary>
internal delegate void StepLaunch(ref StepList list);

/// <summary>Any number of dense tensors as lists of at most 64: each is launched when it is full, the last one by <see cref="End"/>.</summary>
internal ref struct StepLists(StepLaunch launch)
{
    StepList list;

    /// <summary>Adds tensors that lie alike and without gaps.</summary>
    public void Add(in StepTensors t)
    {
        for (long done = 0; (done = list.Add(t, done)) < t.W.Count; list = default) launch(ref list);
    }

    /// <summary>Adds a tensor that is changed, or read, alone.</summary>
    public void Add(View x) => Add(new StepTensors(x, x));

    /// <summary>Launches what is left.</summary>
    public void End()
    {
        if (list.Chunks > 0) launch(ref list);
    }
}
