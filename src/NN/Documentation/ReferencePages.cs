using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Text.RegularExpressions;

namespace Tessera.NN;

/// <summary>Where the reference of the API in <c>docs/api</c> speaks of a type, and where its source lies: read off the index of the reference, which is part of the assembly.</summary>
[RequiresUnreferencedCode("Types are found by their names.")]
static partial class ReferencePages
{
    static readonly Lazy<Dictionary<(string Project, string Type), (string Page, string Folder)>> index = new(Read);

    /// <summary>The page and the folder of a member's type, from the root of the repository; null for types that the reference does not have.</summary>
    public static (string Page, string Folder)? Of(MemberInfo member)
    {
        Type? named = member as Type ?? member.DeclaringType, type = named;
        while (type?.DeclaringType is { } outer) type = outer;
        if (type?.Assembly.GetName().Name?.Split('.') is not ["Tessera", var project] || !index.Value.TryGetValue((project, Signature.QualifiedName(type)), out var found)) return null;
        string anchor = Signature.QualifiedName(named!).Replace(".", "", StringComparison.Ordinal).ToLowerInvariant();
        return ($"docs/api/{found.Page}#{anchor}", found.Folder);
    }

    // ## NN ... | [Training](nn-training.md) | [Callback](nn-training.md#callback), ...
    static Dictionary<(string, string), (string, string)> Read()
    {
        Dictionary<(string, string), (string, string)> found = [];
        using var reader = new StreamReader(typeof(ReferencePages).Assembly.GetManifestResourceStream("api.md")!);
        string project = "";
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith("## ", StringComparison.Ordinal)) project = line[3..];
            if (line.Split('|') is not [_, var topic, var types, _] || Link().Match(topic) is not { Success: true } title) continue;
            string name = title.Groups["name"].Value, folder = name == project ? $"src/{project}" : $"src/{project}/{name}";
            foreach (Match type in Link().Matches(types)) found.TryAdd((project, type.Groups["name"].Value), (title.Groups["page"].Value, folder));
        }
        return found;
    }

    [GeneratedRegex(@"\[(?<name>[^\]]+)\]\((?<page>[^)#]+)[^)]*\)", RegexOptions.CultureInvariant)]
    private static partial Regex Link();
}
