using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using Tessera.NN;

namespace Tessera.ApiReference;

/// <summary>A type's part of a page: its declaration, what it is, and each member with its parameters and errors.</summary>
static class TypeSection
{
    const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    static readonly (string Title, Func<MemberInfo, bool> Has)[] kinds =
    [
        ("Constructors", m => m is ConstructorInfo),
        ("Values", m => m is FieldInfo),
        ("Properties", m => m is PropertyInfo),
        ("Events", m => m is EventInfo),
        ("Methods", m => m is MethodInfo { IsSpecialName: false }),
        ("Operators", m => m is MethodInfo { IsSpecialName: true }),
    ];

    static readonly Dictionary<string, string> operators = new (string Name, string Symbol)[]
    {
        ("Addition", "+"), ("Subtraction", "-"), ("Multiply", "*"), ("Division", "/"), ("Modulus", "%"), ("UnaryNegation", "-"), ("OnesComplement", "~"),
        ("BitwiseAnd", "&"), ("BitwiseOr", "|"), ("ExclusiveOr", "^"), ("LogicalNot", "!"), ("Equality", "=="), ("Inequality", "!="),
        ("LessThan", "<"), ("LessThanOrEqual", "<="), ("GreaterThan", ">"), ("GreaterThanOrEqual", ">="), ("Implicit", "implicit"), ("Explicit", "explicit"),
    }.ToDictionary(o => $"op_{o.Name}", o => o.Symbol, StringComparer.Ordinal);

    public static void Append(StringBuilder text, Type type)
    {
        var comment = DocComment.Of(type, markdown: true);
        text.Append($"\n## {Signature.QualifiedName(type)}\n\n```cs\n{Signature.Of(type)}\n```\n\n{comment.Summary}\n");
        if (comment.Example.Length > 0) text.Append($"\n```cs\n{comment.Example}\n```\n");
        MemberInfo[] members = [.. type.GetMembers(Declared).Where(IsShown)];
        foreach (var (title, has) in kinds)
        {
            MemberInfo[] these = [.. members.Where(has)];
            if (these.Length == 0) continue;
            text.Append($"\n**{title}**\n\n");
            foreach (string item in Ordered(type, these).Select(Item)) text.Append(item);
        }
    }

    /// <summary>By name and signature, the values of an enumeration by number: whatever order files are compiled in.</summary>
    static IEnumerable<MemberInfo> Ordered(Type type, IEnumerable<MemberInfo> members) => type.IsEnum
        ? members.OrderBy(m => Convert.ToInt64(((FieldInfo)m).GetRawConstantValue(), System.Globalization.CultureInfo.InvariantCulture))
        : members.OrderBy(m => m.Name, StringComparer.Ordinal).ThenBy(Signature.Of, StringComparer.Ordinal);

    /// <summary>Public or protected, written by somebody, and not only the override of what is described elsewhere.</summary>
    static bool IsShown(MemberInfo member) => member is not Type && !IsGenerated(member) && !member.Name.Contains('<', StringComparison.Ordinal)
        && member switch
        {
            ConstructorInfo c => IsVisible(c) && !c.IsStatic && (c.IsPublic || DocComment.Of(c).Summary.Length > 0),
            MethodInfo m => IsVisible(m) && !IsDescribedElsewhere(m) && (!m.IsSpecialName || m.Name.StartsWith("op_", StringComparison.Ordinal)),
            PropertyInfo p => IsVisible(Accessor(p)) && !IsDescribedElsewhere(p),
            FieldInfo f => !f.IsSpecialName && (f.IsPublic || f.IsFamily || f.IsFamilyOrAssembly),
            EventInfo e => IsVisible(e.AddMethod!),
            _ => false,
        };

    static bool IsGenerated(MemberInfo member) => member.IsDefined(typeof(CompilerGeneratedAttribute)) || (member is PropertyInfo { Name: "EqualityContract" });

    static bool IsVisible(MethodBase m) => m.IsPublic || m.IsFamily || m.IsFamilyOrAssembly;

    /// <summary>Of a base type, or of an interface of .NET.</summary>
    static bool IsDescribedElsewhere(MemberInfo member)
    {
        MethodInfo method = member as MethodInfo ?? Accessor((PropertyInfo)member), first = method.GetBaseDefinition();
        return first.DeclaringType == typeof(object) || (DocComment.IsInherited(member) && (first != method || DocComment.Of(member).Summary.Length == 0));
    }

    static MethodInfo Accessor(PropertyInfo p) => (p.GetMethod ?? p.SetMethod)!;

    static string Item(MemberInfo member)
    {
        var comment = DocComment.Of(member, markdown: true);
        StringBuilder text = new($"- `{Declaration(member)}`{(comment.Summary.Length > 0 ? $"<br>{comment.Summary}" : "")}\n");
        foreach (var (name, what) in comment.Parameters) text.Append($"  - `{name}`: {what}\n");
        if (comment.Returns.Length > 0) text.Append($"  - returns: {comment.Returns}\n");
        foreach (var (error, when) in comment.Errors) text.Append($"  - throws `{error}`: {when}\n");
        if (comment.Example.Length > 0) text.Append($"\n  ```cs\n  {comment.Example.Replace("\n", "\n  ", StringComparison.Ordinal)}\n  ```\n");
        return text.ToString();
    }

    static string Declaration(MemberInfo member)
    {
        if (member is FieldInfo { IsLiteral: true, DeclaringType.IsEnum: true } value) return value.Name;
        string signature = Signature.Of(member);
        if (member is MethodInfo { IsSpecialName: true } m && operators.TryGetValue(m.Name, out string? symbol))
            signature = signature.Replace("static ", "", StringComparison.Ordinal).Replace(m.Name, $"operator {symbol}", StringComparison.Ordinal);
        return Modifiers(member) + signature;
    }

    static string Modifiers(MemberInfo member)
    {
        MethodBase? method = member as MethodBase ?? (member is PropertyInfo p ? Accessor(p) : null);
        if (method is null || method.DeclaringType!.IsInterface) return "";
        string access = method.IsPublic ? "" : "protected ";
        bool isNew = method is MethodInfo m && m.GetBaseDefinition() == m && m is { IsVirtual: true, IsFinal: false };
        return access + (method.IsAbstract ? "abstract " : isNew && !method.DeclaringType.IsSealed ? "virtual " : "");
    }
}
