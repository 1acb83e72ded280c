using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Text;

namespace Tessera.NN;

/// <summary>
/// The documentation of Tessera's types and members at run time: in a notebook, a debugger, a script. Signatures come from the assemblies,
/// descriptions from the XML files beside them; where such a file is missing, the signature is all.
/// </summary>
/// <example><code>
/// Doc.Help("FitOneCycle");
/// Doc.Help(typeof(LearningRate));
/// Console.WriteLine(Doc.Of(learn.FitOneCycle));
/// </code></example>
[RequiresUnreferencedCode("Doc finds members by their names; trimming may have removed them.")]
public static class Doc
{
    const int most = 8;

    /// <summary>
    /// Signature with types and defaults, description, parameters and errors of whatever is called so, one after another where several are; each with its page
    /// of the reference and the folder of its source.
    /// </summary>
    /// <param name="name">A type (<c>Learner</c>), a member (<c>FitOneCycle</c>) or both (<c>Learner.FitOneCycle</c>), in the case it is written in.</param>
    /// <exception cref="TesseraException">Nothing is called so; the message names what is called almost so.</exception>
    public static string Of(string name) => Of(name, Of);

    /// <summary>Signature, description, parameters and errors of a method, given as it is called: <c>Doc.Of(learn.FitOneCycle)</c>; with its page and source.</summary>
    public static string Of(Delegate method)
    {
        ArgumentNullException.ThrowIfNull(method);
        return Of(method.Method);
    }

    /// <summary>Signature and description of a member, of a type (<c>typeof(Learner)</c>) also its members, each with its description; with its page and source.</summary>
    public static string Of(MemberInfo member) =>
        Text(member) + (ReferencePages.Of(member) is var (page, folder) ? $"    docs: {page}\n    source: {folder}\n" : "");

    /// <summary>Prints what <see cref="Of(string)"/> gives, without page and source.</summary>
    /// <inheritdoc cref="Of(string)"/>
    public static void Help(string name) => Console.Write(Of(name, Text));

    /// <summary>Prints what <see cref="Of(Delegate)"/> gives, without page and source.</summary>
    public static void Help(Delegate method)
    {
        ArgumentNullException.ThrowIfNull(method);
        Help(method.Method);
    }

    /// <summary>Prints what <see cref="Of(MemberInfo)"/> gives, without page and source.</summary>
    public static void Help(MemberInfo member) => Console.Write(Text(member));

    static string Of(string name, Func<MemberInfo, string> describe)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        MemberInfo[] found = [.. PublicMembers.Named(name)];
        if (found.Length == 0)
        {
            string near = string.Join(", ", PublicMembers.Like(name).Take(most));
            throw new TesseraException($"Doc: nothing is called so: got '{name}', expected a public type or member of {string.Join(", ", PublicMembers.Assemblies.Select(a => a.GetName().Name))}. "
                + (near.Length > 0 ? $"Hint: there is {near}." : "Hint: names are written as in C#, such as Learner.FitOneCycle; an assembly counts once one of its types was used."));
        }
        return found.Length <= most
            ? string.Join('\n', found.Select(describe))
            : string.Create(CultureInfo.InvariantCulture, $"{found.Length} members are called {name}: {string.Join(", ", found.Select(Signature.QualifiedName).Distinct(StringComparer.Ordinal))}.\n");
    }

    static string Text(MemberInfo member)
    {
        ArgumentNullException.ThrowIfNull(member);
        var comment = DocComment.Of(member);
        StringBuilder text = new();
        text.Append(Signature.QualifiedName(member)).Append('\n');
        text.Append("    ").Append(Signature.Of(member)).Append('\n');
        if (comment.Summary.Length > 0) text.Append("    ").Append(comment.Summary).Append('\n');
        foreach (var (parameter, description) in comment.Parameters) text.Append("      ").Append(parameter).Append(": ").Append(description).Append('\n');
        if (comment.Returns.Length > 0) text.Append("      returns: ").Append(comment.Returns).Append('\n');
        foreach (var (error, description) in comment.Errors) text.Append("      throws ").Append(error).Append(": ").Append(description).Append('\n');
        if (member is Type type)
            foreach (var m in PublicMembers.Of(type)) text.Append("  ").Append(Signature.Of(m)).Append("\n      ").Append(DocComment.Of(m).Summary).Append('\n');
        return text.ToString();
    }
}
