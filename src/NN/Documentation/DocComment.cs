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
/// <param name="Example">C#, or empty.</param>
[RequiresUnreferencedCode("Reads members.")]
sealed partial record DocComment(
    string Summary, IReadOnlyList<(string Name, string Text)> Parameters, string Returns, IReadOnlyList<(string Name, string Text)> Errors, string Example)
{
    static readonly ConcurrentDictionary<Assembly, IReadOnlyDictionary<string, XElement>> files = new();

    /// <summary>The comment of a member, of the one it inherits it from, or of the parameter that makes a property.</summary>
    /// <param name="member">The member.</param>
    /// <param name="markdown">Whether the texts are Markdown, with names as code, or plain.</param>
    public static DocComment Of(MemberInfo member, bool markdown = false)
    {
        var elements = Inherited(member).ToArray();
        var parameters = member is PropertyInfo { DeclaringType: { } record } ? Element(record)?.Elements("param") : null;
        return new(First("summary") is { Length: > 0 } summary ? summary : Text(parameters?.FirstOrDefault(p => p.Attribute("name")?.Value == member.Name), markdown),
            Named("param", "name"), First("returns"), Named("exception", "cref"), Unindented(elements.Select(e => e.Element("example")?.Element("code")?.Value).FirstOrDefault() ?? ""));

        string First(string tag) => elements.Select(e => Text(e.Element(tag), markdown)).FirstOrDefault(s => s.Length > 0) ?? "";

        (string, string)[] Named(string tag, string attribute) =>
            [.. elements.SelectMany(e => e.Elements(tag)).Select(e => (ShortName(e.Attribute(attribute)?.Value ?? ""), Text(e, markdown))).DistinctBy(e => e.Item1, StringComparer.Ordinal)];
    }

    /// <summary>Whether a member has no words of its own, only those of the one it inherits them from.</summary>
    public static bool IsInherited(MemberInfo member) => Element(member) is { } element && element.Element("inheritdoc") is not null && element.Element("summary") is null;

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

    /// <summary>The file beside the assembly (a package's folder, as in a notebook), else the one beside the program.</summary>
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "Empty in a program of one file: then the program's folder is tried.")]
    static IReadOnlyDictionary<string, XElement> Read(Assembly assembly)
    {
        string name = assembly.GetName().Name + ".xml", beside = Path.Combine(Path.GetDirectoryName(assembly.Location) ?? "", name);
        try
        {
            return XDocument.Load(File.Exists(beside) ? beside : Path.Combine(AppContext.BaseDirectory, name)).Descendants("member").Where(m => m.Attribute("name") is not null)
                .GroupBy(m => m.Attribute("name")!.Value, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or XmlException)
        {
            return new Dictionary<string, XElement>(StringComparer.Ordinal); // published without it
        }
    }

    /// <summary>The text on one line; references are their names.</summary>
    static string Text(XElement? element, bool markdown) =>
        element is null ? "" : Space().Replace(string.Concat(element.Nodes().Select(n => Node(n, markdown))), " ").Trim();

    static string Node(XNode node, bool markdown) => node switch
    {
        XText text => markdown ? Special().Replace(text.Value, @"\$0") : text.Value,
        XElement { IsEmpty: true } e when e.Attribute("href") is { } address => markdown ? $"<{address.Value}>" : address.Value,
        XElement { IsEmpty: true } e => Code(ShortName((e.Attribute("cref") ?? e.Attribute("name") ?? e.Attribute("langword"))?.Value ?? " "), markdown),
        XElement { Name.LocalName: "c" } e => Code(e.Value, markdown),
        XElement { Name.LocalName: "see" } e when e.Attribute("href") is { } address && markdown => $"[{Inside(e, markdown)}]({address.Value})",
        XElement e => $"{(e.Name.LocalName is "see" ? "" : " ")}{Inside(e, markdown)}",
        _ => "",
    };

    static string Inside(XElement element, bool markdown) => string.Concat(element.Nodes().Select(n => Node(n, markdown)));

    static string Code(string text, bool markdown) => markdown && text != " " ? $"`{text}`" : text;

    /// <summary>Lines without the space that all begin with.</summary>
    static string Unindented(string code)
    {
        string[] lines = [.. code.Split('\n').Select(l => l.TrimEnd()).SkipWhile(l => l.Length == 0)];
        int indent = lines.Where(l => l.Length > 0).Select(l => l.Length - l.TrimStart().Length).DefaultIfEmpty().Min();
        return string.Join('\n', lines.Select(l => l.Length > 0 ? l[indent..] : l)).TrimEnd();
    }

    /// <summary><c>M:Tessera.NN.Learner.Fit(System.Int32)</c> is <c>Fit</c>.</summary>
    static string ShortName(string id) => id.Length > 1 && id[1] == ':' ? id[2..].Split('(')[0].Split('.')[^1].Split('`')[0].Replace("#ctor", "new", StringComparison.Ordinal) : id;

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();

    /// <summary>What Markdown would take for marks; letters in brackets are none without an address behind them.</summary>
    [GeneratedRegex(@"[*<>`|]|(?<=\])(?=\()")]
    private static partial Regex Special();
}
