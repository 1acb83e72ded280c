namespace Tessera;

/// <summary>An operation that ran.</summary>
public sealed class OpCall
{
    internal OpCall(Op op, Tensor[] inputs, Tensor output) => (Op, Inputs, Output) = (op, inputs, output);

    /// <summary>The operation: its name and what it depends on beside its inputs.</summary>
    public Op Op { get; }

    /// <summary>What it was given.</summary>
    public IReadOnlyList<Tensor> Inputs { get; }

    /// <summary>What it computed.</summary>
    public Tensor Output { get; }
}

public abstract partial class Op
{
    [ThreadStatic]
    static Action<OpCall>? watcher;

    /// <summary>What the result depends on beside the inputs and their shapes, by name: the dimension of a softmax, the window of a convolution.</summary>
    public virtual IReadOnlyDictionary<string, object?> Arguments => Named();

    /// <summary>
    /// Shows each operation that runs on this thread to <paramref name="see"/>, recorded for gradients or not, until disposed: the network as a graph. What an
    /// operation calls inside is not seen.
    /// </summary>
    public static IDisposable Watch(Action<OpCall> see)
    {
        ArgumentNullException.ThrowIfNull(see);
        var before = watcher;
        watcher = before + see;
        return new Watching(before);
    }

    /// <summary>Whether somebody watches this thread: what one kernel does for several operations is done by these then, so that they are seen.</summary>
    internal static bool IsWatched => watcher is not null;

    /// <summary>Arguments with their names.</summary>
    protected static IReadOnlyDictionary<string, object?> Named(params ReadOnlySpan<(string Name, object? Value)> arguments)
    {
        Dictionary<string, object?> named = new(StringComparer.Ordinal);
        foreach (var (name, value) in arguments) named.Add(name, value);
        return named;
    }

    Tensor ForwardUnseen(ReadOnlySpan<Tensor> x)
    {
        var outer = watcher;
        watcher = null;
        try
        {
            return Forward(x);
        }
        finally
        {
            watcher = outer;
        }
    }

    sealed class Watching(Action<OpCall>? before) : IDisposable
    {
        public void Dispose() => watcher = before;
    }
}
