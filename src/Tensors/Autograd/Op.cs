namespace Tessera;

/// <summary>
/// One differentiable operation: its forward computation and, on the same screen, the gradient of each input. A subclass writes the formulas;
/// this class does what each of them would repeat: it records only when a gradient is wanted, computes no gradient nobody needs, sums broadcasts
/// back, keeps inputs and temporaries alive during the call, and notices inputs that were changed in place since. A recorded operation holds a
/// lease on exactly what its gradients read (<see cref="Saves"/>, <see cref="SavesOutput"/>, <see cref="Save"/>), until they have run.
/// </summary>
/// <example><code>
/// sealed class MulOp : Op
/// {
///     protected override Tensor Forward(ReadOnlySpan&lt;Tensor> x) => Binary(default(Mul), x[0], x[1]);
///     protected override bool Saves(int i) => Needs(1 - i);
///     protected override Tensor? Gradient(int i, Tensor g) => g * Input(1 - i);   // d(ab)/da = b
/// }
/// </code></example>
public abstract partial class Op
{
    static long count;

    Edge[] inputs = [];
    Saved[] saved = []; // the inputs, then the output
    List<Tensor>? extra;
    bool recording;

    /// <summary>Name in messages: the class name without "Op".</summary>
    public virtual string Name => GetType().Name.Split('`')[0] is var n && n.EndsWith("Op", StringComparison.Ordinal) ? n[..^2] : GetType().Name;

    /// <summary>Position in the order of execution on this machine: gradients run from high to low.</summary>
    internal long Sequence { get; private set; }

    /// <summary>What this operation was computed from; empty once its gradient was computed.</summary>
    internal ReadOnlySpan<Edge> Inputs => inputs;

    /// <summary>Gradient collected so far with respect to the output, during a backward pass.</summary>
    internal Tensor? OutputGrad { get; set; }

    /// <summary>True once the backward pass went through.</summary>
    internal bool IsSpent { get; private set; }

    /// <summary>Computes the output; runs without recording. Shapes are checked here.</summary>
    protected abstract Tensor Forward(ReadOnlySpan<Tensor> x);

    /// <summary>Gradient of input <paramref name="i"/> given the output's gradient <paramref name="g"/>; called only for inputs that need one. Null means zero.</summary>
    protected abstract Tensor? Gradient(int i, Tensor g);

    /// <summary>All wanted gradients at once, for operations that share work between them; the default asks <see cref="Gradient"/> one by one.</summary>
    protected virtual void Gradients(Tensor g, Tensor?[] grads)
    {
        for (int i = 0; i < grads.Length; i++)
            if (Needs(i)) grads[i] = Gradient(i, g);
    }

    /// <summary>True where a gradient that is needed reads <see cref="Input"/> <paramref name="i"/>; by default all inputs. What is not saved may be given back at once.</summary>
    protected virtual bool Saves(int i) => true;

    /// <summary>True where a gradient that is needed reads <see cref="Output"/>.</summary>
    protected virtual bool SavesOutput => false;

    /// <summary>Within <see cref="Forward"/>: true where gradients will be wanted.</summary>
    private protected bool IsRecording => recording;

    /// <summary>Called by <see cref="Forward"/> for other tensors that the gradients read: the same elements, there until the gradients have run.</summary>
    protected Tensor Save(Tensor t)
    {
        ArgumentNullException.ThrowIfNull(t);
        if (!recording) return t;
        var held = t.Hold();
        (extra ??= []).Add(held);
        return held;
    }

    /// <summary>Runs the operation and, where gradients are on and an input needs one, records it.</summary>
    /// <exception cref="DeviceException">The inputs are on different devices.</exception>
    public Tensor Apply(params ReadOnlySpan<Tensor> x)
    {
        recording = false;
        foreach (var t in x)
        {
            if (t.Device != x[0].Device)
                throw new DeviceException($"{Name}: inputs on different devices: got {x[0].Device} and {t.Device}, expected one device. Hint: move one with To(device).");
            recording |= t.RequiresGrad;
        }
        recording &= Autograd.IsEnabled;
        Tensor y;
        using (Autograd.NoGrad())
        using (Temporaries.KeepAlive()) y = ForwardMixed(x);
        if (recording && y.DType.IsFloat()) Record(x, y);
        foreach (var t in x) GC.KeepAlive(t);
        watcher?.Invoke(new OpCall(this, [.. x], y));
        return y;
    }

