using System.Collections;
using System.Globalization;

namespace Tessera.NN;

/// <summary>Modules one after another: y = fₙ(... f₁(f₀(x))). The children are named "0", "1", ... .</summary>
public sealed class Sequential : Module, IReadOnlyList<Module>
{
    readonly Module[] modules;

    /// <summary>A chain of modules.</summary>
    public Sequential(params Module[] modules)
    {
        ArgumentNullException.ThrowIfNull(modules);
        this.modules = [.. modules];
        foreach (var (i, module) in modules.Index()) Register(i.ToString(CultureInfo.InvariantCulture), module);
    }

    /// <summary>Number of modules.</summary>
    public int Count => modules.Length;

    /// <summary>Module <paramref name="index"/>.</summary>
    public Module this[int index] => modules[index];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        foreach (var module in modules) x = module.Call(x);
        return x;
    }

    /// <inheritdoc/>
    public IEnumerator<Module> GetEnumerator() => ((IEnumerable<Module>)modules).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => modules.GetEnumerator();
}
