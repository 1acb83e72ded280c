namespace Tessera;

/// <summary>
/// A stretch of work after which the memory of the tensors created in it goes back to the pool. The training loop opens one a batch, so user
/// code needs none. A scope holds leases, not tensors: a tensor nobody can reach is still collected inside a long scope.
/// Scopes nest and belong to the thread that opened them.
/// <para>Operations recorded for a backward pass hold leases of their own on what their gradients read. They end as the pass goes, or with the
/// scope, but not with a <see cref="Local"/> one: every call of a module is such a scope.</para>
/// </summary>
public sealed class Scope : IDisposable
{
    [ThreadStatic]
    static Scope? current;

    [ThreadStatic]
    static Stack<List<Lease>>? spare; // of ended scopes

    static readonly List<Lease> none = [];

    readonly Scope? parent;
    List<Lease> leases;
    readonly int thread = Environment.CurrentManagedThreadId;
    readonly bool local;
    bool ended;

    Scope(Scope? parent, bool local)
    {
        (this.parent, this.local) = (parent, local);
        leases = (spare ??= []).TryPop(out var list) ? list : [];
    }

    /// <summary>Opens a scope inside the current one; dispose it to end it.</summary>
    public static Scope Begin() => current = new Scope(current, local: false);

    /// <summary>Opens a scope for the inside of a function whose result may be differentiated: its end leaves recorded operations what they need.</summary>
    public static Scope Local() => current = new Scope(current, local: true);

    /// <summary>Runs work in a scope of its own; the tensor it returns outlives it.</summary>
    public static Tensor Run(Func<Tensor> work)
    {
        ArgumentNullException.ThrowIfNull(work);
        using var scope = Begin();
        return scope.Return(work());
    }

    /// <summary>Runs work in a scope of its own.</summary>
    public static void Run(Action work)
    {
        ArgumentNullException.ThrowIfNull(work);
        using var scope = Begin();
        work();
    }

    /// <summary>Lets a tensor outlive all scopes; from then on only Dispose or the garbage collector gives its memory back.</summary>
    public static Tensor Keep(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        for (var scope = current; scope is not null; scope = scope.parent) scope.Forget(tensor);
        return tensor;
    }

    /// <summary>Hands a tensor to the enclosing scope.</summary>
    public Tensor Return(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (Forget(tensor)) parent?.leases.Add(tensor.Lease);
        return tensor;
    }

    /// <summary>Gives a tensor back now, if this scope would do so at its end; what was kept, returned, or made outside stays.</summary>
    public void Release(Tensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (Forget(tensor)) tensor.Dispose();
    }

    /// <summary>Gives the memory of this scope's tensors back.</summary>
    /// <exception cref="TesseraException">Ended on another thread, or while an inner scope is open.</exception>
    public void Dispose()
    {
        if (ended) return;
        if (thread != Environment.CurrentManagedThreadId)
            throw new TesseraException($"Scope: ended on another thread: got thread {Environment.CurrentManagedThreadId}, expected {thread}, which opened it. Hint: do not await inside a scope.");
        for (var inner = current; inner != this; inner = inner.parent)
        {
            if (inner is null) throw new TesseraException("Scope: ended out of order: expected the innermost open scope. Hint: open scopes with `using`.");
            inner.End();
        }
        End();
        current = parent;
    }

    /// <summary>True for a tensor that ends with this scope.</summary>
    internal bool Owns(Tensor tensor) => leases.LastIndexOf(tensor.Lease) >= 0;

    internal static void Register(Lease lease) => current?.leases.Add(lease);

    /// <summary>What a recorded operation holds ends with the nearest scope that is not local.</summary>
    internal static void RegisterHeld(Lease lease)
    {
        var scope = current;
        while (scope is { local: true }) scope = scope.parent;
        scope?.leases.Add(lease);
    }

    /// <summary>Latest first: what is kept or returned was usually made last.</summary>
    bool Forget(Tensor tensor)
    {
        int i = leases.LastIndexOf(tensor.Lease);
        if (i < 0) return false;
        leases.RemoveAt(i);
        return true;
    }

    void End()
    {
        ended = true;
        foreach (var lease in leases) lease.Dispose();
        leases.Clear();
        spare!.Push(leases);
        leases = none;
    }
}