    /// <summary>True where the gradient of input <paramref name="i"/> is wanted.</summary>
    protected bool Needs(int i) => inputs[i].IsNeeded;

    /// <summary>Input <paramref name="i"/> as it was in the forward computation.</summary>
    /// <exception cref="AutogradException">It was changed in place since, or not saved.</exception>
    protected Tensor Input(int i) => Read(Unchanged(saved[i], i));

    /// <summary>Shape of input <paramref name="i"/>, whatever happened to its content.</summary>
    protected Shape InputShape(int i) => inputs[i].Shape;

    /// <summary>The output as it was computed.</summary>
    /// <exception cref="AutogradException">It was changed in place since, or not saved.</exception>
    protected Tensor Output => Read(Unchanged(saved[^1], inputs.Length));

    /// <summary>The wanted gradients, each of its input's shape and type.</summary>
    internal Tensor?[] Run(Tensor g)
    {
        var grads = new Tensor?[inputs.Length];
        using var temporaries = Temporaries.KeepAlive();
        using var exact = Autocast.To(DType.Float32);
        Gradients(widened ? g.Widened() : g, grads);
        for (int i = 0; i < grads.Length; i++)
        {
            if (grads[i] is { } t && t.Shape != inputs[i].Shape) grads[i] = t.Widened().SumTo(inputs[i].Shape);
            if (grads[i] is { } u && inputs[i].DType.IsFloat()) grads[i] = u.As(inputs[i].DType);
        }
        GC.KeepAlive(g);
        return grads;
    }

    /// <summary>Gives back what was saved.</summary>
    internal void Spend()
    {
        IsSpent = true;
        foreach (var s in saved) s.Tensor?.Dispose();
        foreach (var t in extra ?? []) t.Dispose();
        (inputs, saved, extra, OutputGrad) = ([], [], null, null);
    }

    void Record(ReadOnlySpan<Tensor> x, Tensor y)
    {
        Sequence = Interlocked.Increment(ref count);
        inputs = new Edge[x.Length];
        for (int i = 0; i < x.Length; i++) inputs[i] = new Edge(x[i]);
        saved = new Saved[x.Length + 1];
        for (int i = 0; i < x.Length; i++)
            if (Saves(i)) saved[i] = new Saved(x[i].Hold());
        if (SavesOutput) saved[^1] = new Saved(y.Hold());
        y.Producer = this;
    }

    Tensor Unchanged(Saved s, int i)
    {
        string Which() => i < inputs.Length ? $"input {i}" : "the output";
        if (s.Tensor is not { } t)
            throw new AutogradException($"{Name}: {Which()} was not saved: expected {(i < inputs.Length ? nameof(Saves) : nameof(SavesOutput))} to say that the gradients read it.");
        int version = t.View.Storage.Version;
        return version == s.Version
            ? t
            : throw new AutogradException($"{Name}: {Which()} was changed in place after it was used: got version {version}, expected {s.Version}, for shape {t.Shape}. Hint: work on a Clone(), or change it after Backward().");
    }

    /// <summary>A tensor held for the gradients, with its version in the forward computation.</summary>
    readonly struct Saved(Tensor tensor)
    {
        public Tensor? Tensor { get; } = tensor;

        public int Version { get; } = tensor.View.Storage.Version;
    }
}

/// <summary>Where a gradient goes: to the operation that computed an input, or to a leaf; nowhere where none is needed.</summary>
/// <param name="x">The input.</param>
internal readonly struct Edge(Tensor x)
{
    /// <summary>The operation that computed the input.</summary>
    public Op? Producer { get; } = x.Producer;

    /// <summary>The input, where it is a leaf that wants a gradient.</summary>
    public Tensor? Leaf { get; } = x.Producer is null && x.RequiresGrad ? x : null;

    /// <summary>The input's shape.</summary>
    public Shape Shape { get; } = x.Shape;

    /// <summary>The input's element type.</summary>
    public DType DType { get; } = x.DType;

    /// <summary>True where the gradient is wanted.</summary>
    public bool IsNeeded => Producer is not null || Leaf is not null;
}
