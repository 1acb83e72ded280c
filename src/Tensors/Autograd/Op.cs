namespace Tessera;

/// <summary>
/// One differentiable operation: its forward computation and, on the same screen, the gradient of each input. A subclass writes the formulas;
/// this class does what each of them would repeat: it records only when a gradient is wanted, computes no gradient nobody needs, sums broadcasts
/// back, keeps inputs and temporaries alive during the call, and notices inputs that were changed in place since.
/// </summary>
/// <example><code>
/// sealed class MulOp : Op
/// {
///     protected override Tensor Forward(ReadOnlySpan&lt;Tensor> x) => Binary(default(Mul), x[0], x[1]);
///     protected override Tensor? Gradient(int i, Tensor g) => g * Input(1 - i);   // d(ab)/da = b
/// }
/// </code></example>
public abstract class Op
{
    static long count;

    Tensor[] inputs = [];
    int[] versions = [];
    Tensor? output;
    int outputVersion;

    /// <summary>Name in messages: the class name without "Op".</summary>
    public virtual string Name => GetType().Name.Split('`')[0] is var n && n.EndsWith("Op", StringComparison.Ordinal) ? n[..^2] : GetType().Name;

    /// <summary>Position in the order of execution on this machine: gradients run from high to low.</summary>
    internal long Sequence { get; private set; }

    /// <summary>The tensors this operation was computed from; empty once its gradient was computed.</summary>
    internal ReadOnlySpan<Tensor> Inputs => inputs;

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

    /// <summary>Runs the operation and, where gradients are on and an input needs one, records it.</summary>
    /// <exception cref="DeviceException">The inputs are on different devices.</exception>
    public Tensor Apply(params ReadOnlySpan<Tensor> x)
    {
        bool record = false;
        foreach (var t in x)
        {
            if (t.Device != x[0].Device)
                throw new DeviceException($"{Name}: inputs on different devices: got {x[0].Device} and {t.Device}, expected one device. Hint: move one with To(device).");
            record |= t.RequiresGrad;
        }
        record &= Autograd.IsEnabled;
        Tensor y;
        using (Autograd.NoGrad())
        using (Temporaries.KeepAlive()) y = Forward(x);
        if (record && y.DType.IsFloat()) Record(x, y);
        foreach (var t in x) GC.KeepAlive(t);
        return y;
    }

    /// <summary>True where the gradient of input <paramref name="i"/> is wanted.</summary>
    protected bool Needs(int i) => inputs[i].RequiresGrad;

    /// <summary>Input <paramref name="i"/> as it was in the forward computation.</summary>
    /// <exception cref="AutogradException">It was changed in place since.</exception>
    protected Tensor Input(int i) => Unchanged(inputs[i], versions[i], $"input {i}");

    /// <summary>Shape of input <paramref name="i"/>, whatever happened to its content.</summary>
    protected Shape InputShape(int i) => inputs[i].Shape;

    /// <summary>The output as it was computed.</summary>
    /// <exception cref="AutogradException">It was changed in place since.</exception>
    protected Tensor Output => Unchanged(output!, outputVersion, "the output");

    /// <summary>The wanted gradients, each of its input's shape.</summary>
    internal Tensor?[] Run(Tensor g)
    {
        var grads = new Tensor?[inputs.Length];
        using var temporaries = Temporaries.KeepAlive();
        Gradients(g, grads);
        for (int i = 0; i < grads.Length; i++)
            if (grads[i] is { } t && t.Shape != inputs[i].Shape) grads[i] = t.SumTo(inputs[i].Shape);
        GC.KeepAlive(g);
        return grads;
    }

    /// <summary>Lets the saved tensors go.</summary>
    internal void Spend()
    {
        IsSpent = true;
        inputs = [];
        output = null;
        OutputGrad = null;
        Forget();
    }

    /// <summary>Lets go what a subclass saved itself.</summary>
    protected virtual void Forget() { }

    void Record(ReadOnlySpan<Tensor> x, Tensor y)
    {
        Sequence = Interlocked.Increment(ref count);
        inputs = x.ToArray();
        versions = new int[x.Length];
        for (int i = 0; i < x.Length; i++) versions[i] = x[i].View.Storage.Version;
        output = y;
        outputVersion = y.View.Storage.Version;
        y.Producer = this;
    }

    Tensor Unchanged(Tensor t, int version, string which) => t.View.Storage.Version == version
        ? t
        : throw new AutogradException($"{Name}: {which} was changed in place after it was used: got version {t.View.Storage.Version}, expected {version}, for shape {t.Shape}. Hint: work on a Clone(), or change it after Backward().");
}
