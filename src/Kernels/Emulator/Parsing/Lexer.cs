namespace Tessera.Emulator;

enum TokenKind : byte { End, Name, Modifier, Integer, Decimal, HexFloat, String, Symbol }

/// <summary>A piece of the text; line and column count from 1.</summary>
readonly record struct Token(TokenKind Kind, int Start, int Length, int Line, int Column);

/// <summary>Cuts PTX text into tokens, one at a time. A modifier or directive is one token with its dot: <c>.shared::cta</c>.</summary>
struct Lexer(string text, string file)
{
    int at, line = 1, lineStart;

    /// <summary>The next token; <see cref="TokenKind.End"/> for ever at the end.</summary>
    /// <exception cref="PtxException">A character PTX does not know, or a comment or string without an end.</exception>
    public Token Next()
    {
        SkipBlank();
        int start = at;
        if (at >= text.Length) return new(TokenKind.End, at, 0, line, at - lineStart + 1);
        char c = text[at];
        TokenKind kind;
        if (IsNameStart(c) || (c == '%' && IsNamePart(At(at + 1)))) kind = Name();
        else if (char.IsAsciiDigit(c) || (c == '.' && char.IsAsciiDigit(At(at + 1)) && !IsDimension())) kind = Number();
        else if (c == '.' && (IsNameStart(At(at + 1)) || char.IsAsciiDigit(At(at + 1)))) kind = Modifier();
        else if (c == '"') kind = String();
        else kind = Symbol();
        return new(kind, start, at - start, line, start - lineStart + 1);
    }

    readonly char At(int i) => i < text.Length ? text[i] : '\0';

    static bool IsNameStart(char c) => char.IsAsciiLetter(c) || c is '_' or '$';

    static bool IsNamePart(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '$';

    /// <summary><c>.2d</c>: a modifier that starts like a number.</summary>
    readonly bool IsDimension() => At(at + 2) == 'd' && !IsNamePart(At(at + 3));

    void SkipBlank()
    {
        while (at < text.Length)
        {
            char c = text[at];
            if (c == '\n') { at++; line++; lineStart = at; }
            else if (c is ' ' or '\t' or '\r' or '\f' or '\v' or '\x1A') at++;
            else if (c == '/' && At(at + 1) == '/') SkipLine();
            else if (c == '/' && At(at + 1) == '*') SkipComment();
            else if (c == '#' && IsLineMarker()) SkipLine();
            else if (c is '\0' or >= '\x7F') throw Error(at, $"unexpected character U+{(int)c:X4}: PTX is ASCII text");
            else return;
        }
    }

    void SkipLine()
    {
        while (at < text.Length && text[at] != '\n') Comment();
    }

    void SkipComment()
    {
        (int startLine, int startColumn) = (line, at - lineStart + 1);
        for (at += 2; !(At(at) == '*' && At(at + 1) == '/'); Comment())
        {
            if (at >= text.Length) throw new PtxException(file, startLine, startColumn, "syntax", "this comment has no end");
            if (text[at] == '\n') { line++; lineStart = at + 1; }
        }
        at += 2;
    }

    void Comment()
    {
        if (text[at] is '\0' or >= '\x7F') throw Error(at, $"unexpected character U+{(int)text[at]:X4} in a comment: PTX is ASCII text");
        at++;
    }

    /// <summary><c># 1 "file.cu"</c>, as a preprocessor leaves it at the start of a line.</summary>
    readonly bool IsLineMarker()
    {
        int i = at + 1;
        while (At(i) == ' ') i++;
        if (at != lineStart || !char.IsAsciiDigit(At(i))) return false;
        while (char.IsAsciiDigit(At(i))) i++;
        while (At(i) == ' ') i++;
        return At(i) == '"';
    }

    TokenKind Name()
    {
        for (at++; IsNamePart(At(at)); at++) { }
        return TokenKind.Name;
    }

    TokenKind Modifier()
    {
        for (at++; IsNamePart(At(at)) || (At(at) == ':' && At(at + 1) == ':' && IsNamePart(At(at + 2))); at += At(at) == ':' ? 2 : 1) { }
        return TokenKind.Modifier;
    }

    TokenKind String()
    {
        int start = at++;
        while (At(at) != '"')
        {
            if (at >= text.Length || text[at] is '\n') throw Error(start, "this string has no end on its line");
            Comment();
        }
        at++;
        return TokenKind.String;
    }

    TokenKind Symbol()
    {
        char next = At(at + 1);
        bool two = (text[at], next) is ('<', '<') or ('>', '>') or ('=', '=') or ('!', '=') or ('<', '=') or ('>', '=') or ('&', '&') or ('|', '|');
        at += two ? 2 : 1;
        return TokenKind.Symbol;
    }

    TokenKind Number()
    {
        if (text[at] == '0')
        {
            switch (At(at + 1))
            {
                case 'f' or 'F' when Digits(at + 2, 8): at += 10; return TokenKind.HexFloat;
                case 'd' or 'D' when Digits(at + 2, 16): at += 18; return TokenKind.HexFloat;
                case 'x' or 'X' when char.IsAsciiHexDigit(At(at + 2)):
                    for (at += 2; char.IsAsciiHexDigit(At(at)); at++) { }
                    return Unsigned();
                case 'b' or 'B' when At(at + 2) is '0' or '1':
                    for (at += 2; At(at) is '0' or '1'; at++) { }
                    return Unsigned();
            }
        }
        return Decimal();
    }

    readonly bool Digits(int from, int count)
    {
        for (int i = 0; i < count; i++) if (!char.IsAsciiHexDigit(At(from + i))) return false;
        return true;
    }

    TokenKind Unsigned()
    {
        if (At(at) == 'U') at++;
        return TokenKind.Integer;
    }

    /// <summary>An octal or decimal integer, or a number with a point or an exponent.</summary>
    TokenKind Decimal()
    {
        int start = at;
        while (char.IsAsciiDigit(At(at))) at++;
        bool exponent = At(at) is 'e' or 'E' && (char.IsAsciiDigit(At(at + 1)) || (At(at + 1) is '+' or '-' && char.IsAsciiDigit(At(at + 2))));
        if (At(at) != '.' && !exponent)
        {
            if (text[start] == '0') for (at = start; At(at) is >= '0' and <= '7'; at++) { }
            return Unsigned();
        }
        if (At(at) == '.') for (at++; char.IsAsciiDigit(At(at)); at++) { }
        if (At(at) is 'e' or 'E' && (char.IsAsciiDigit(At(at + 1)) || (At(at + 1) is '+' or '-' && char.IsAsciiDigit(At(at + 2)))))
            for (at += 2; char.IsAsciiDigit(At(at)); at++) { }
        return TokenKind.Decimal;
    }

    readonly PtxException Error(int where, string message) => new(file, line, Math.Max(1, where - lineStart + 1), "syntax", message);
}
