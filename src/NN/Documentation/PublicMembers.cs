using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Tessera.NN;

/// <summary>The public types of Tessera's assemblies and what a reader would call their members.</summary>
[RequiresUnreferencedCode("Members are found by their names.")]
static class PublicMembers
{
    /// <summary>Those of Tessera that are loaded, Kernels, Tensors and NN in any case.</summary>
    public static IReadOnlyList<Assembly> Assemblies =>
    [
        .. new[] { typeof(Device).Assembly, typeof(Tensor).Assembly, typeof(Doc).Assembly }
            .Concat(AppDomain.CurrentDomain.GetAssemblies().Where(a => a.GetName().Name is { } name && name.StartsWith("Tessera.", StringComparison.Ordinal) && name.Count(c => c == '.') == 1))
            .Distinct(),
    ];

    /// <summary>Constructors, properties, methods and fields that the type itself declares, without operators and what the compiler adds.</summary>
    public static IEnumerable<MemberInfo> Of(Type type) => type
        .GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
        .Where(m => m is not Type && m.GetCustomAttribute<System.Runtime.CompilerServices.CompilerGeneratedAttribute>() is null
            && !(m is MethodInfo { IsSpecialName: true } or FieldInfo { IsSpecialName: true }) && !m.Name.Contains('<', StringComparison.Ordinal)
            && !(m is MethodInfo o && o.GetBaseDefinition().DeclaringType == typeof(object)));

    /// <summary>What is called <paramref name="name"/>: types, or members with or without their type's name.</summary>
    public static IEnumerable<MemberInfo> Named(string name)
    {
        int dot = name.LastIndexOf('.');
        string member = name[(dot + 1)..], owner = dot < 0 ? "" : name[..dot];
        Type[] types = [.. All.Where(t => Signature.Name(t) == name || t.FullName == name)];
        return types.Length > 0 ? types : All.Where(t => owner.Length == 0 || Signature.Name(t) == owner || t.FullName == owner).SelectMany(Of).Where(m => m.Name == member);
    }

    /// <summary>Qualified names that hold the last part of <paramref name="name"/>, in any case.</summary>
    public static IEnumerable<string> Like(string name) => All.SelectMany(t => Of(t).Prepend(t))
        .Where(m => m.Name.Contains(name[(name.LastIndexOf('.') + 1)..], StringComparison.OrdinalIgnoreCase))
        .Select(Signature.QualifiedName).Distinct(StringComparer.Ordinal).OrderBy(n => n.Length);

    static IEnumerable<Type> All => Assemblies.SelectMany(a => a.GetExportedTypes());
}
