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
        using var scope = Scope.Local();
        foreach (var module in modules)
        {
            var y = module.Call(x);
            if (y != x) scope.Release(x);
            x = y;
        }
        return scope.Return(x);
    }

    /// <inheritdoc/>
    public IEnumerator<Module> GetEnumerator() => ((IEnumerable<Module>)modules).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => modules.GetEnumerator();
}
