using System.Globalization;
using System.Text;

namespace Tessera.Vision;

/// <summary>
/// Follows the headers of a tar archive as its bytes go by, and refuses what would be read into memory at once and is too long for it: long names
/// and extended attributes, whose length a header can claim as it likes.
/// </summary>
sealed class TarHeaders
{
    const int block = 512, most = 1 << 20;

    readonly byte[] header = new byte[block];
    readonly MemoryStream attributes = new();
    int filled;
    long content, padding;
    bool keeps;
    long? sizeOfNext;

    /// <summary>The next bytes of the archive.</summary>
    /// <exception cref="InvalidDataException">A name or attributes of more than 1 MiB.</exception>
    public void See(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int n = (int)Math.Min(bytes.Length, content > 0 ? content : padding > 0 ? padding : block - filled);
            if (content > 0) Content(bytes[..n]);
            else if (padding > 0) padding -= n;
            else Header(bytes[..n]);
            bytes = bytes[n..];
        }
    }

    void Content(ReadOnlySpan<byte> bytes)
    {
        if (keeps) attributes.Write(bytes);
        if ((content -= bytes.Length) > 0 || !keeps) return;
        sizeOfNext = SizeIn(Encoding.Latin1.GetString(attributes.GetBuffer(), 0, (int)attributes.Length)) ?? sizeOfNext;
        (keeps, attributes.Position) = (false, 0);
        attributes.SetLength(0);
    }

    void Header(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(header.AsSpan(filled));
        if ((filled += bytes.Length) < block) return;
        filled = 0;
        char kind = (char)header[156];
        bool isName = kind is 'x' or 'g' or 'L' or 'K';
        content = Number(header.AsSpan(124, 12));
        if (isName && content > most)
            throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"a name or attributes of {content} bytes, expected at most {most}"));
        if (!isName && sizeOfNext is { } size) (content, sizeOfNext) = (size, null);
        (keeps, padding) = (kind == 'x', (block - (content % block)) % block);
    }

    /// <summary>A length in octal, or, where the first bit is set, in the bits behind it; 0 where it is neither.</summary>
    static long Number(ReadOnlySpan<byte> field)
    {
        if ((field[0] & 0x80) != 0) return field[4] < 0x80 ? System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(field[4..]) : long.MaxValue / 2;
        long value = 0;
        foreach (byte b in field)
            if (b is >= (byte)'0' and <= (byte)'7') value = (value * 8) + (b - '0');
        return value;
    }

    /// <summary>The record "LENGTH size=NUMBER\n" of extended attributes, which overrides the next header's length.</summary>
    static long? SizeIn(string attributes)
    {
        const string name = " size=";
        int at = attributes.LastIndexOf(name, StringComparison.Ordinal);
        if (at < 0 || attributes.IndexOf('\n', at) is not (> 0 and var end)) return null;
        return long.TryParse(attributes.AsSpan(at + name.Length, end - at - name.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long size) && size < long.MaxValue / 2 ? size : null;
    }
}
