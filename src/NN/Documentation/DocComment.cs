using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Tessera.NN;

/// <summary>What the XML file beside an assembly says about a member; empty where there is no file.</summary>
/// <param name="Summary">What it is, on one line.</param>
/// <param name="Parameters">Each described parameter.</param>
/// <param name="Returns">What it gives.</param>
/// <param name="Errors">Each exception and when it is thrown.</param>
[RequiresUnreferencedCode("Reads members.")]
sealed partial record DocComment(string Summary, IReadOnlyList<(string Name, string Text)> Parameters, string Returns, IReadOnlyList<(string Name, string Text)> Errors)
{
    static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> files = new();

    /// <summary>The comment of a member, of the one it inherits it from, or of the parameter that makes a property.</summary>
    public static DocComment Of(MemberInfo member)
    {
        var elements = Inherited(member).ToArray();
        string summary = elements.Select(e => Text(e.Element("summary"))).FirstOrDefault(s => s.Length > 0) ?? "";
        if (summary.Length == 0 && member is PropertyInfo { DeclaringType: { } record } && Element(record) is { } type)
            summary = Text(type.Elements("param").FirstOrDefault(p => p.Attribute("name")?.Value == member.Name));
        return new(summary, Named(elements, "param", "name"), elements.Select(e => Text(e.Element("returns"))).FirstOrDefault(s => s.Length > 0) ?? "", Named(elements, "exception", "cref"));
    }

    /// <summary>The element of the member and those that <c>inheritdoc</c> leads to.</summary>
    static IEnumerable<XElement> Inherited(MemberInfo member)
    {
        var element = Element(member);
        for (int i = 0; i < 4 && element is not null; i++)
        {
            yield return element;
            if (element.Element("inheritdoc") is not { } inherit) yield break;
            element = inherit.Attribute("cref")?.Value is { } cref ? ById(member.Module.Assembly, cref) : Base(member) is { } b ? Element(b) : null;
        }
    }

    static MemberInfo? Base(MemberInfo member) => member switch
    {
        Type t => t.BaseType,
        MethodInfo m when m.GetBaseDefinition() is { } b && b != m => b,
        PropertyInfo { GetMethod: { } get } p when get.GetBaseDefinition() is { DeclaringType: { } owner } b && b != get => owner.GetProperty(p.Name),
        _ => member.DeclaringType?.GetInterfaces().SelectMany(i => i.GetMember(member.Name)).FirstOrDefault(),
    };

    static XElement? Element(MemberInfo member) => ById(member.Module.Assembly, MemberId.Of(member));

    static XElement? ById(Assembly near, string id) =>
        PublicMembers.Assemblies.Prepend(near).Select(a => files.GetOrAdd(a, Read).GetValueOrDefault(id)).FirstOrDefault(e => e is not null);

    static IReadOnlyDictionary<string, XElement> Read(Assembly assembly)
    {
        string path = Path.Combine(AppContext.BaseDirectory, assembly.GetName().Name + ".xml");
        try
        {
            return XDocument.Load(path).Descendants("member").Where(m => m.Attribute("name") is not null).GroupBy(m => m.Attribute("name")!.Value, StringComparer.Ordinal)
                .ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or XmlException)
        {
            return new Dictionary<string, XElement>(StringComparer.Ordinal); // published without it
        }
    }

    static (string, string)[] Named(XElement[] elements, string tag, string attribute) =>
        [.. elements.SelectMany(e => e.Elements(tag)).Select(e => (ShortName(e.Attribute(attribute)?.Value ?? ""), Text(e))).DistinctBy(e => e.Item1, StringComparer.Ordinal)];

    /// <summary>The text on one line; references are their names.</summary>
    static string Text(XElement? element) => element is null ? "" : Space().Replace(string.Concat(element.Nodes().Select(Node)), " ").Trim();

    static string Node(XNode node) => node switch
    {
        XText text => text.Value,
        XElement { IsEmpty: true } e => ShortName((e.Attribute("cref") ?? e.Attribute("name") ?? e.Attribute("langword") ?? e.Attribute("href"))?.Value ?? " "),
        XElement e => $"{(e.Name.LocalName is "c" or "see" ? "" : " ")}{string.Concat(e.Nodes().Select(Node))}",
        _ => "",
    };

    /// <summary><c>M:Tessera.NN.Learner.Fit(System.Int32)</c> is <c>Fit</c>.</summary>
    static string ShortName(string id) => id.Length > 1 && id[1] == ':' ? id[2..].Split('(')[0].Split('.')[^1].Split('`')[0].Replace("#ctor", "new", StringComparison.Ordinal) : id;

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
