namespace Tessera.NN;

/// <summary>
/// A part of a network: a function of a tensor with parameters (learned), buffers (kept, not learned) and child modules. Names are
/// those of PyTorch's state dicts: a child's name, a dot, the name inside the child (<c>layer1.0.conv1.weight</c>).
/// </summary>
public abstract partial class Module
{
    readonly List<(string Name, Module Module)> children = [];
    readonly List<(string Name, Tensor Tensor)> parameters = [];
    readonly List<(string Name, Tensor Tensor)> buffers = [];

    /// <summary>The function itself.</summary>
    /// <param name="x">The input; its shape depends on the module.</param>
    public abstract Tensor Forward(Tensor x);

    /// <summary>True while learning: batch norm uses and updates batch statistics, dropout drops. True at first.</summary>
    public bool IsTraining { get; private set; } = true;

    /// <summary>Sets <see cref="IsTraining"/> of this module and all inside it; returns this module.</summary>
    public Module Train(bool on = true)
    {
        IsTraining = on;
        foreach (var (_, child) in children) child.Train(on);
        return this;
    }

    /// <summary>Evaluation mode: <c>Train(false)</c>.</summary>
    public Module Eval() => Train(false);

    /// <summary>Makes a module a child of this one.</summary>
    /// <exception cref="TesseraException">The name is taken.</exception>
    protected T Register<T>(string name, T child) where T : Module
    {
        ArgumentNullException.ThrowIfNull(child);
        children.Add((Free(name), child));
        return child;
    }

    /// <summary>Makes a leaf tensor a parameter: it requires a gradient and outlives scopes.</summary>
    /// <exception cref="TesseraException">The name is taken, or the tensor was computed from others that need a gradient.</exception>
    protected Tensor RegisterParameter(string name, Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (!value.IsLeaf)
            throw new TesseraException($"RegisterParameter: not a leaf: got {name} computed from tensors that need a gradient, expected a tensor of its own. Hint: Detach().Clone() it.");
        parameters.Add((Free(name), Scope.Keep(value)));
        value.RequiresGrad = true;
        return value;
    }

    /// <summary>Makes a tensor a buffer: part of the state, without gradient; it outlives scopes.</summary>
    /// <exception cref="TesseraException">The name is taken.</exception>
    protected Tensor RegisterBuffer(string name, Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        buffers.Add((Free(name), Scope.Keep(value)));
        return value;
    }

    /// <summary>The direct children, in the order of their registration.</summary>
    public IEnumerable<(string Name, Module Module)> NamedChildren() => children;

    /// <summary>This module (named "") and all inside it, parents first, each module once.</summary>
    public IEnumerable<(string Name, Module Module)> NamedModules() => Walk("", []);

    /// <summary>The learned tensors of this module and all inside it, each tensor once.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> NamedParameters() => Once(m => m.parameters);

    /// <summary>The kept, not learned tensors of this module and all inside it, each tensor once.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> NamedBuffers() => Once(m => m.buffers);

    /// <summary>The learned tensors.</summary>
    public IEnumerable<Tensor> Parameters() => NamedParameters().Select(p => p.Tensor);

    /// <summary>The learned tensors of this module itself, without its children.</summary>
    internal IReadOnlyList<(string Name, Tensor Tensor)> OwnParameters => parameters;

    /// <summary>Forgets the gradients of all parameters.</summary>
    public void ZeroGrad()
    {
        foreach (var p in Parameters()) p.ZeroGrad();
    }

    /// <summary>Sets whether the parameters get gradients; returns this module. Buffers go on moving in training mode.</summary>
    public Module RequiresGrad(bool on)
    {
        foreach (var p in Parameters()) p.RequiresGrad = on;
        return this;
    }

    /// <summary>The input of <see cref="Forward"/>, which is not null.</summary>
    private protected static Tensor Given(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x;
    }

    IEnumerable<(string Name, Module Module)> Walk(string name, HashSet<Module> seen)
    {
        if (!seen.Add(this)) yield break;
        yield return (name, this);
        foreach (var (childName, child) in children)
            foreach (var below in child.Walk(Join(name, childName), seen))
                yield return below;
    }

    IEnumerable<(string Name, Tensor Tensor)> Once(Func<Module, List<(string Name, Tensor Tensor)>> own)
    {
        HashSet<Tensor> seen = [];
        foreach (var (path, module) in NamedModules())
            foreach (var (name, tensor) in own(module))
                if (seen.Add(tensor)) yield return (Join(path, name), tensor);
    }

    static string Join(string path, string name) => path.Length == 0 ? name : $"{path}.{name}";

    string Free(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (name.Contains('.', StringComparison.Ordinal))
            throw new TesseraException($"{GetType().Name}: a name with a dot: got \"{name}\", expected one part of a state-dict name. Hint: dots join the names of nested modules.");
        if (children.Exists(c => c.Name == name) || parameters.Exists(p => p.Name == name) || buffers.Exists(b => b.Name == name))
            throw new TesseraException($"{GetType().Name}: registered twice: got \"{name}\", expected a new name. Hint: number them, as Sequential does.");
        return name;
    }
}
