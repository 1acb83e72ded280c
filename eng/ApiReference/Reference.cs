using System.Reflection;
using System.Text;
using System.Text.RegularExpressions;
using Tessera.NN;
using Tessera.Vision;

namespace Tessera.ApiReference;

/// <summary>The public types whose sources lie in one folder: a page of the reference.</summary>
/// <param name="Folder">Such as <c>src/NN/Training</c>.</param>
/// <param name="Types">By name.</param>
sealed record Topic(string Folder, IReadOnlyList<Type> Types)
{
    /// <summary><c>NN: Training</c>.</summary>
    public string Title => Folder["src/".Length..].Replace("/", ": ", StringComparison.Ordinal);

    /// <summary><c>nn-training.md</c>.</summary>
    public string Page => Folder["src/".Length..].Replace('/', '-').ToLowerInvariant() + ".md";
}

/// <summary>The public API as Markdown, from the assemblies and the XML files beside them; sources only say which types belong together.</summary>
static class Reference
{
    const string Note = "<!-- generated: dotnet run -c Release --project eng/ApiReference -->\n\n";

    static readonly Assembly[] assemblies = [typeof(Device).Assembly, typeof(Tensor).Assembly, typeof(Learner).Assembly, typeof(ImageLearner).Assembly];

    /// <summary>The text of each page by its name; the same for every system and order of files.</summary>
    public static IReadOnlyDictionary<string, string> Pages(string repository)
    {
        var topics = assemblies.SelectMany(a => Topics(repository, a)).ToArray();
        return topics.Select(t => (t.Page, Text: Page(t))).Append(("README.md", Index(topics))).ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal);
    }

    static IEnumerable<Topic> Topics(string repository, Assembly assembly)
    {
        var sources = new Sources(repository, assembly.GetName().Name!["Tessera.".Length..]);
        return assembly.GetExportedTypes().GroupBy(sources.FolderOf, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => new Topic(g.Key, [.. g.OrderBy(Signature.QualifiedName, StringComparer.Ordinal).ThenBy(t => t.GetGenericArguments().Length)]));
    }

    static string Index(IReadOnlyList<Topic> topics)
    {
        StringBuilder text = new(Note);
        text.Append("# API reference\n\nEvery public type and member: made from the doc comments, as `Doc.Help(\"FitOneCycle\")` prints them in a program or a notebook.\n")
            .Append("Pages follow the folders of the sources. How the parts work together is told by [other pages](../../README.md#read-on).\n");
        foreach (var project in topics.GroupBy(t => t.Folder.Split('/')[1], StringComparer.Ordinal))
        {
            Type any = project.First().Types[0];
            text.Append($"\n## {project.Key}\n\nPackage `{any.Assembly.GetName().Name}`, namespace `{any.Namespace}`.\n\n| topic | types |\n|---|---|\n");
            foreach (var topic in project)
                text.Append($"| [{topic.Title.Split(": ")[^1]}]({topic.Page}) | {string.Join(", ", topic.Types.Where(t => !t.IsNested).Select(t => $"[{Signature.QualifiedName(t)}]({topic.Page}#{Anchor(t)})").Distinct(StringComparer.Ordinal))} |\n");
        }
        return text.ToString();
    }

    static string Page(Topic topic)
    {
        StringBuilder text = new(Note);
        text.Append($"# {topic.Title}\n\nNamespace `{topic.Types[0].Namespace}`, sources in [{topic.Folder}](../../{topic.Folder}). [All topics](README.md).\n\n| type | what it is |\n|---|---|\n");
        foreach (Type type in topic.Types)
            text.Append($"| [{Signature.QualifiedName(type)}](#{Anchor(type)}) | {FirstSentence(DocComment.Of(type, markdown: true).Summary)} |\n");
        foreach (Type type in topic.Types) TypeSection.Append(text, type);
        return text.ToString();
    }

    static string Anchor(Type type) => Signature.QualifiedName(type).Replace(".", "", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>Up to the first full stop that ends a sentence; in a table's cell, a bar is escaped inside of code too.</summary>
    static string FirstSentence(string text) =>
        Regex.Match(text, @"^.*?\.(?= [A-Z`\[]|$)|^.*$").Value.Replace(@"\|", "|", StringComparison.Ordinal).Replace("|", @"\|", StringComparison.Ordinal);
}

/// <summary>Where the types of a project are declared.</summary>
sealed class Sources(string repository, string project)
{
    readonly string[] files = [.. Directory.EnumerateFiles(Path.Combine(repository, "src", project), "*.cs", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(repository, f).Replace('\\', '/')).Where(f => !f.Contains("/obj/", StringComparison.Ordinal) && !f.Contains("/bin/", StringComparison.Ordinal)).Order(StringComparer.Ordinal)];

    readonly Dictionary<string, string> texts = new(StringComparer.Ordinal);

    /// <summary>The folder, two levels deep, of the file that bears the type's name, else of the first that declares it.</summary>
    public string FolderOf(Type type)
    {
        while (type.DeclaringType is { } outer) type = outer;
        string name = Signature.Name(type);
        Regex declaration = new($@"\b(class|struct|record|interface|enum)\s+{name}\b|\bdelegate\s[^;(]*\b{name}\b");
        string file = files.FirstOrDefault(f => Path.GetFileNameWithoutExtension(f) == name) ?? files.FirstOrDefault(f => declaration.IsMatch(Text(f)))
            ?? throw new FormatException($"src/{project}: no file declares {type}");
        return string.Join('/', file.Split('/')[..^1].Take(3));
    }

    string Text(string file) => texts.TryGetValue(file, out string? text) ? text : texts[file] = File.ReadAllText(Path.Combine(repository, file));
}
