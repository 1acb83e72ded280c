using System.Diagnostics.CodeAnalysis;
using System.Reflection;

namespace Tessera.NN;

/// <summary>The names that the compiler gives members in documentation files (C# specification, annex D.4.2).</summary>
[RequiresUnreferencedCode("Reads parameters.")]
static class MemberId
{
    /// <summary>Such as <c>M:Tessera.NN.Learner.Freeze</c>.</summary>
    public static string Of(MemberInfo member) => member switch
    {
        Type t => "T:" + Id(t.IsGenericType ? t.GetGenericTypeDefinition() : t, open: true),
        MethodBase m => "M:" + Method(m),
        PropertyInfo p => $"P:{Owner(p)}.{p.Name}{Parameters(p.GetIndexParameters())}",
        FieldInfo f => $"F:{Owner(f)}.{f.Name}",
        _ => $"E:{Owner(member)}.{member.Name}",
    };

    static string Method(MethodBase m)
    {
        string name = m is ConstructorInfo ? "#ctor" : m.Name;
        string arity = m.IsGenericMethod ? FormattableString.Invariant($"``{m.GetGenericArguments().Length}") : "";
        string result = m is MethodInfo { Name: "op_Implicit" or "op_Explicit" } o ? "~" + Id(o.ReturnType) : "";
        return $"{Owner(m)}.{name}{arity}{Parameters(m.GetParameters())}{result}";
    }

    static string Owner(MemberInfo member) => Id(member.DeclaringType!, open: true);

    static string Parameters(ParameterInfo[] parameters) => parameters.Length == 0 ? "" : $"({string.Join(',', parameters.Select(p => Id(p.ParameterType)))})";

    /// <param name="t">The type.</param>
    /// <param name="open">Whether it is declared here, so that its parameters are only counted.</param>
    static string Id(Type t, bool open = false)
    {
        if (t.IsByRef) return Id(t.GetElementType()!) + "@";
        if (t.IsPointer) return Id(t.GetElementType()!) + "*";
        if (t.IsArray) return Id(t.GetElementType()!) + (t.GetArrayRank() == 1 ? "[]" : $"[{string.Join(',', Enumerable.Repeat("0:", t.GetArrayRank()))}]");
        if (t.IsGenericParameter) return FormattableString.Invariant($"{(t.DeclaringMethod is null ? "`" : "``")}{t.GenericParameterPosition}");
        string full = t.DeclaringType is { } outer ? $"{Id(outer, open: true)}.{t.Name}" : $"{t.Namespace}.{t.Name}";
        return open || !t.IsGenericType ? full : $"{full.Split('`')[0]}{{{string.Join(',', t.GetGenericArguments().Select(a => Id(a)))}}}";
    }
}
