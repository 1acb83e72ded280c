using System.Globalization;

namespace Tessera.Cli;

/// <summary>
/// An argument of a kernel as the command line writes it: <c>f32:2.5</c>, <c>f32[1024]</c>, <c>f32[1024]@in.bin</c>, <c>bytes:00ff</c>,
/// or a structure of these, <c>{f32[8]@x.bin, s64:8}</c>.
/// </summary>
sealed class KernelArgument
{
    /// <summary>What the kernel gets.</summary>
    public required PtxArgument Value { get; init; }

    /// <summary>The memory of a buffer; null for the rest.</summary>
    public byte[]? Data { get; init; }

    /// <summary>The file that a buffer's content is from; null for none.</summary>
    public string? File { get; init; }

    /// <summary>The type of a buffer's elements.</summary>
    public ElementType Element { get; init; }

    public KernelArgument[] Fields { get; init; } = [];

    /// <summary>The buffers, each with its path: 2 is the third argument, 0.1 the second field of the first.</summary>
    public IEnumerable<(string Path, KernelArgument Buffer)> Buffers(string path) =>
        Data != null ? [(path, this)] : Fields.SelectMany((f, i) => f.Buffers($"{path}.{i}"));

    /// <exception cref="TesseraException">The text is none of the forms, or a file does not hold the buffer.</exception>
    public static KernelArgument Parse(string text)
    {
        Reader reader = new(text);
        KernelArgument argument = reader.Argument(inStruct: false);
        return reader.AtEnd ? argument : throw reader.Wrong("nothing more");
    }

    /// <summary>Reads one argument from left to right.</summary>
    sealed class Reader(string text)
    {
        int at;

        public bool AtEnd => at == text.Length;

        public TesseraException Wrong(string expected) =>
            new($"--arg: cannot read '{text}': got {(AtEnd ? "its end" : $"'{text[at..]}'")}, expected {expected}. "
                + $"Hint: write f32:2.5, f32[1024], f32[1024]@in.bin, bytes:00ff, or {{f32[8]@x.bin, s64:8}}.");

        public KernelArgument Argument(bool inStruct)
        {
            if (Accept('{')) return Struct();
            int start = at;
            while (at < text.Length && char.IsAsciiLetterOrDigit(text[at])) at++;
            string name = text[start..at];
            bool isBytes = name == "bytes";
            if (!isBytes && !ElementType.TryParse(name, out _))
            {
                at = start;
                throw Wrong($"a type ({string.Join(", ", ElementType.Names)}), bytes or {{");
            }
            if (isBytes && Accept(':')) return new() { Value = PtxArgument.Bytes(Hex(Rest(inStruct))) };
            ElementType.TryParse(name, out ElementType type);
            if (!isBytes && Accept(':')) return new() { Value = Scalar(type, Rest(inStruct)) };
            if (!isBytes && Accept('[')) return Buffer(type, inStruct);
            throw Wrong(isBytes ? "':'" : "':' or '['");
        }

        KernelArgument Struct()
        {
            List<KernelArgument> fields = [];
            do
            {
                Blanks();
                fields.Add(Argument(inStruct: true));
                Blanks();
            }
            while (Accept(','));
            if (!Accept('}')) throw Wrong("',' or '}'");
            return new() { Value = PtxArgument.Struct([.. fields.Select(f => f.Value)]), Fields = [.. fields] };
        }

        KernelArgument Buffer(ElementType type, bool inStruct)
        {
            int start = at;
            while (at < text.Length && char.IsAsciiDigit(text[at])) at++;
            if (!long.TryParse(text[start..at], NumberStyles.None, CultureInfo.InvariantCulture, out long count) || count > Array.MaxLength / type.Bytes)
            {
                at = start;
                throw Wrong($"a number of elements, {Array.MaxLength / type.Bytes} at most");
            }
            if (!Accept(']')) throw Wrong("']'");
            string? file = Accept('@') ? Rest(inStruct) : null;
            byte[] data = file != null ? Load(file, type, count) : new byte[count * type.Bytes];
            return new() { Value = PtxArgument.Buffer(data), Data = data, File = file, Element = type };
        }

        byte[] Load(string path, ElementType type, long count)
        {
            if (!System.IO.File.Exists(path)) throw new TesseraException($"--arg {text}: {path}: no such file.");
            long bytes = new FileInfo(path).Length;
            return bytes == count * type.Bytes ? System.IO.File.ReadAllBytes(path)
                : throw new TesseraException($"--arg {text}: {path} has {bytes} bytes: expected {count * type.Bytes}, {type.Bytes} for each of {count} elements.");
        }

        PtxArgument Scalar(ElementType type, string number) => type.Scalar(number) ?? throw new TesseraException($"--arg {text}: got '{number}', expected a number of type {type.Name}.");

        byte[] Hex(string digits) => digits.Length % 2 == 0 && digits.All(char.IsAsciiHexDigit) ? Convert.FromHexString(digits)
            : throw new TesseraException($"--arg {text}: got '{digits}', expected two hexadecimal digits a byte.");

        /// <summary>What is left; in a structure, up to the next comma or brace.</summary>
        string Rest(bool inStruct)
        {
            int end = inStruct ? text.IndexOfAny([',', '}'], at) : text.Length;
            if (end < 0) end = text.Length;
            string rest = text[at..end].Trim();
            at = end;
            return rest;
        }

        bool Accept(char c)
        {
            bool there = at < text.Length && text[at] == c;
            if (there) at++;
            return there;
        }

        void Blanks()
        {
            while (at < text.Length && text[at] == ' ') at++;
        }
    }
}
