namespace Tessera;

/// <summary>Which other form of a storage's content: what kind, of which part, in which order.</summary>
internal readonly record struct FormKey(string Kind, nint Address, int Taps, int Inner, int Outer, nint Tap, nint InnerStep, nint OuterStep, int Panel);

/// <summary>
/// Other forms of a storage's content that kernels read faster, such as packed or transformed weights. A form is kept only from the second use of the
/// same content on, so that training, which changes its weights every step, pays nothing. A change of the content drops it; the storage's end as well.
/// </summary>
internal sealed class DerivedForms(Storage source, MemoryPool pool)
{
    readonly Lock gate = new();
    readonly List<Form> forms = [];
    bool closed;

    /// <summary>The memory for a form, filled already or to be filled; no memory on the first use, or where there is none to spare.</summary>
    public DerivedForm Use(in FormKey key, long bytes)
    {
        lock (gate)
        {
            var form = Find(key);
            if (closed || form.Version != source.Version)
            {
                form.Drop();
                form.Version = source.Version;
                return default;
            }
            if (form.Memory is { } kept) return form.IsReady ? new DerivedForm(kept, kept.Rent(), null) : default;
            try
            {
                (var memory, form.Keep) = pool.Rent(bytes);
                form.Memory = memory;
                return new DerivedForm(memory, memory.Rent(), form);
            }
            catch (OutOfDeviceMemoryException)
            {
                return default;
            }
        }
    }

    /// <summary>Gives all memory back.</summary>
    public void Close()
    {
        lock (gate)
        {
            closed = true;
            foreach (var form in forms) form.Drop();
        }
    }

    Form Find(in FormKey key)
    {
        foreach (var form in forms)
            if (form.Key == key) return form;
        var added = new Form(key) { Version = source.Version - 1 };
        forms.Add(added);
        return added;
    }

    /// <summary>One form: seen in <see cref="Version"/>, and from its second use on in memory.</summary>
    internal sealed class Form(FormKey key)
    {
        public FormKey Key { get; } = key;

        public int Version { get; set; }

        public Storage? Memory { get; set; }

        public Lease? Keep { get; set; }

        public volatile bool IsReady;

        public void Drop()
        {
            Keep?.Dispose();
            (Keep, Memory, IsReady) = (null, null, false);
        }
    }
}

/// <summary>The use of one form, which stays in memory until disposed, whatever becomes of the weights.</summary>
internal readonly struct DerivedForm(Storage memory, Lease use, DerivedForms.Form? unfilled) : IDisposable
{
    /// <summary>Address of the form; 0 where the caller must make do with memory of its own.</summary>
    public nint Pointer => memory?.Pointer ?? 0;

    /// <summary>True where the form is there already.</summary>
    public bool IsFilled => memory is not null && unfilled is null;

    /// <summary>The caller has filled it: others may read it.</summary>
    public void Filled()
    {
        if (unfilled is not null && unfilled.Memory == memory) unfilled.IsReady = true;
    }

    public void Dispose() => use?.Dispose();
}
