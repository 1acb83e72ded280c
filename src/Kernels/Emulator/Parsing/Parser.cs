using System.Globalization;

namespace Tessera.Emulator;

/// <summary>Reads PTX text into a <see cref="Module"/>. Recursion is bounded: bodies are flat, expressions and initial values have a depth limit.</summary>
sealed partial class Parser
{
    const int deepest = 64;

    readonly string text, file;
    readonly Module module = new();
    readonly Dictionary<string, string> names = new(StringComparer.Ordinal);
    readonly Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> known;
    Lexer lexer;
    Token token;

    Parser(string text, string file)
    {
        (this.text, this.file) = (text, file);
        known = names.GetAlternateLookup<ReadOnlySpan<char>>();
        lexer = new Lexer(text, file);
        token = lexer.Next();
    }

    /// <summary>Reads a whole text.</summary>
    /// <exception cref="PtxException">The first place where the text is not PTX.</exception>
    public static Module Parse(string text, string file)
    {
        Parser parser = new(text, file);
        parser.Header();
        while (parser.token.Kind != TokenKind.End) parser.Item();
        return parser.module;
    }

    void Header()
    {
        module.VersionPosition = Here;
        if (!Accept(".version")) throw Unexpected("the directive .version first");
        if (token.Kind != TokenKind.Decimal || !Version(Text, out var version)) throw Unexpected("a version such as 7.0");
        module.Version = version;
        Next();
        module.TargetPosition = Here;
        if (!Accept(".target")) throw Unexpected("the directive .target after .version");
        do module.Targets.Add(Name("a target such as sm_75"));
        while (Accept(","));
        module.AddressSizePosition = Here;
        if (Accept(".address_size")) module.AddressSize = (int)Math.Min(Integer("32 or 64"), 1000);
    }

    static bool Version(ReadOnlySpan<char> text, out (int, int) version)
    {
        int dot = text.IndexOf('.');
        version = default;
        if (dot <= 0 || !int.TryParse(text[..dot], NumberStyles.None, CultureInfo.InvariantCulture, out int major)
            || !int.TryParse(text[(dot + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int minor)) return false;
        // 7.00 is 7.0, and 7.80 is no 7.8.
        version = (major, minor);
        return true;
    }

    void Item()
    {
        Position at = Here;
        if (token.Kind != TokenKind.Modifier) throw Unexpected("a directive");
        switch (Text)
        {
            case ".file": SourceFile(at); return;
            case ".section": Section(); return;
            case ".pragma": Pragma(); return;
            case ".alias": AliasOf(at); return;
        }
        Linkage linkage = ReadLinkage();
        if (Is(".entry") || Is(".func"))
        {
            Function function = Function(at, linkage);
            module.Functions.Add(function);
            module.Order.Add(function);
            return;
        }
        foreach (Variable variable in Variables(at, linkage))
        {
            module.Variables.Add(variable);
            module.Order.Add(variable);
        }
    }

    Linkage ReadLinkage() =>
        Accept(".visible") ? Linkage.Visible : Accept(".extern") ? Linkage.Extern : Accept(".weak") ? Linkage.Weak : Accept(".common") ? Linkage.Common : Linkage.Static;

    void SourceFile(Position at)
    {
        Next();
        long index = Integer("a file number");
        if (module.Files.Exists(f => f.Index == index)) throw Error(at, "declaration", $"file {index} is declared twice");
        string name = Quoted();
        bool times = Accept(",");
        if (times)
        {
            Integer("a time stamp");
            if (Accept(",")) Integer("a file size");
        }
        module.Files.Add(new(at, index, name, times));
    }

    void AliasOf(Position at)
    {
        Next();
        string name = Name("the alias");
        Expect(",");
        module.Aliases.Add(new(at, name, Name("the function it stands for")));
        Expect(";");
    }

    /// <summary>A debug section: bytes, words and labels, which execution does not need.</summary>
    void Section()
    {
        Next();
        if (token.Kind != TokenKind.Modifier) throw Unexpected("the section's name");
        Next();
        Expect("{");
        while (!Accept("}"))
        {
            if (token.Kind == TokenKind.Name)
            {
                module.SectionLabel ??= Here;
                Next();
                Expect(":");
                continue;
            }
            ulong most = Text switch { ".b8" => 0xFF, ".b16" => 0xFFFF, ".b32" => 0xFFFFFFFF, ".b64" => ulong.MaxValue, _ => throw Unexpected(".b8, .b16, .b32 or .b64") };
            Next();
            do SectionValue(most);
            while (Accept(","));
        }
    }

    void SectionValue(ulong most)
    {
        if (token.Kind is TokenKind.Name or TokenKind.Modifier)
        {
            Next();
            if ((Accept("-") || Accept("+")) && token.Kind == TokenKind.Name) Next();
            else if (token.Kind == TokenKind.Integer && text[token.Start - 1] is '+' or '-') Next();
            return;
        }
        Position at = Here;
        bool negative = Accept("-");
        ulong value = (ulong)Integer("a value");
        if (!negative && value > most) throw Error(at, "operand", $"{value} does not fit");
    }

    void Next() => token = lexer.Next();

    Position Here => new(token.Line, token.Column);

    ReadOnlySpan<char> Text => text.AsSpan(token.Start, token.Length);

    bool Is(string symbol) => token.Length == symbol.Length && token.Kind != TokenKind.String && Text.SequenceEqual(symbol);

    bool Accept(string symbol)
    {
        if (!Is(symbol)) return false;
        Next();
        return true;
    }

    void Expect(string symbol)
    {
        if (!Accept(symbol)) throw Unexpected($"'{symbol}'");
    }

    string Name(string what)
    {
        if (token.Kind != TokenKind.Name || Is("_")) throw Unexpected(what);
        return Take();
    }

    /// <summary>The token's text; equal texts share one string.</summary>
    string Take()
    {
        if (!known.TryGetValue(Text, out string? name)) names[name = Text.ToString()] = name;
        Next();
        return name;
    }

    string Quoted()
    {
        if (token.Kind != TokenKind.String) throw Unexpected("a string");
        string value = text.Substring(token.Start + 1, token.Length - 2);
        Next();
        return value;
    }

    /// <summary>One integer without a sign.</summary>
    long Integer(string what)
    {
        if (token.Kind != TokenKind.Integer) throw Unexpected(what);
        long value = IntegerValue(Text);
        Next();
        return value;
    }

    PtxException Unexpected(string expected) =>
        Error(Here, "syntax", $"got {(token.Kind == TokenKind.End ? "the end of the text" : $"'{Text}'")}, expected {expected}");

    PtxException Error(Position at, string rule, string message) => new(file, at.Line, at.Column, rule, message);
}
