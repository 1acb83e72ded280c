using System.Collections;
using System.Globalization;

namespace Tessera.NN;

/// <summary>Modules one after another: y = fₙ(... f₁(f₀(x))). The children are named "0", "1", ..., or as <see cref="Named"/> says.</summary>
public sealed class Sequential : Module, IReadOnlyList<Module>
{
    readonly Module[] modules;
    readonly List<Link> links = [];

    /// <summary>A chain of modules.</summary>
    public Sequential(params Module[] modules) : this(Numbers(modules), modules)
    {
    }

    Sequential(IEnumerable<string> names, Module[] modules)
    {
        this.modules = [.. modules];
        foreach (var (name, module) in names.Zip(modules)) Register(name, module);
        for (int i = 0; i < modules.Length; i += links[^1].Count) links.Add(Link.At(modules, i));
    }

    /// <summary>A chain of modules with names of their own.</summary>
    /// <exception cref="TesseraException">A name occurs twice.</exception>
    public static Sequential Named(params (string Name, Module Module)[] modules)
    {
        ArgumentNullException.ThrowIfNull(modules);
        return new(modules.Select(m => m.Name), Array.ConvertAll(modules, m => m.Module));
    }

    /// <summary>Number of modules.</summary>
    public int Count => modules.Length;

    /// <summary>Module <paramref name="index"/>.</summary>
    public Module this[int index] => modules[index];

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x)
    {
        using var scope = Scope.Local();
        foreach (var link in IsWatched ? modules.Select(m => new Link(m)) : links)
        {
            var y = link.Call(x);
            if (y != x) scope.Release(x);
            x = y;
        }
        return scope.Return(x);
    }

    /// <inheritdoc/>
    public IEnumerator<Module> GetEnumerator() => ((IEnumerable<Module>)modules).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => modules.GetEnumerator();

    static IEnumerable<string> Numbers(Module[] modules)
    {
        ArgumentNullException.ThrowIfNull(modules);
        return modules.Select((_, i) => i.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>One module, or a convolution with the batch norm and the ReLU behind it, which run together.</summary>
    readonly record struct Link(Module First, int Count = 1, ConvUnit? Unit = null, bool Relu = false)
    {
        public static Link At(Module[] modules, int i)
        {
            if (modules[i] is not Conv2d conv) return new Link(modules[i]);
            var norm = modules.ElementAtOrDefault(i + 1) as BatchNorm ?? (Module?)(modules.ElementAtOrDefault(i + 1) as FoldedNorm);
            int count = norm is null ? 1 : 2;
            bool relu = modules.ElementAtOrDefault(i + count) is NN.Relu;
            return new Link(conv, relu ? count + 1 : count, new ConvUnit(conv, norm), relu);
        }

        public Tensor Call(Tensor x) => Unit is null ? First.Call(x) : Unit.Forward(x, relu: Relu);
    }
}
