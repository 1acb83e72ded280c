using System.Globalization;

namespace Tessera.Emulator;

/// <summary>Constant expressions with the operators of C.</summary>
sealed partial class Parser
{
    static readonly string[][] levels =
        [["||"], ["&&"], ["|"], ["^"], ["&"], ["==", "!="], ["<", "<=", ">", ">="], ["<<", ">>"], ["+", "-"], ["*", "/", "%"]];

    /// <summary>An expression that must be an integer.</summary>
    long Whole(Position at)
    {
        Constant value = Expression(0);
        return value.IsInteger ? value.Bits : throw Error(at, "operand", "an integer constant is expected here");
    }

    Constant Expression(int depth)
    {
        Constant value = Level(0, depth);
        if (!Accept("?")) return value;
        Constant yes = Expression(Deeper(depth));
        Expect(":");
        Constant no = Expression(Deeper(depth));
        return value.Bits != 0 ? yes : no;
    }

    int Deeper(int depth) => depth < deepest ? depth + 1 : throw Error(Here, "syntax", "this expression is nested too deeply");

    Constant Level(int level, int depth)
    {
        if (level == levels.Length) return Prefixed(depth);
        Constant left = Level(level + 1, depth);
        for (; ; )
        {
            Position at = Here;
            string? op = token.Kind == TokenKind.Symbol ? Array.Find(levels[level], Is) : null;
            if (op == null) return left;
            Next();
            left = Apply(at, op, left, Level(level + 1, depth));
        }
    }

    Constant Prefixed(int depth)
    {
        Position at = Here;
        if (Accept("-"))
        {
            if (token.Kind == TokenKind.HexFloat) throw Unexpected("a decimal number");
            Constant value = Prefixed(Deeper(depth));
            return value.IsInteger ? Constant.Of(-value.Bits) : Constant.Of(-value.Double, ConstantKind.Decimal);
        }
        if (Accept("+")) return Prefixed(Deeper(depth));
        if (Accept("~")) return Constant.Of(~IntegerOf(at, Prefixed(Deeper(depth))));
        if (Accept("!")) return Constant.Of(IntegerOf(at, Prefixed(Deeper(depth))) == 0 ? 1 : 0);
        if (!Accept("(")) return Literal();
        if (Is(".s64") || Is(".u64"))
        {
            bool unsigned = Is(".u64");
            Next();
            Expect(")");
            return new(ConstantKind.Integer, IntegerOf(at, Prefixed(Deeper(depth))), unsigned);
        }
        Constant inner = Expression(Deeper(depth));
        Expect(")");
        return inner;
    }

    Constant Literal()
    {
        Constant value = token.Kind switch
        {
            TokenKind.Integer => new(ConstantKind.Integer, IntegerValue(Text), Text[^1] == 'U'),
            TokenKind.Decimal => Constant.Of(double.Parse(Text, NumberStyles.Float, CultureInfo.InvariantCulture), ConstantKind.Decimal),
            // The bits of a NaN must not pass through arithmetic: a single is kept by its own bits.
            TokenKind.HexFloat when token.Length == 10 => new(ConstantKind.HexSingle, long.Parse(Text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)),
            TokenKind.HexFloat => new(ConstantKind.HexDouble, unchecked((long)ulong.Parse(Text[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture))),
            TokenKind.Name when Is("WARP_SZ") => Constant.Of(32),
            _ => throw Unexpected("an operand"),
        };
        Next();
        return value;
    }

    long IntegerOf(Position at, Constant value) => value.IsInteger ? value.Bits : throw Error(at, "operand", "an integer constant is expected here");

    /// <summary>The low 64 bits of a literal.</summary>
    static long IntegerValue(ReadOnlySpan<char> digits)
    {
        digits = digits.TrimEnd('U');
        int radix = digits.Length < 2 || digits[0] != '0' ? 10 : digits[1] switch { 'x' or 'X' => 16, 'b' or 'B' => 2, _ => 8 };
        ulong value = 0;
        foreach (char c in radix is 16 or 2 ? digits[2..] : digits)
            value = unchecked((value * (ulong)radix) + (ulong)(char.IsAsciiDigit(c) ? c - '0' : (c | 0x20) - 'a' + 10));
        return unchecked((long)value);
    }

    Constant Apply(Position at, string op, Constant a, Constant b)
    {
        if (!a.IsInteger || !b.IsInteger) return ApplyDecimal(at, op, a.Double, b.Double);
        long x = a.Bits, y = b.Bits;
        if (op is "/" or "%" && y == 0) throw Error(at, "operand", "division by zero");
        if (op is "/" or "%" && y == -1) return Constant.Of(op == "/" ? unchecked(-x) : 0);
        return op switch
        {
            "+" => Constant.Of(unchecked(x + y)),
            "-" => Constant.Of(unchecked(x - y)),
            "*" => Constant.Of(unchecked(x * y)),
            "/" => Constant.Of(x / y),
            "%" => Constant.Of(x % y),
            "<<" => Constant.Of(y is >= 0 and < 64 ? x << (int)y : 0),
            ">>" => Constant.Of(y is >= 0 and < 64 ? a.Unsigned ? (long)((ulong)x >> (int)y) : x >> (int)y : 0),
            "&" => Constant.Of(x & y),
            "|" => Constant.Of(x | y),
            "^" => Constant.Of(x ^ y),
            _ => Constant.Of(Truth(op, x.CompareTo(y), x != 0, y != 0)),
        };
    }

    Constant ApplyDecimal(Position at, string op, double x, double y) => op switch
    {
        "+" => Constant.Of(x + y, ConstantKind.Decimal),
        "-" => Constant.Of(x - y, ConstantKind.Decimal),
        "*" => Constant.Of(x * y, ConstantKind.Decimal),
        "/" => Constant.Of(x / y, ConstantKind.Decimal),
        "<<" or ">>" or "&" or "|" or "^" or "%" => throw Error(at, "operand", "an integer constant is expected here"),
        _ => Constant.Of(Truth(op, x.CompareTo(y), x != 0, y != 0)),
    };

    static long Truth(string op, int order, bool x, bool y) => op switch
    {
        "==" => order == 0,
        "!=" => order != 0,
        "<" => order < 0,
        "<=" => order <= 0,
        ">" => order > 0,
        ">=" => order >= 0,
        "&&" => x && y,
        _ => x || y,
    } ? 1 : 0;
}
