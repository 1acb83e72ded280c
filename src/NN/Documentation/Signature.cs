using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Tessera.NN;

/// <summary>Types and members as C# writes them.</summary>
[RequiresUnreferencedCode("Reads parameters and base types.")]
static class Signature
{
    static readonly Dictionary<Type, string> keywords = new (Type Type, string Keyword)[]
    {
        (typeof(void), "void"), (typeof(object), "object"), (typeof(string), "string"), (typeof(bool), "bool"), (typeof(byte), "byte"), (typeof(sbyte), "sbyte"),
        (typeof(short), "short"), (typeof(ushort), "ushort"), (typeof(int), "int"), (typeof(uint), "uint"), (typeof(long), "long"), (typeof(ulong), "ulong"),
        (typeof(float), "float"), (typeof(double), "double"), (typeof(char), "char"), (typeof(decimal), "decimal"), (typeof(nint), "nint"), (typeof(nuint), "nuint"),
    }.ToDictionary(t => t.Type, t => t.Keyword);

    /// <summary><c>Learner.FitOneCycle</c>, or the type's name.</summary>
    public static string QualifiedName(MemberInfo member) => member.DeclaringType is { } owner ? $"{QualifiedName(owner)}.{(member is ConstructorInfo ? "new" : Name(member))}" : Name(member);

    /// <summary>The name without the count of type parameters.</summary>
    public static string Name(MemberInfo member) => member.Name.Split('`')[0];

    /// <summary>The declaration, without accessibility.</summary>
    public static string Of(MemberInfo member) => member switch
    {
        Type t => OfType(t),
        ConstructorInfo c => $"new {Name(c.DeclaringType!)}({Parameters(c)})",
        MethodInfo m => $"{(m.IsStatic ? "static " : "")}{Text(m.ReturnType, new NullabilityInfoContext().Create(m.ReturnParameter))} {m.Name}{Arguments(m.GetGenericArguments())}({Parameters(m)})",
        PropertyInfo p => OfProperty(p),
        FieldInfo { IsLiteral: true } f => $"{Name(f.DeclaringType!)} {f.Name} = {Value(f.GetRawConstantValue(), f.FieldType)}",
        FieldInfo f => $"{(f.IsStatic ? "static " : "")}{Text(f.FieldType, new NullabilityInfoContext().Create(f))} {f.Name}",
        _ => member.Name,
    };

    static string OfType(Type t)
    {
        if (t.IsAssignableTo(typeof(Delegate)) && t.GetMethod("Invoke") is { } invoke)
            return $"delegate {Text(invoke.ReturnType, new NullabilityInfoContext().Create(invoke.ReturnParameter))} {Name(t)}{Arguments(t.GetGenericArguments())}({Parameters(invoke)})";
        string kind = t.IsEnum ? "enum" : t.IsInterface ? "interface" : t.IsValueType ? "struct" : t.GetMethod("<Clone>$") is not null ? "record" : "class";
        string modifier = t is { IsAbstract: true, IsSealed: true } ? "static " : t.IsAbstract && kind is "class" or "record" ? "abstract " : "";
        Type[] bases = [.. t.BaseType is { } b && b != typeof(object) && !t.IsValueType && !t.IsEnum ? new[] { b } : []];
        return $"{modifier}{kind} {Name(t)}{Arguments(t.GetGenericArguments())}{(bases.Length > 0 ? " : " + Text(bases[0], null) : "")}";
    }

    static string OfProperty(PropertyInfo p)
    {
        string set = p.SetMethod is not { IsPublic: true } s ? "" : s.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? " init;" : " set;";
        string name = p.GetIndexParameters() is { Length: > 0 } index ? $"this[{string.Join(", ", index.Select(Parameter))}]" : p.Name;
        return $"{((p.GetMethod ?? p.SetMethod)!.IsStatic ? "static " : "")}{Text(p.PropertyType, new NullabilityInfoContext().Create(p))} {name} {{{(p.GetMethod is null ? "" : " get;")}{set} }}";
    }

    static string Parameters(MethodBase method) => (method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "") + string.Join(", ", method.GetParameters().Select(Parameter));

    static string Parameter(ParameterInfo p)
    {
        string before = p.IsOut ? "out " : p.ParameterType.IsByRef ? p.IsIn ? "in " : "ref " : p.IsDefined(typeof(ParamArrayAttribute))
            || p.IsDefined(typeof(ParamCollectionAttribute)) ? "params " : "";
        string text = $"{before}{Text(p.ParameterType, new NullabilityInfoContext().Create(p))} {p.Name}";
        return p.HasDefaultValue ? $"{text} = {Value(p.DefaultValue, p.ParameterType)}" : text;
    }

    static string Value(object? value, Type type)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        return value switch
        {
            null => type.IsValueType && plain == type ? "default" : "null",
            string s => $"\"{s}\"",
            bool b => b ? "true" : "false",
            _ when plain.IsEnum => $"{plain.Name}.{Enum.ToObject(plain, value)}",
            IFormattable f => f.ToString(null, CultureInfo.InvariantCulture),
            _ => value.ToString() ?? "",
        };
    }

    static string Arguments(Type[] arguments) => arguments.Length == 0 ? "" : $"<{string.Join(", ", arguments.Select(a => Text(a, null)))}>";

    static string Text(Type t, NullabilityInfo? n)
    {
        if (t.IsByRef) return Text(t.GetElementType()!, n);
        if (Nullable.GetUnderlyingType(t) is { } value) return Text(value, n?.GenericTypeArguments.FirstOrDefault()) + "?";
        string text = keywords.TryGetValue(t, out string? keyword) ? keyword
            : t.IsArray ? $"{Text(t.GetElementType()!, n?.ElementType)}[{new string(',', t.GetArrayRank() - 1)}]"
            : !t.IsGenericType ? t.Name
            : t.IsAssignableTo(typeof(ITuple)) && t.IsValueType ? $"({string.Join(", ", Nested(t, n))})"
            : $"{Name(t)}<{string.Join(", ", Nested(t, n))}>";
        return n is { ReadState: NullabilityState.Nullable } && !t.IsValueType ? text + "?" : text;
    }

    static IEnumerable<string> Nested(Type t, NullabilityInfo? n) =>
        t.GetGenericArguments().Select(
            (a, i) => Text(a, n is not null && i < n.GenericTypeArguments.Length ? n.GenericTypeArguments[i] : null));
}
