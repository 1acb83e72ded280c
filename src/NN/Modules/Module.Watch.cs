namespace Tessera.NN;

public abstract partial class Module
{
    /// <summary>Where an <see cref="OutOfDeviceMemoryException"/> keeps the module in which it arose.</summary>
    internal const string OutOfMemoryModule = "module";

    [ThreadStatic]
    static Action<Module, Tensor, Tensor>? watcher;

    /// <summary>
    /// <see cref="Forward"/>, seen by whoever watches: what a module calls its children by. It runs in a local scope: of the tensors made inside
    /// only the result, and what gradients need, stays. <see cref="Scope.Keep"/> what else should outlive the call.
    /// </summary>
    /// <param name="x">The input.</param>
    public Tensor Call(Tensor x)
    {
        var y = GradientCheckpointing && Autograd.IsEnabled ? Checkpointed(x) : ForwardInScope(x);
        watcher?.Invoke(this, x, y);
        return y;
    }

    Tensor ForwardInScope(Tensor x)
    {
        try
        {
            using var scope = Scope.Local();
            return scope.Return(Forward(x));
        }
        catch (OutOfDeviceMemoryException e) when (NotesModule(e))
        {
            throw;
        }
    }

    /// <summary>The innermost module in which memory ran out, for the message; false: the error goes on.</summary>
    bool NotesModule(OutOfDeviceMemoryException e)
    {
        if (!e.Data.Contains(OutOfMemoryModule)) e.Data[OutOfMemoryModule] = this;
        return false;
    }

    /// <summary>True where somebody watches the calls on this thread: modules are called one by one then.</summary>
    internal static bool IsWatched => watcher is not null;

    /// <summary>Shows each module that is called on this thread, its input and its output to <paramref name="see"/>, until disposed.</summary>
    public static IDisposable Watch(Action<Module, Tensor, Tensor> see)
    {
        ArgumentNullException.ThrowIfNull(see);
        var before = watcher;
        watcher = before + see;
        return new Watching(before);
    }

    sealed class Watching(Action<Module, Tensor, Tensor>? before) : IDisposable
    {
        public void Dispose() => watcher = before;
    }
}
